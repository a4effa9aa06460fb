"""The route that tells a run in AG-UI, as server-sent events. Same rights, same limits as the other ways.

AG-UI itself knows no way back into a stream. Ours has one: the id of an event says where it stands in our log, as
`<epoch>:<seq>.<n>`, the n-th of what event `seq` became, and `<epoch>:end` after the last. Who comes back with it gets
what follows; the log is replayed silently up to there, since later events depend on what was opened before.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lfwidget.gateway import fallback
from lfwidget.gateway.agui.messages import AguiEvent
from lfwidget.gateway.agui.translator import Translator
from lfwidget.gateway.following import Following
from lfwidget.gateway.gateway import Gateway, Target, position_of
from lfwidget.gateway.guard import RefusedError
from lfwidget.gateway.tokens import Grant

__all__ = ["Telling", "events"]

_POSITION = re.compile(r"(?:([\w-]{1,64}):)?(?:(end)|(\d{1,15})(?:\.(\d{1,9}))?)", re.ASCII)
_ALL = 10**9


async def events(gateway: Gateway, request: Request, target: Target) -> Response:
    """The events of a run, from the first one, or from where `Last-Event-ID` or `since=` say that the client is.

    A client of AG-UI may send a POST with the input of a run; here the run is there already, so its body is not read.

    Raises:
        RefusedError: the request may not watch this.
    """
    since = position_of(request)
    if since and _POSITION.fullmatch(since) is None:
        raise RefusedError(400, "since= is the id of an event of this stream, as <epoch>:<seq>.<n>")
    grant, following = await gateway.admit(request, target, since="")
    epoch = following.position.rpartition(":")[0]
    if since == f"{epoch}:end":
        # To a browser's EventSource this is the one answer that means: do not come back.
        following.close()
        return Response(status_code=204)
    told = _told(gateway, grant, following, Telling(target.run, epoch, since))
    return await fallback.stream(gateway, request, grant, following, told)


async def _told(gateway: Gateway, grant: Grant, following: Following, telling: Telling) -> AsyncIterator[str]:
    async for block in fallback.sse(gateway, grant, following, telling.blocks):
        yield block
        if telling.over:
            return
    if following.gone:
        for block in telling.fail("this run is no longer shared", "gone"):
            yield block


class Telling:
    """Makes blocks of SSE of what is sent to a watcher.

    Args:
        run: id of the run.
        epoch: of its log.
        since: the id of the last event the client has; "" for none.

    Attributes:
        over: whether the last block was the last.
    """

    def __init__(self, run: str, epoch: str, since: str) -> None:
        self.over = False
        self._epoch = epoch
        self._translator = Translator(run)
        self._since = _parsed(since, epoch)

    def blocks(self, text: str) -> Iterator[str]:
        """What a message of the gateway becomes."""
        message = json.loads(text)
        if message["kind"] == "frame":
            for event in message["events"]:
                yield from self._tell(event)
        elif message["kind"] == "gap":
            yield from self._tell_gap(message)
        elif message["kind"] == "producer":
            told = {name: message[name] for name in ("alive", "reason") if name in message}
            yield from map(_block, self._translator.remark("producer", told))

    def fail(self, message: str, code: str) -> Iterator[str]:
        """End it with an error."""
        told = self._translator.fail(message, code)
        for number, made in enumerate(told, 1):
            yield self._placed(made, "end" if number == len(told) else "")

    def _tell(self, event: Mapping[str, Any]) -> Iterator[str]:
        told = self._translator.take(event)
        for number, made in enumerate(told, 1):
            if (event["seq"], number) > self._since:
                last = self._translator.ended and number == len(told)
                yield self._placed(made, "end" if last else f"{event['seq']}.{number}")

    def _placed(self, event: AguiEvent, place: str) -> str:
        self.over = place == "end"
        return _block(event, f"{self._epoch}:{place}" if place else "")

    def _tell_gap(self, gap: Mapping[str, Any]) -> Iterator[str]:
        if gap["to"] < gap["from"]:
            yield from self.fail(f"{gap['reason']}: ask for the run anew", "restarted")
        elif gap["from"] <= self._since[0]:
            # What the client has open is not known any more, so nothing that follows would fit.
            yield from self.fail(f"{gap['reason']}: ask for the run anew, without a position", "lost")
        else:
            yield from map(_block, self._translator.remark("gap", {key: gap[key] for key in ("from", "to", "reason")}))


def _parsed(since: str, epoch: str) -> tuple[int, int]:
    """Up to which event, and how much of it. Positions in another log mean nothing here."""
    found = _POSITION.fullmatch(since)
    if found is None or found[1] not in (None, epoch) or found[3] is None:
        return (0, 0)
    return (int(found[3]), _ALL if found[4] is None else int(found[4]))


def _block(event: AguiEvent, position: str = "") -> str:
    identity = f"id: {position}\n" if position else ""
    return f"{identity}data: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n"
