"""A recorded run as a live one again: the same events with the same times, at the pace at which they came."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Sequence
from typing import Any

from lfwidget.errors import InputError, RecordedError
from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.work import Work

__all__ = ["outcome", "replay"]

Event = dict[str, Any]


def replay(events: Sequence[Event], speed: float = 1.0) -> Work:
    """Start a run that repeats these events.

    Args:
        events: of a run that has ended.
        speed: 2.0 is twice as fast; infinity does not wait at all.

    Raises:
        InputError: `speed` is no number above 0, or the run has not ended.
    """
    if math.isnan(speed) or speed <= 0:
        raise InputError(f"speed= is a number above 0, such as 0.5 or 4, not {speed!r}")
    state = RunState(events)
    if not state.ended:
        raise InputError(f"the run {state.name!r} has not ended: await it first, then replay it")
    log, run_id = RunLog(), uuid.uuid4().hex[:12]
    log.extend([{**events[0], "run_id": run_id}])
    work = Work(log, run_id, state.name or state.flow)
    work.start(lambda: _play(events[1:], log, speed))
    return work


async def _play(events: Sequence[Event], log: RunLog, speed: float) -> Any:
    loop = asyncio.get_running_loop()
    started, due = loop.time(), list[Event]()
    for event in events:
        wait = started + event["t"] / speed - loop.time()
        if wait > 0:
            log.extend(due)
            due.clear()
            await asyncio.sleep(wait)
        due.append(event)
    log.extend(due)
    return outcome(log.since(0))


def outcome(events: Sequence[Event]) -> Any:
    """What a run returned, from its events; it raises where the run did.

    Raises:
        RecordedError: the run failed.
        asyncio.CancelledError: it was cancelled, with the reason.
    """
    state = RunState(events)
    if state.status == "failed" and state.error is not None:
        raise RecordedError(state.error["type"], state.error["message"])
    if state.status != "finished":
        last = next((event for event in reversed(events) if event["kind"] == "run.cancelled"), {})
        raise asyncio.CancelledError(last.get("reason") or "it was cancelled")
    return state.output
