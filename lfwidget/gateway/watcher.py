"""A watcher on a WebSocket, from the accepted handshake to its end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from lfwidget.gateway.following import Following
from lfwidget.gateway.metrics import Metrics
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.tokens import LEEWAY, Grant

__all__ = ["FORBIDDEN", "GONE", "RESUME", "Closed", "Watcher"]

# Close codes are 4000 and the HTTP status of the same meaning: a client need not try again after most of 44xx.
EXPIRED, FORBIDDEN, RESUME, GONE, FLOOD = 4401, 4403, 4408, 4410, 4429
_MOST_MESSAGES = 50
"""Messages of one watcher in a second; a person presses no more buttons than that."""
_MOST_NODES = 1_000

Obey = Callable[[dict[str, Any]], Awaitable[str]]


class Closed(Exception):  # noqa: N818 - it is how a socket ends, which is no error
    """The socket is to be closed with this code, for this reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class Watcher:
    """Sends what is new, and takes what comes.

    Args:
        socket: accepted.
        following: what is watched.
        grant: what the watcher may do.
        settings: of the gateway.
        metrics: counts.
        obey: carries out a command; gives words if it cannot.
    """

    def __init__(  # noqa: PLR0913 - it is made in one place
        self,
        socket: WebSocket,
        following: Following,
        grant: Grant,
        *,
        settings: Settings,
        metrics: Metrics,
        obey: Obey,
    ) -> None:
        self.following = following
        self._socket, self._grant = socket, grant
        self._settings, self._metrics, self._obey = settings, metrics, obey
        self._active = self._sent = time.monotonic()
        self._sending_since: float | None = None
        self._allowance = float(_MOST_MESSAGES)
        self._counted_at = self._active

    async def run(self) -> None:
        """Until either side ends it."""
        # All at the same time: who only waits for events does not see that the watcher has left.
        tasks = [asyncio.create_task(work) for work in (self._send_all(), self._take_all(), self._keep_time())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            return
        except Closed as closed:
            self._metrics.count("drops_total", f'reason="{closed.code}"')
            await self._say_goodbye(closed)
        except TimeoutError:
            # It does not read, so it will not read a goodbye either; what it has not got it can ask for again.
            self._metrics.count("drops_total", 'reason="slow"')
            await self._say_goodbye(Closed(RESUME, "too slow: come back with since= to go on"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _say_goodbye(self, closed: Closed) -> None:
        try:
            async with asyncio.timeout(self._settings.send_timeout):
                await self._socket.close(closed.code, closed.reason)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            return

    # What goes out

    async def _send_all(self) -> None:
        while True:
            async for text in self.following.ready():
                self._look()
                self._active = time.monotonic()
                await self._send_next(text)
            self._look()
            if time.monotonic() - self._sent >= self._settings.heartbeat:
                await self._send_next('{"kind":"beat"}')
            await self.following.news.wait()

    async def _send_next(self, text: str) -> None:
        """Send it; `_keep_time` ends it all if that takes too long."""
        self._sending_since = time.monotonic()
        await self._send(text)
        self._sending_since = None

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except RuntimeError:
            # The server has closed it: what came was no WebSocket, or no pong came.
            raise WebSocketDisconnect(1006) from None
        self._sent = time.monotonic()

    async def _keep_time(self) -> None:
        """Notice what is due where nothing happens, and who does not read.

        One clock per watcher: a timeout around each frame and each wait was a third of the gateway's CPU.
        """
        limit = self._settings.send_timeout
        while True:
            await asyncio.sleep(min(self._pause(), limit))
            since = self._sending_since
            if since is not None and time.monotonic() - since >= limit:
                raise TimeoutError
            self.following.news.set()

    def _pause(self) -> float:
        """Seconds until something is due, if nothing happens."""
        now, settings = time.monotonic(), self._settings
        due = min(self._sent + settings.heartbeat, self._active + settings.idle)
        return max(0.01, min(due - now, self._grant.expires + LEEWAY - time.time()))

    def _look(self) -> None:
        """End it if it is time."""
        if self.following.closed:
            raise Closed(FORBIDDEN, self.following.closed)
        if self.following.gone:
            raise Closed(GONE, "this run is no longer shared")
        if time.time() > self._grant.expires + LEEWAY:
            raise Closed(EXPIRED, "the link has expired: ask for a new one")
        if time.monotonic() - self._active >= self._settings.idle:
            raise Closed(RESUME, "nothing happened for a while: come back with since= to go on")

    # What comes in

    async def _take_all(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or 1005)
            self._count()
            answer = await self._take(_parsed(message))
            if answer:
                async with asyncio.timeout(self._settings.send_timeout):
                    await self._send(json.dumps(answer))

    def _count(self) -> None:
        now = time.monotonic()
        self._allowance = min(_MOST_MESSAGES, self._allowance + (now - self._counted_at) * _MOST_MESSAGES) - 1
        self._counted_at = now
        if self._allowance < 0:
            raise Closed(FLOOD, "too many messages")

    async def _take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """What a watcher may say: which nodes it wants; with the right to run also the page's own commands."""
        kind = message.get("kind")
        if kind == "choose" and _is_choice(message.get("nodes")):
            self._active = time.monotonic()
            self.following.choose(message["nodes"])
        elif kind == "ping":
            # Who is there, but does nothing, does not keep the socket open.
            return {"kind": "pong"}
        elif kind in ("start", "cancel", "answer"):
            self._active = time.monotonic()
            refusal = await self._obey(message)
            if refusal:
                return {"kind": "refused", "request": str(message.get("request", "")), "message": refusal, "fields": []}
        else:
            self._metrics.count("ignored_total")
        return None


def _parsed(message: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object; whatever else came is passed over, as unknown kinds are."""
    try:
        found = json.loads(message.get("text") or message.get("bytes") or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_choice(nodes: Any) -> bool:
    return nodes is None or (
        isinstance(nodes, list) and len(nodes) <= _MOST_NODES and all(isinstance(node, str) for node in nodes)
    )
