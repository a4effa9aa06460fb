"""A real HTTP server on loopback that speaks enough of OpenAI's API for a chat model, and does as it is told.

As a program it prints its address, serves until its input is closed, and takes its orders from the last message:
`[tokens=50 delay=0.02] tell me a story`. In a test, the fixture `openai_server` takes a `Script`.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["OpenAIServer", "Script"]

_ORDERS = re.compile(r"\[((?:\w+=[^\s\]]+\s*)+)\]")
_NUMBERS = {"tokens": int, "delay": float, "cut_at": int, "hold_at": int, "status": int}
HANG = 30.0
"""Seconds after which a stream that is held gives up: a bound on hanging."""


@dataclass(frozen=True)
class Script:
    """What the server answers.

    Args:
        tokens: the pieces of the text.
        delay: seconds before each piece, of whatever channel.
        reasoning: pieces of `reasoning_content`, before the text (what DeepSeek and others send).
        tool_calls: {"id", "name", "args": pieces of JSON text}; the pieces of several are sent in turns.
        cut_at: the socket is cut before the token of this number (0 is the first).
        hold_at: before this token the server waits until `release()`, or until the client is gone.
        status: anything but 200 is answered with an error instead.
    """

    tokens: Sequence[str] = ("Hello", ", ", "world")
    delay: float = 0.0
    reasoning: Sequence[str] = ()
    tool_calls: Sequence[Mapping[str, Any]] = ()
    cut_at: int | None = None
    hold_at: int | None = None
    status: int = 200

    def ordered_by(self, request: Mapping[str, Any]) -> Script:
        """The script with the orders in the request's last message."""
        messages = request.get("messages") or [{}]
        found = _ORDERS.search(str(messages[-1].get("content", "")))
        if found is None:
            return self
        given = dict(order.split("=", 1) for order in found[1].split())
        fields: dict[str, Any] = {key: kind(given[key]) for key, kind in _NUMBERS.items() if key in given}
        if "tokens" in fields:
            fields["tokens"] = [f"t{i} " for i in range(fields["tokens"])]
        return replace(self, **fields)

    def deltas(self) -> Iterator[dict[str, Any]]:
        """The deltas of the answer, in the order they are sent."""
        for piece in self.reasoning:
            yield {"reasoning_content": piece}
        for piece in self.tokens if not self.tool_calls else ():
            yield {"content": piece}
        longest = max((len(call["args"]) for call in self.tool_calls), default=0)
        for turn in range(longest):
            for index, call in enumerate(self.tool_calls):
                if turn < len(call["args"]):
                    yield {"tool_calls": [_fragment(index, call, turn)]}

    @property
    def usage(self) -> dict[str, int]:
        """Ten tokens read, and one written for each piece."""
        written = sum(1 for _ in self.deltas())
        return {"prompt_tokens": 10, "completion_tokens": written, "total_tokens": 10 + written}


def _fragment(index: int, call: Mapping[str, Any], turn: int) -> dict[str, Any]:
    function = {"arguments": call["args"][turn]}
    if turn > 0:
        return {"index": index, "function": function}
    return {"index": index, "id": call["id"], "type": "function", "function": {"name": call["name"], **function}}


@dataclass
class OpenAIServer:
    """The server. Everything a test waits for is an event of `threading`.

    Attributes:
        script: what is answered from now on.
        keep_alive: whether a connection serves several requests, as OpenAI's do. If not, no socket outlives its test.
        requests: the bodies received, oldest first.
        sent: how many deltas went out, in all.
        disconnected: set when a client went away before its answer was complete.
        holding: set when a stream waits at `hold_at`.
    """

    script: Script = field(default_factory=Script)
    keep_alive: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0
    disconnected: threading.Event = field(default_factory=threading.Event)
    holding: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def start(self, port: int = 0) -> None:
        """Listen on a free port of 127.0.0.1, on a thread."""
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._http.daemon_threads = True
        self._http.openai = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; what is held is let go."""
        self.release()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(HANG)

    @property
    def url(self) -> str:
        """What a client calls `base_url`."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def release(self) -> None:
        """Let the streams that wait at `hold_at` go on."""
        self._released.set()

    def chat(self, **options: Any) -> Any:
        """A `ChatOpenAI` that talks to this server."""
        from langchain_openai import ChatOpenAI

        # Away from OpenAI's own address, usage comes with a stream only where it is asked for.
        given = {"model": "test-model", "api_key": "not-a-key", "base_url": self.url, "stream_usage": True}
        given |= {"max_retries": 0, **options}
        return ChatOpenAI(**given)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Requests are kept, not printed."""

    def do_GET(self) -> None:
        self._answer(200, {"object": "list", "data": [{"id": "test-model", "object": "model"}]})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._server.requests.append(request)
        script = self._server.script.ordered_by(request)
        if script.status != 200:
            self._answer(script.status, {"error": {"message": f"scripted {script.status}", "type": "scripted"}})
        elif request.get("stream"):
            self._stream(script, request)
        else:
            self._whole(script, request)

    @property
    def _server(self) -> OpenAIServer:
        return self.server.openai  # type: ignore[attr-defined, no-any-return]

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self._send_connection()
        self.end_headers()
        self.wfile.write(data)

    def _send_connection(self) -> None:
        self.send_header("Connection", "keep-alive" if self._server.keep_alive else "close")

    def _whole(self, script: Script, request: Mapping[str, Any]) -> None:
        calls = [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": "".join(c["args"])}}
            for c in script.tool_calls
        ]
        message = {"role": "assistant", "content": None if calls else "".join(script.tokens)}
        message |= {"tool_calls": calls} if calls else {}
        finish = "tool_calls" if calls else "stop"
        body = _envelope(request, "chat.completion")
        self._answer(
            200,
            {**body, "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": script.usage},
        )

    def _stream(self, script: Script, request: Mapping[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self._send_connection()
        self.end_headers()
        try:
            self._send_all(script, request)
        except (ConnectionError, _GoneError):
            self.close_connection = True
            self._server.disconnected.set()

    def _send_all(self, script: Script, request: Mapping[str, Any]) -> None:
        body = _envelope(request, "chat.completion.chunk")
        for i, delta in enumerate(script.deltas()):
            if i == script.cut_at:
                return self._cut()
            self._pause(script, i)
            self._send(json.dumps({**body, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
            self._server.sent += 1
        finish = "tool_calls" if script.tool_calls else "stop"
        self._send(json.dumps({**body, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
        if (request.get("stream_options") or {}).get("include_usage"):
            self._send(json.dumps({**body, "choices": [], "usage": script.usage}))
        self._send("[DONE]")
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _pause(self, script: Script, i: int) -> None:
        """Wait as long as the script says, and notice at once when the client goes."""
        if i == script.hold_at:
            self._server.holding.set()
            self._wait(HANG, self._server._released)
        elif script.delay:
            self._wait(script.delay, threading.Event())

    def _wait(self, seconds: float, over: threading.Event) -> None:
        step = min(seconds, 0.01)
        for _ in range(max(1, round(seconds / step))):
            readable, _, _ = select.select([self.connection], [], [], step)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _GoneError
            if over.is_set():
                return

    def _send(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.flush()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class _GoneError(Exception):
    """The client has closed its side."""


def _envelope(request: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": request.get("model", "test-model")}


if __name__ == "__main__":
    program = OpenAIServer()
    program.start(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(program.url, flush=True)  # noqa: T201 - whoever started the program reads its address
    sys.stdin.read()
