"""The same events where no WebSocket gets through: server-sent events, and long polls. Same rights, same limits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from lfwidget.gateway.following import Following
from lfwidget.gateway.gateway import Gateway, Target, holder
from lfwidget.gateway.tokens import LEEWAY, Grant

__all__ = ["SSE_HEADERS", "events", "sse", "stream"]

_POLL = 20.0
"""Seconds that a long poll waits for something new: many proxies give up after 30."""
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
        return StreamingResponse(
            stream(gateway, request, grant, following, sse(gateway, grant, following, _as_it_is(following))),
            media_type="text/event-stream",
            headers=SSE_HEADERS,
        )
    try:
        async with gateway.guard.seated(request, grant, _poller(request, grant)):
            gateway.metrics.count("connects_total", 'transport="poll"')
            messages = await _poll(following, _patience(request))
            gateway.metrics.count("events_out_total", by=following.sent)
            return JSONResponse(
                {"since": following.position, "messages": messages}, headers={"Cache-Control": "no-store"}
            )
    finally:
        following.close()


async def stream(
    gateway: Gateway, request: Request, grant: Grant, following: Following, texts: AsyncIterator[str]
) -> AsyncIterator[str]:
    """A stream with a seat of its own; it ends as soon as the client is gone."""
    try:
        async with gateway.guard.seated(request, grant, holder()):
            gateway.metrics.count("connects_total", 'transport="sse"')
            gateway.here.add(following)
            async for text in texts:
                yield text
    finally:
        gateway.here.discard(following)
        gateway.metrics.count("events_out_total", by=following.sent)
        following.close()


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
    while not following.gone and time.time() < grant.expires + LEEWAY:
        async for text in following.ready():
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


async def _poll(following: Following, patience: float) -> list[Any]:
    """What is new; if nothing is, what comes next."""
    deadline = time.monotonic() + patience
    messages: list[Any] = []
    while True:
        messages += [json.loads(text) async for text in following.ready()]
        if any(message["kind"] not in ("hello", "room") for message in messages) or following.over or following.gone:
            return messages
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await following.news.wait()
        except TimeoutError:
            return messages


def _poller(request: Request, grant: Grant) -> str:
    """Polls of one client follow each other, so they count as one seat."""
    client = request.client.host if request.client is not None else ""
    return f"poll:{client}:{grant.link}"
