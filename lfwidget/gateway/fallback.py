"""The same events where no WebSocket gets through: server-sent events, and long polls. Same rights, same limits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from lfwidget.gateway.following import Following
from lfwidget.gateway.gateway import Gateway, Target, holder
from lfwidget.gateway.tokens import LEEWAY, Grant

__all__ = ["SSE_HEADERS", "events", "sse", "stream"]

_POLL = 20.0
"""Seconds that a long poll waits for something new: many proxies give up after 30."""
_LARGEST_POLL = 1_000_000
"""Characters of an answer, about: who is far behind asks several times."""
SSE_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy must neither keep the stream nor hold it back."""


async def events(gateway: Gateway, request: Request, target: Target) -> Response:
    """Server-sent events for who asks for `text/event-stream`, JSON for everybody else.

    Raises:
        RefusedError: the request may not watch this.
    """
    grant, following = await gateway.admit(request, target)
    if "text/event-stream" in request.headers.get("accept", ""):
        if following.complete:
            following.close()
            # The one answer after which an EventSource does not come back.
            return Response(status_code=204)
        return await stream(gateway, request, grant, following, sse(gateway, grant, following, _as_it_is(following)))
    async with _here(gateway, request, grant, following, _poller(request, grant), transport="poll"):
        texts = await _poll(following, _patience(request))
        body = f'{{"since":{json.dumps(following.position)},"messages":[{",".join(texts)}]}}'
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@asynccontextmanager
async def _here(  # noqa: PLR0913 - all that is known of a watcher
    gateway: Gateway, request: Request, grant: Grant, following: Following, who: str, *, transport: str
) -> AsyncIterator[None]:
    """A watcher with a seat, who can be sent away.

    Raises:
        RefusedError: there is no seat for him.
    """
    try:
        async with gateway.guard.seated(request, grant, who):
            gateway.metrics.count("connects_total", f'transport="{transport}"')
            gateway.here[following] = grant
            yield
    finally:
        gateway.here.pop(following, None)
        gateway.metrics.count("events_out_total", by=following.sent)
        following.close()


async def stream(
    gateway: Gateway, request: Request, grant: Grant, following: Following, texts: AsyncIterator[str]
) -> Response:
    """Server-sent events to a watcher who has a seat by then.

    Raises:
        RefusedError: there is none for him.
    """
    held = AsyncExitStack()
    await held.enter_async_context(_here(gateway, request, grant, following, holder(), transport="sse"))
    return _Stream(texts, held, gateway)


class _Stream(StreamingResponse):
    """Gives the seat back however it ends, and ends where the watcher does not read."""

    def __init__(self, texts: AsyncIterator[str], held: AsyncExitStack, gateway: Gateway) -> None:
        super().__init__(texts, media_type="text/event-stream", headers=SSE_HEADERS)
        self._held, self._gateway = held, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._gateway.settings.send_timeout):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except* TimeoutError:
            self._gateway.metrics.count("drops_total", 'reason="slow"')
        finally:
            await self._held.aclose()


async def sse(
    gateway: Gateway, grant: Grant, following: Following, blocks: Callable[[str], Iterable[str]]
) -> AsyncIterator[str]:
    """Until the run has ended, or nothing happened for long: a client of SSE comes back by itself, with its last id.

    Args:
        gateway: for its settings.
        grant: of the watcher.
        following: what is watched.
        blocks: makes blocks of SSE of a message.
    """
    settings = gateway.settings
    active = time.monotonic()
    yield "retry: 1000\n\n"
    while not (following.gone or following.closed) and time.time() < grant.expires + LEEWAY:
        async for text in following.ready():
            if following.closed:
                return
            active = time.monotonic()
            for block in blocks(text):
                yield block
        if following.over or time.monotonic() - active > settings.idle:
            break
        try:
            async with asyncio.timeout(settings.heartbeat):
                await following.news.wait()
        except TimeoutError:
            yield ": beat\n\n"


def _as_it_is(following: Following) -> Callable[[str], Iterable[str]]:
    return lambda text: [f"id: {following.position}\ndata: {text}\n\n"]


def _patience(request: Request) -> float:
    """`wait=0` asks for what there is."""
    wanted = request.query_params.get("wait", "")
    return min(_POLL, float(wanted)) if wanted.isdecimal() else _POLL


async def _poll(following: Following, patience: float) -> list[str]:
    """What is new, up to a size; if nothing is, what comes next."""
    deadline = time.monotonic() + patience
    texts: list[str] = []
    while True:
        async with aclosing(following.ready()) as ready:
            async for text in ready:
                texts.append(text)
                if sum(map(len, texts)) > _LARGEST_POLL:
                    return texts
        if following.told or following.over or following.gone or following.closed:
            return texts
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await following.news.wait()
        except TimeoutError:
            return texts


def _poller(request: Request, grant: Grant) -> str:
    """Polls of one client follow each other, so they count as one seat."""
    client = request.client.host if request.client is not None else ""
    return f"poll:{client}:{grant.link}"
