"""A gateway with its own server (uvicorn): in the foreground for the command line, on a thread inside a kernel."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from lfwidget.errors import GatewayError
from lfwidget.gateway.app import make_app
from lfwidget.gateway.gateway import Gateway


class _NoFalseAlarm(logging.Filter):
    """uvicorn 0.54 takes a refusal before accept for an app that forgot to answer."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("ASGI callable returned without completing handshake")


logging.getLogger("uvicorn.error").addFilter(_NoFalseAlarm())

__all__ = ["BackgroundServer", "config", "is_loopback", "load", "refuse_public"]

_LARGEST_HEAD = 16_384


class _ImpatientH11(H11Protocol):
    """Hangs up on who does not get on with his request: thousands of such connections would cost all file handles.

    uvicorn itself waits for ever.
    """

    handshake: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        before: Any = self.cycle  # it is None before the first request
        if self._deadline is None and (before is None or before.response_complete):
            self._expect()
        super().data_received(data)
        if self.cycle is not before:
            self._have()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._have()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._have()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._have()
        self._deadline = asyncio.get_running_loop().call_later(self.handshake, self.transport.abort)

    def _have(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _FinalSocket(WebSocketsSansIOProtocol):
    """Hangs up on who does not take what was still sent to him: a closed transport waits for that for ever."""

    patience: float

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.loop.call_later(self.patience, self.transport.abort)


def config(  # noqa: PLR0913 - what a server needs
    gateway: Gateway,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls_cert: str | Path | None = None,
    tls_key: str | Path | None = None,
    forwarded: str | None = None,
    compress: bool = False,
    log_level: str = "warning",
) -> uvicorn.Config:
    """How uvicorn serves a gateway.

    Args:
        gateway: what is served.
        host: address to listen on.
        port: to listen on; 0 for any that is free.
        tls_cert: file of the certificate, with those between it and the root.
        tls_key: file of its key, if that is another one.
        forwarded: addresses of proxies whose `X-Forwarded-For` and `-Proto` are believed; None believes nobody.
        compress: whether sockets are compressed: a tenth of the bytes, for six times the CPU.
        log_level: of uvicorn.
    """
    settings = gateway.settings
    return uvicorn.Config(
        make_app(gateway),
        host=host,
        port=port,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        proxy_headers=forwarded is not None,
        forwarded_allow_ips=forwarded,
        http=type("Impatient", (_ImpatientH11,), {"handshake": settings.handshake}),
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        ws=type("Final", (_FinalSocket,), {"patience": settings.send_timeout}),
        ws_max_size=settings.largest_message,
        ws_ping_interval=settings.heartbeat,
        ws_ping_timeout=settings.heartbeat,
        ws_per_message_deflate=compress,
        lifespan="on",
        log_level=log_level,
        # The address of a request may be somebody's; who needs an access log has a proxy that writes one.
        access_log=False,
        timeout_graceful_shutdown=2,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_public(host: str, *, tls: bool, insecure: bool) -> None:
    """A network may listen to what is not encrypted.

    Raises:
        GatewayError: that is the case, and nobody said that it is meant.
    """
    if tls or insecure or is_loopback(host):
        return
    raise GatewayError(
        f"{host} can be reached from the network, and without TLS everybody on the way can read runs and links. "
        "Give a certificate (tls_cert=, tls_key=), or stay on 127.0.0.1 behind a proxy that has one. On a network that "
        "you trust: insecure=True, or --insecure"
    )


class BackgroundServer:
    """A gateway on a thread and a loop of its own: a cell that blocks the kernel does not hold it up.

    Args:
        gateway: what is served.
        options: of `config`.

    Raises:
        GatewayError: it cannot listen there.

    Attributes:
        port: on which it listens.
        loop: on which the gateway lives.
    """

    def __init__(self, gateway: Gateway, **options: Any) -> None:
        self._config = config(gateway, log_level="error", **options)
        load(self._config)
        self._socket = _bound(self._config)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(self._config)
        self._ready = threading.Event()
        self.loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="lfwidget-gateway", daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self._thread.is_alive()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have it called on the gateway's loop; passed over when that has ended."""
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return

    def wait_for(self, coroutine: Any) -> Any:
        """The result of a coroutine that runs on the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def stop(self) -> None:
        """End it, and wait for that."""
        self._server.should_exit = True
        self._thread.join(10)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self.loop = runner.get_loop()
            runner.run(self._serve())

    async def _serve(self) -> None:
        task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        self._ready.set()
        await task


def load(config: uvicorn.Config) -> None:
    """Read what the configuration names.

    Raises:
        GatewayError: the certificate or its key cannot be used.
    """
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(filter(None, map(str, (config.ssl_certfile, config.ssl_keyfile or ""))))
        raise GatewayError(f"cannot use the certificate {files}: {error.strerror or error}") from error


def _bound(config: uvicorn.Config) -> socket.socket:
    """Bound here, since uvicorn ends the process where it cannot, and a kernel must not end so."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or error
        raise GatewayError(f"cannot listen on {config.host}:{config.port}: {why}") from error
    return listening
