import asyncio
from contextvars import ContextVar

import pytest

from lfwidget.runners.langchain.stop import stoppable

WHERE = ContextVar("WHERE", default="nowhere")


async def test_what_the_flow_returns_is_returned():
    assert await stoppable(asyncio.sleep(0, "done")) == "done"


async def test_what_the_flow_raises_is_raised():
    async def breaks():
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await stoppable(breaks())


async def test_the_flow_sees_the_caller_s_context():
    async def looks():
        return WHERE.get()

    WHERE.set("here")
    assert await stoppable(looks()) == "here"


async def test_a_cancellation_that_gets_lost_is_repeated():
    heard, begun = [], asyncio.Event()

    async def deaf():
        begun.set()
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append("cancelled")
        return "too late"

    task = asyncio.create_task(stoppable(deaf()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled", "cancelled"]


async def test_a_flow_that_tidies_up_is_waited_for():
    tidied, begun = [], asyncio.Event()

    async def tidy():
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.append(True)

    task = asyncio.create_task(stoppable(tidy()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tidied
