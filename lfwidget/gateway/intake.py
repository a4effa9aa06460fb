"""What producers in other processes send: events of their runs, and wishes about links. Everything is checked here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.guard import RefusedError
from lfwidget.gateway.shared_log import encode
from lfwidget.gateway.store import Batch, NotYoursError
from lfwidget.gateway.tokens import LEEWAY, RIGHTS, Grant, InvalidTokenError
from lfwidget.model.check import check_event

__all__ = ["routes"]

_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_LONGEST_SEATS = 100_000
_DAY = 86_400


def routes(gateway: Gateway) -> list[Route]:
    """What producers may ask."""

    async def publish(request: Request) -> Response:
        run = _name(request.path_params["run"], "run")
        grant = await gateway.guard.admit(request, "publish")
        batch = _batch(run, await _body(request, gateway.settings.largest_batch), grant)
        _look_at_scope(grant, f"room:{batch.room}" if batch.room else f"run:{run}")
        try:
            receipt = await gateway.store.publish(batch)
        except NotYoursError as error:
            raise RefusedError(403, f"somebody else shares {error} here") from None
        gateway.metrics.count("events_in_total", by=len(batch.entries))
        return JSONResponse({"have": receipt.have, "watchers": receipt.watchers, "commands": list(receipt.commands)})

    async def tend(request: Request) -> Response:
        room = _name(request.path_params["room"], "room")
        grant = await gateway.guard.admit(request, "publish", f"room:{room}")
        try:
            receipt = await gateway.store.tend(room, grant.owner)
        except NotYoursError as error:
            raise RefusedError(403, f"somebody else shares {error} here") from None
        return JSONResponse({"watchers": receipt.watchers, "commands": list(receipt.commands)})

    async def withdraw(request: Request) -> Response:
        run = _name(request.path_params["run"], "run")
        grant = await gateway.guard.admit(request, "publish")
        log = await gateway.store.log(run)
        _look_at_scope(grant, f"run:{run}", f"room:{log.room if log is not None else ''}")
        await _look_at_owner(gateway, grant, f"run:{run}")
        await gateway.store.withdraw(run)
        return JSONResponse({})

    return [
        Route("/runs/{run}/events", publish, methods=["POST"]),
        Route("/flows/{room}", tend, methods=["POST"]),
        Route("/runs/{run}", withdraw, methods=["DELETE"]),
        *_link_routes(gateway),
    ]


def _link_routes(gateway: Gateway) -> list[Route]:
    """Links for watchers: they are made and closed by whoever shares what they lead to."""

    async def make_link(request: Request) -> Response:
        grant = await gateway.guard.admit(request, "publish")
        wanted, lifetime = _wanted(await _body(request, gateway.settings.largest_message))
        _look_at_scope(grant, wanted.scope)
        await _look_at_owner(gateway, grant, wanted.scope)
        token = gateway.signer.narrowed(grant, wanted, lifetime)
        return JSONResponse({"token": token})

    async def close_link(request: Request) -> Response:
        grant = await gateway.guard.admit(request, "publish")
        body = await _body(request, gateway.settings.largest_message)
        try:
            closed = gateway.signer.check(str(body.get("token")))
        except InvalidTokenError:
            return JSONResponse({})  # it opens nothing any more
        if closed.made_by != grant.owner:
            raise RefusedError(403, "somebody else made this link")
        await gateway.store.revoke(closed.link, closed.expires + LEEWAY)
        return JSONResponse({})

    return [Route("/links", make_link, methods=["POST"]), Route("/links/closed", close_link, methods=["POST"])]


async def _body(request: Request, largest: int) -> dict[str, Any]:
    """The JSON object of a request, as far as it may be large."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise RefusedError(413, f"at most {largest:,} bytes at once: send fewer events")
    except ClientDisconnect:
        raise RefusedError(400, "the request was cut off") from None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"this is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "a JSON object is wanted")
    return found


def _batch(run: str, body: Mapping[str, Any], grant: Grant) -> Batch:
    epoch, room, first = body.get("epoch"), body.get("room", ""), body.get("first")
    _name(epoch, "epoch")
    if room:
        _name(room, "room")
    events = body.get("events", [])
    if not isinstance(first, int) or isinstance(first, bool) or first < 1 or not isinstance(events, list):
        raise RefusedError(400, "first= is the number of the first event, events= a list")
    try:
        for seq, event in enumerate(events, first):
            if check_event(event)["seq"] != seq:
                raise RefusedError(400, f"event {event['seq']} stands where {seq} should be")
        entries = encode(events)
        for entry in entries:
            entry.text.encode()
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"this is no event: {error}") from None
    return Batch(run, str(epoch), first, entries, str(room), grant.owner)


def _wanted(body: Mapping[str, Any]) -> tuple[Grant, float]:
    scope, right, seats = body.get("scope"), body.get("can", "view"), body.get("seats", 0)
    lifetime = body.get("expires", _DAY)
    if not isinstance(scope, str) or not scope.startswith(("run:", "room:")) or right not in RIGHTS[:2]:
        raise RefusedError(400, 'scope= is "run:<id>" or "room:<id>", can= is "view" or "run"')
    if type(seats) is not int or not 0 <= seats <= _LONGEST_SEATS or not _is_number(lifetime, 366 * _DAY):
        raise RefusedError(400, "seats= is a whole number, expires= seconds above 0")
    return Grant(scope, right, str(body.get("subject") or ""), seats=int(seats)), float(lifetime)


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise RefusedError(400, f"{what} is a name of at most 64 letters, digits, dots and dashes")
    return value


def _look_at_scope(grant: Grant, *scopes: str) -> None:
    if not grant.covers(*scopes):
        raise RefusedError(403, "this token is for another run")


async def _look_at_owner(gateway: Gateway, grant: Grant, scope: str) -> None:
    if await gateway.store.owner(scope) not in (None, grant.owner):
        raise RefusedError(403, f"somebody else shares {scope.partition(':')[2]} here")
