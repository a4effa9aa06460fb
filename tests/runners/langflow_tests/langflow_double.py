"""A small HTTP server on loopback that stands in for LangFlow: it says what a test tells it to, byte for byte.

What a real LangFlow 1.13 sent is in `captures/` (line 1: a name, line 2: status and headers, then one HTTP chunk each).
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent / "captures"
FLOW = "66238b96-14e1-4617-aebc-4048c467ffdc"
JOB = "eb3d2e49-c19e-4527-b859-47612ec12d62"
KEY = "sk-planted-key-of-the-tests"
HANG = 30.0

LIST, READ = "GET /api/v1/flows/", f"GET /api/v1/flows/{FLOW}"
POST, EVENTS, STATUS = "POST /api/v2/workflows", f"GET /api/v2/workflows/{JOB}/events", "GET /api/v2/workflows"
STOP, BUILD, RUN = "POST /api/v2/workflows/stop", f"POST /api/v1/build/{FLOW}/flow", f"POST /api/v1/run/{FLOW}"

CUT = object()
"""In a body: the socket is cut here."""
HOLD = object()
"""In a body: the server waits here until `release()`, or until the client is gone."""

MODEL, OUT = "LanguageModelComponent-FLeYF", "ChatOutput-yK0AU"
SECOND = "LanguageModelComponent-BBBBB"


def node(node_id, *outputs, **fields):
    kind = node_id.partition("-")[0]
    template = {name: {"value": value, "type": "str"} for name, value in fields.items()}
    titles = {"LanguageModelComponent": "Language Model", "ChatInput": "Chat Input", "ChatOutput": "Chat Output"}
    definition = {
        "display_name": titles.get(kind, kind),
        "template": template,
        "outputs": [{"name": name, "types": ["Message"]} for name in outputs],
    }
    data = {"id": node_id, "type": kind, "node": definition}
    return {"id": node_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}


def edge(source, output, target, into):
    out = {"dataType": source.partition("-")[0], "id": source, "name": output, "output_types": ["Message"]}
    to = {"fieldName": into, "id": target, "inputTypes": ["Message"], "type": "str"}
    return {"source": source, "target": target, "data": {"sourceHandle": out, "targetHandle": to}}


def flow(nodes, edges, name="Basic"):
    return {"id": FLOW, "name": name, "description": "", "data": {"nodes": nodes, "edges": edges}}


def model(node_id, stream=True):
    return node(node_id, "text_output", input_value="", system_message="", stream=stream, model="gpt", api_key="")


def basic(**options):
    return flow(
        [
            node("ChatInput-b6UCc", "message", input_value=""),
            node("Prompt-t2oaK", "prompt", template="Answer."),
            model(MODEL, **options),
            node(OUT, "message", input_value="", should_store_message=True),
        ],
        [
            edge("ChatInput-b6UCc", "message", MODEL, "input_value"),
            edge("Prompt-t2oaK", "prompt", MODEL, "system_message"),
            edge(MODEL, "text_output", OUT, "input_value"),
        ],
    )


def chained():
    found = basic()
    found["data"]["nodes"].append(model(SECOND))
    found["data"]["edges"][-1:] = [
        edge(MODEL, "text_output", SECOND, "input_value"),
        edge(SECOND, "text_output", OUT, "input_value"),
    ]
    return found


def agent():
    tool = node("CalculatorComponent-Awf9O", "component_as_tool", tools_metadata=[{"name": "evaluate_expression"}])
    tool["data"]["node"]["tool_mode"] = True
    return flow(
        [
            node("ChatInput-tKQ4d", "message", input_value=""),
            tool,
            node("Agent-EXpSZ", "response", input_value="", tools="", model="gpt", n_messages=100),
            node("ChatOutput-KxTA8", "message", input_value=""),
        ],
        [
            edge("ChatInput-tKQ4d", "message", "Agent-EXpSZ", "input_value"),
            edge("CalculatorComponent-Awf9O", "component_as_tool", "Agent-EXpSZ", "tools"),
            edge("Agent-EXpSZ", "response", "ChatOutput-KxTA8", "input_value"),
        ],
        "Agent",
    )


def chunks(capture):
    """The bytes that a real server sent, chunk by chunk."""
    lines = (CAPTURES / f"{capture}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["raw"].encode() for line in lines[2:]]


def sse(*events: dict[str, Any], first: int = 1) -> list[bytes]:
    """Events as API v2 writes them."""
    return [f"data: {json.dumps(each)}\nid: {number}\n\n".encode() for number, each in enumerate(events, first)]


@dataclass
class Answer:
    """What is answered to one request.

    Args:
        body: chunks, of which some may be CUT or HOLD; or an object, sent as JSON.
        status: of HTTP.
        kind: content type.
        headers: more of them.
    """

    body: Any = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def chunks(self) -> Sequence[Any]:
        if isinstance(self.body, bytes):
            return [self.body]
        if isinstance(self.body, list) and self.kind != "application/json":
            return self.body
        return [json.dumps(self.body).encode()]


def stream(body: Sequence[Any], **options: Any) -> Answer:
    return Answer(list(body), kind="text/event-stream", **options)


NOT_THERE = Answer({"detail": "Not Found"}, 404)
QUEUED = Answer({"job_id": JOB, "flow_id": FLOW, "status": "queued", "object": "job"})
DONE = Answer({"job_id": JOB, "status": "completed", "outputs": {}})


@dataclass(frozen=True)
class Request:
    route: str
    query: str
    headers: dict[str, str]
    body: Any


class FakeLangFlow:
    """The server.

    Attributes:
        answers: by route, in the order they are given; the last one is given for ever.
        requests: what came, oldest first.
        holding: set when a body waits at HOLD.
        gone: set when the client went away before it had the whole answer.
    """

    def __init__(self, saved=None):
        self.flow = saved or basic()
        self.answers: dict[str, list[Answer]] = {
            LIST: [Answer([{"id": FLOW, "name": self.flow["name"], "endpoint_name": "basic-end"}])],
            READ: [Answer(self.flow)],
        }
        self.requests: list[Request] = []
        self.holding, self.gone, self._released = threading.Event(), threading.Event(), threading.Event()

    def says(self, route: str, *answers: Answer) -> FakeLangFlow:
        self.answers[route] = list(answers)
        return self

    def in_background(self, *bodies: Sequence[Any], status: Answer = DONE) -> FakeLangFlow:
        """Answers as to a background run: the first body, then the next after each reconnect."""
        self.says(POST, QUEUED).says(EVENTS, *(stream(body) for body in bodies)).says(STATUS, status)
        return self.says(STOP, Answer({"job_id": JOB, "message": "cancelled"}))

    def asked(self, route: str) -> list[Request]:
        return [request for request in self.requests if request.route == route]

    def release(self):
        self._released.set()

    @contextlib.contextmanager
    def running(self, tls: ssl.SSLContext | None = None) -> Iterator[FakeLangFlow]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            self.release()
            server.shutdown()
            server.server_close()
            thread.join(HANG)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        answers = self.answers.get(request.route, [NOT_THERE])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def wait(self, connection: socket.socket) -> None:
        self.holding.set()
        for _ in range(int(HANG / 0.01)):
            readable, _, _ = select.select([connection], [], [], 0.01)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                self.gone.set()
                return
            if self._released.is_set():
                return


def _handler(fake: FakeLangFlow) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"fake": fake})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeLangFlow

    def log_message(self, *_):
        """Requests are kept, not printed."""

    def do_GET(self):
        self._serve("GET", None)

    def do_POST(self):
        self._serve("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null"))

    def _serve(self, method, body):
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.fake.answer(Request(f"{method} {path}", query, headers, body))
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.kind, "Transfer-Encoding": "chunked", **answer.headers}.items():
            self.send_header(name, value)
        # A connection for each request, so that none outlives its test.
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            self._send(answer)
        except ConnectionError:  # before the body was sent as far as HOLD
            self.fake.gone.set()

    def _send(self, answer):
        for chunk in answer.chunks():
            if chunk is CUT:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if chunk is HOLD:
                self.fake.wait(self.connection)
            elif chunk:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
