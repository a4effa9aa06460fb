"""The gateway as an ASGI app: its routes, and its sockets. `uvicorn lfwidget.gateway.app:app` serves it.

| route | what it gives |
|---|---|
| `GET /runs/{run}`, `GET /flows/{room}` | the page |
| `WS /runs/{run}/stream`, `WS /flows/{room}/stream` | all events |
| `WS /ws/stream/{node}?run=...` | the events of one node |
| `GET /runs/{run}/events`, `GET /flows/{room}/events` | the same as SSE or by long poll (`fallback.py`) |
| `GET`, `POST /runs/{run}/agui` | a run as AG-UI events (`agui/`) |
| other `POST`, `DELETE` | producers (`intake.py`) |
| `GET /healthz`, `GET /metrics` | for whoever runs it |
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from lfwidget.gateway import fallback, intake, page
from lfwidget.gateway.agui import stream as agui
from lfwidget.gateway.gateway import Gateway, Target, holder
from lfwidget.gateway.guard import PROTOCOL, RefusedError
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.watcher import Watcher

__all__ = ["app", "make_app", "refusal_of", "routes", "run_routes"]


def make_app(gateway: Gateway | None = None) -> Starlette:
    """The app of a gateway.

    Args:
        gateway: what it serves; by default one as the environment says (`LFWIDGET_GATEWAY_*`).
    """
    gateway = gateway or Gateway(Settings.from_environment())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await gateway.store.open()
        try:
            yield
        finally:
            await gateway.store.close()

    made = Starlette(
        routes=_under(gateway.settings.prefix, routes(gateway)),
        lifespan=lifespan,
        exception_handlers={RefusedError: _refusal},
    )
    made.state.gateway = gateway
    return made


def _under(prefix: str, served: list[BaseRoute]) -> list[BaseRoute]:
    prefix = prefix.rstrip("/")
    return [Mount(prefix, routes=served)] if prefix else served


def routes(gateway: Gateway) -> list[BaseRoute]:
    """What a gateway answers to."""

    def on_room(request: Any) -> Target:
        return Target(room=request.path_params["room"])

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(
            gateway.metrics.text(watchers=len(gateway.here), lag_events=gateway.lag()),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return [
        *run_routes(gateway),
        WebSocketRoute("/flows/{room}/stream", _socket(gateway, on_room)),
        Route("/flows/{room}/events", _answering(fallback.events, gateway, on_room), methods=["GET"]),
        *intake.routes(gateway),
        *page.routes(),
        Route("/healthz", _healthz),
        Route("/metrics", metrics),
    ]


def run_routes(gateway: Gateway) -> list[BaseRoute]:
    """Those where a run is watched."""

    def on_run(request: Any) -> Target:
        return Target(run=request.path_params["run"])

    def on_node(request: Any) -> Target:
        return Target(run=request.query_params.get("run", ""))

    return [
        WebSocketRoute("/runs/{run}/stream", _socket(gateway, on_run)),
        WebSocketRoute("/ws/stream/{node:path}", _socket(gateway, on_node)),
        Route("/runs/{run}/events", _answering(fallback.events, gateway, on_run), methods=["GET"]),
        Route("/runs/{run}/agui", _answering(agui.events, gateway, on_run), methods=["GET", "POST"]),
    ]


def _socket(gateway: Gateway, target: Callable[[Any], Target]) -> Callable[[WebSocket], Awaitable[None]]:
    async def watch(websocket: WebSocket) -> None:
        await _watch(gateway, websocket, target(websocket))

    return watch


def _answering(
    events: Callable[[Gateway, Request, Target], Awaitable[Response]],
    gateway: Gateway,
    target: Callable[[Any], Target],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await events(gateway, request, target(request))
        except RefusedError as refusal:
            return refusal_of(refusal)

    return answer


async def _watch(gateway: Gateway, socket: WebSocket, target: Target) -> None:
    try:
        grant, following = await gateway.admit(socket, target)
    except RefusedError as refusal:
        await _deny(socket, refusal)
        return
    try:
        async with gateway.guard.seated(socket, grant, holder()):
            await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
            gateway.metrics.count("connects_total", 'transport="websocket"')
            gateway.here[following] = grant
            watcher = Watcher(
                socket,
                following,
                grant,
                settings=gateway.settings,
                metrics=gateway.metrics,
                obey=gateway.obey(grant, target),
            )
            try:
                await watcher.run()
            finally:
                gateway.here.pop(following, None)
                gateway.metrics.count("events_out_total", by=following.sent)
    except RefusedError as refusal:
        await _deny(socket, refusal)
    finally:
        following.close()


async def _deny(socket: WebSocket, refusal: RefusedError) -> None:
    """Before accept: a real HTTP status where the server can send one."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(refusal_of(refusal))
    else:
        await socket.close(4000 + refusal.status, refusal.words)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"ok": True})


async def _refusal(_request: Request, refusal: Exception) -> Response:
    return refusal_of(cast("RefusedError", refusal))


def refusal_of(refusal: RefusedError) -> Response:
    """It as an answer."""
    headers = {"Cache-Control": "no-store"}
    if refusal.status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2: it must say how
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.status == 503:  # noqa: PLR2004 - RFC 9110, 15.6.4: it may say when
        headers["Retry-After"] = "1"
    return JSONResponse({"error": refusal.words}, refusal.status, headers)


class _Lazy:
    """The app of this process, made when it is first asked: settings come from the environment."""

    def __init__(self) -> None:
        self._made: Starlette | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            self._made = make_app()
        await self._made(scope, receive, send)


app = _Lazy()
"""For any ASGI server: `uvicorn lfwidget.gateway.app:app`."""
