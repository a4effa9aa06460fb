"""The connection to a gateway: a WebSocket; where none gets through, server-sent events; and long polls at last.

Whatever happens to a connection, the next one goes on from the last event; only a refusal ends it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from lfwidget.errors import GatewayError
from lfwidget.runners.socket.address import Address

__all__ = ["Client", "refused"]

_OPEN = 10.0
_HEARTBEAT = 20.0
_SILENCE = 60.0
"""Seconds without a sign of life after which an SSE connection is given up: the gateway beats every 20."""
_LARGEST = 64_000_000
_LONGEST_PAUSE = 10.0
_FINAL = frozenset({400, 401, 403, 404, 410})
"""What a gateway says, as HTTP status or 4000 and that as close code, after which coming back does not help."""
_RESUME = 4408
_TRIES = 2
"""Failures of a transport that never worked before the next one is tried."""

Message = dict[str, Any]


class Client:
    """Messages of a gateway, through all reconnects.

    Args:
        address: of what is watched.
        position: says where we are: `since=`.
        lost: is called with words when the connection is lost, and with "" when it is there again.
        patience: seconds without any connection after which it is given up.

    Attributes:
        transport: how it is connected, or was: "websocket", "sse" or "poll".
    """

    def __init__(
        self, address: Address, position: Callable[[], str], lost: Callable[[str], None], patience: float = 600.0
    ) -> None:
        self.address = address
        self.transport = "websocket"
        self._position, self._lost, self._patience = position, lost, patience
        self._socket: ClientConnection | None = None
        self._transports = {"websocket": self._over_socket, "sse": self._over_sse, "poll": self._over_poll}
        self._worked = False
        self._away = False
        self._outbox: deque[Message] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.address.token}"}

    async def messages(self) -> AsyncGenerator[Message]:
        """Until the one who reads them has enough.

        Raises:
            GatewayError: the gateway refuses, or was away for too long.
        """
        self._loop = asyncio.get_running_loop()
        failures, since = 0, self._loop.time()
        while True:
            try:
                # Closed by us: a generator that is left to the garbage collector leaves its socket open.
                async with aclosing(self._transports[self.transport]()) as messages:
                    async for message in messages:
                        failures, self._worked = 0, True
                        self._connected()
                        yield message
                trouble: Exception = ConnectionError("the connection was closed")
            except InvalidStatus as error:
                trouble = refused(self.address, error.response.status_code, bytes(error.response.body or b""))
            except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, httpx.HTTPError, GatewayError) as error:
                trouble = self._meaning(error)
            if isinstance(trouble, GatewayError) and trouble.status is not None and trouble.status % 4000 in _FINAL:
                raise trouble
            now = self._loop.time()
            failures, since = failures + 1, since if failures else now
            if now - since > self._patience:
                raise GatewayError(f"the gateway was away for too long: {trouble}", self.address.url)
            self._retreat(failures)
            self._disconnected(trouble)
            await asyncio.sleep(random.uniform(0.05, min(_LONGEST_PAUSE, 0.1 * 2 ** min(failures, 10))))  # noqa: S311

    def post(self, message: Message) -> None:
        """Ask for something, which only a socket can: now, or as soon as there is one. From any thread.

        Raises:
            GatewayError: no socket gets through here.
        """
        if self.transport != "websocket":
            raise GatewayError(
                "no WebSocket gets through to the gateway: from here one can only watch", self.address.url
            )
        self._outbox.append(message)
        if self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._send_all(), self._loop)

    async def _send_all(self) -> None:
        while self._socket is not None and self._outbox:
            try:
                await self._socket.send(json.dumps(self._outbox[0]))
            except ConnectionClosed:
                return
            self._outbox.popleft()

    def _connected(self) -> None:
        if self._away:
            self._away = False
            self._lost("")

    def _disconnected(self, trouble: Exception) -> None:
        if not self._away:
            self._away = True
            self._lost(str(trouble) or type(trouble).__name__)

    def _retreat(self, failures: int) -> None:
        """What never worked does not get through here: proxies that know no WebSocket are common."""
        if not self._worked and failures % _TRIES == 0:
            names = list(self._transports)
            self.transport = names[(names.index(self.transport) + 1) % len(names)]

    def _meaning(self, error: Exception) -> Exception:
        """What the gateway meant by closing the socket."""
        if isinstance(error, ConnectionClosed) and error.rcvd is not None:
            if error.rcvd.code == _RESUME:
                return error
            return GatewayError(error.rcvd.reason or str(error), self.address.url, error.rcvd.code)
        return error

    async def _over_socket(self) -> AsyncGenerator[Message]:
        async with connect(
            f"{self.address.stream}?since={self._position()}",
            subprotocols=["lfwidget.v1"],  # type: ignore[list-item]  # a NewType of str
            additional_headers=self._headers,
            open_timeout=_OPEN,
            ping_interval=_HEARTBEAT,
            ping_timeout=_HEARTBEAT,
            max_size=_LARGEST,
            proxy=None if self.address.is_here else True,
        ) as socket:
            self._socket = socket
            await self._send_all()
            try:
                async for text in socket:
                    yield json.loads(text)
            except asyncio.CancelledError:
                # Whoever is stopped does not wait for a goodbye.
                socket.transport.abort()
                raise
            finally:
                self._socket = None

    async def _over_sse(self) -> AsyncGenerator[Message]:
        headers = {**self._headers, "Accept": "text/event-stream", "Last-Event-ID": self._position()}
        async with self._http(headers) as client, client.stream("GET", self.address.events) as response:
            await self._look_at(response)
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    async def _over_poll(self) -> AsyncGenerator[Message]:
        async with self._http(self._headers) as client:
            while True:
                response = await client.get(self.address.events, params={"since": self._position()})
                await self._look_at(response)
                for message in response.json()["messages"]:
                    yield message

    def _http(self, headers: dict[str, str]) -> httpx.AsyncClient:
        timeout = httpx.Timeout(_OPEN, read=_SILENCE)
        way = httpx.AsyncHTTPTransport() if self.address.is_here else None
        return httpx.AsyncClient(timeout=timeout, headers=headers, transport=way)

    async def _look_at(self, response: httpx.Response) -> None:
        if response.status_code != 200:  # noqa: PLR2004 - HTTP
            raise refused(self.address, response.status_code, await response.aread())


def refused(address: Address, status: int, body: bytes) -> GatewayError:
    """What the gateway answered. A proxy on the way may have said it: then there is no status."""
    try:
        words = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        words = f"something answers {status}, and not as a gateway does. Is the link right, is the gateway running?"
        return GatewayError(f"{address.url}: {words}", address.url)
    return GatewayError(f"{address.url}: {words}", address.url, status)
