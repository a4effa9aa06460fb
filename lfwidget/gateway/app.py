"""The gateway as an ASGI app: its routes, and its sockets. `uvicorn lfwidget.gateway.app:app` serves it.

| route | what it gives |
|---|---|
| `GET /runs/{run}`, `GET /flows/{room}` | the page |
| `WS /runs/{run}/stream`, `WS /flows/{room}/stream` | all events |
| `WS /ws/stream/{node}?run=...` | the events of one node |
| `GET /runs/{run}/events`, `GET /flows/{room}/events` | the same as SSE or by long poll (`fallback.py`) |
| `POST`, `DELETE` | producers (`intake.py`) |
| `GET /healthz`, `GET /metrics` | for whoever runs it |
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from lfwidget.gateway import fallback, intake, page
from lfwidget.gateway.gateway import Gateway, Target, holder
from lfwidget.gateway.guard import PROTOCOL, RefusedError
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.watcher import Watcher

__all__ = ["app", "make_app", "routes"]


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

    made = Starlette(routes=routes(gateway), lifespan=lifespan, exception_handlers={RefusedError: _refusal})
    made.state.gateway = gateway
    return made


def routes(gateway: Gateway) -> list[BaseRoute]:
    """What a gateway answers to."""

    def on_run(request: Any) -> Target:
        return Target(run=request.path_params["run"])

    def on_room(request: Any) -> Target:
        return Target(room=request.path_params["room"])

    def on_node(request: Any) -> Target:
        return Target(run=request.query_params.get("run", ""))

    def socket(target: Callable[[Any], Target]) -> Callable[[WebSocket], Awaitable[None]]:
        async def watch(websocket: WebSocket) -> None:
            await _watch(gateway, websocket, target(websocket))

        return watch

    def events(target: Callable[[Any], Target]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await fallback.events(gateway, request, target(request))

        return answer

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(
            gateway.metrics.text(watchers=len(gateway.here), lag_events=gateway.lag()),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return [
        WebSocketRoute("/runs/{run}/stream", socket(on_run)),
        WebSocketRoute("/flows/{room}/stream", socket(on_room)),
        WebSocketRoute("/ws/stream/{node:path}", socket(on_node)),
        Route("/runs/{run}/events", events(on_run), methods=["GET"]),
        Route("/flows/{room}/events", events(on_room), methods=["GET"]),
        *intake.routes(gateway),
        *page.routes(),
        Route("/healthz", _healthz),
        Route("/metrics", metrics),
    ]


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
            watcher = Watcher(
                socket,
                following,
                grant,
                settings=gateway.settings,
                metrics=gateway.metrics,
                obey=gateway.obey(grant, target),
            )
            gateway.here.add(following)
            gateway.watchers[watcher] = grant
            try:
                await watcher.run()
            finally:
                del gateway.watchers[watcher]
                gateway.here.discard(following)
                gateway.metrics.count("events_out_total", by=following.sent)
    except RefusedError as refusal:
        await _deny(socket, refusal)
    finally:
        following.close()


async def _deny(socket: WebSocket, refusal: RefusedError) -> None:
    """Before accept: a real HTTP status where the server can send one."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(_response(refusal))
    else:
        await socket.close(4000 + refusal.status, refusal.words)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"ok": True})


async def _refusal(_request: Request, refusal: Exception) -> Response:
    return _response(cast("RefusedError", refusal))


def _response(refusal: RefusedError) -> Response:
    headers = {"Cache-Control": "no-store"}
    if refusal.status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2: it must say how
        headers["WWW-Authenticate"] = "Bearer"
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
