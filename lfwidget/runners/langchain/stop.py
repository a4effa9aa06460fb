"""Cancelling a flow for good. Which node it hits is `watch.py`'s business."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["stoppable"]

_GRACE = 1.0


async def stoppable(flow: Coroutine[Any, Any, Any]) -> Any:
    """Await a flow; when this is cancelled, cancel it until it ends.

    A cancellation can get lost: Python 3.11's `wait_for`, in which ChatOpenAI waits for every chunk, drops one that
    arrives together with the chunk (2 of 12 attempts on a loopback server), and the run would go on after Stop.
    """
    task = asyncio.ensure_future(flow)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            # What a flow does on its way out gets this many seconds before it is told again.
            await asyncio.wait([task], timeout=_GRACE)
        raise
