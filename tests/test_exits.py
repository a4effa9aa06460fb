"""`sys.exit()` and Ctrl-C in a step: the run fails with it, and the loop goes on."""

import asyncio
import gc
import sys
import warnings
from functools import partial
from typing import TypedDict

import pytest
from doubles import SmallRunner
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langgraph.graph import END, START, StateGraph

import lfwidget as lf
from lfwidget.exits import holding_exits, original


class State(TypedDict, total=False):
    question: str


def leave(_value):
    sys.exit("No API key")


async def leave_at_once(_value):
    raise KeyboardInterrupt


def graph_of(step):
    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_edge("step", END)
    return graph.compile()


FLOWS = {
    "a chain": lambda step: RunnableLambda(step) | str,
    "side by side": lambda step: RunnableParallel(one=step, other=str),
    "alone": RunnableLambda,
    "tried again": lambda step: (RunnableLambda(step) | str).with_retry(stop_after_attempt=2),
    "a map": lambda step: RunnableLambda(lambda text: [text, text]) | RunnableLambda(step).map(),
    "a graph": graph_of,
}


@pytest.mark.parametrize("make", FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize(("step", "kind"), [(leave, SystemExit), (leave_at_once, KeyboardInterrupt)])
async def test_a_step_that_wants_to_leave_the_program_only_leaves_its_run(make, step, kind):
    run = lf.Flow(make(step)).run({"question": "hi"} if make is graph_of else "hi")
    with pytest.raises(kind):
        await run
    assert run.status == "failed"
    events = run.log.since(0)
    assert events[-1]["error"]["type"] == kind.__name__
    told = {event["error"]["type"] for event in events if event["kind"] == "node.failed"}
    assert told == {kind.__name__}


async def test_its_words_and_its_place_are_kept():
    run = lf.Flow(RunnableLambda(leave) | str).run("hi")
    with pytest.raises(SystemExit, match="No API key"):
        await run
    [failed] = [event for event in run.log.since(0) if event["kind"] == "node.failed"]
    assert failed["error"]["message"] == "No API key"
    assert 'sys.exit("No API key")' in failed["error"]["traceback"]


async def test_what_a_step_starts_and_awaits_cannot_leave_either():
    async def body(_execution):
        await asyncio.gather(asyncio.create_task(leave_at_once("")), asyncio.sleep(0))

    with pytest.raises(KeyboardInterrupt):
        await lf.Flow(SmallRunner(body)).run("hi")


async def test_a_task_that_is_cancelled_before_it_began_leaves_nothing_behind():
    async def body(_execution):
        task = asyncio.create_task(leave_at_once(""), name="leaver")
        told = (task.get_name(), task.get_coro().__name__, task.get_stack())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return told

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        name, function, stack = await lf.Flow(SmallRunner(body)).run("hi")
        gc.collect()
    assert (name, function, len(stack)) == ("leaver", "leave_at_once", 1)


async def test_the_tasks_of_others_are_left_alone():
    loop = asyncio.get_running_loop()

    async def mine():
        raise ValueError

    async def inside():
        with holding_exits(loop):
            return await asyncio.gather(mine(), return_exceptions=True)

    task = asyncio.create_task(inside())
    other = asyncio.create_task(mine(), name="other")
    assert [type(error) for error in await task] == [ValueError]
    with pytest.raises(ValueError, match=r"^$"):
        await other
    assert (other.get_name(), other.get_coro().__name__) == ("other", "mine")
    assert loop.get_task_factory() is None


async def test_a_factory_of_somebody_else_is_asked_and_comes_back():
    made = []

    def theirs(loop, coroutine, **about):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **about)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(theirs)
    try:
        await lf.Flow(RunnableLambda(str) | str).run("hi")
        assert made
        assert loop.get_task_factory() is theirs
    finally:
        loop.set_task_factory(None)


def _over(below, loop, coroutine, **about):
    return below(loop, coroutine, **about)


async def test_a_factory_that_is_put_over_ours_stays():
    loop = asyncio.get_running_loop()

    async def body(_execution):
        ours = loop.get_task_factory()
        loop.set_task_factory(partial(_over, ours))
        await asyncio.create_task(leave_at_once(""))

    try:
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                await lf.Flow(SmallRunner(body)).run("hi")
        assert loop.get_task_factory() is not None
        assert await asyncio.create_task(asyncio.sleep(0, "mine")) == "mine"
    finally:
        loop.set_task_factory(None)


def test_what_stands_for_nothing_is_itself():
    error = ValueError()
    assert original(error) is error
