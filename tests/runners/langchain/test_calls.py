"""Whose attempt, whose item: runs that LangChain hands in under another parent than their own."""

import asyncio

import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy
from typing_extensions import TypedDict
from watched import Reply, run_well, says

ASK = ChatPromptTemplate.from_template("tell {q}")
AT_ONCE = {"wait_exponential_jitter": False}


def flaky(fails: int, name: str = "flaky"):
    """A function that raises on its first calls."""
    calls = iter(range(1, 100))

    async def pass_on(given):
        if (call := next(calls)) <= fails:
            raise ValueError(f"no {call}")
        return given

    return RunnableLambda(pass_on, name=name)


def passes(name: str):
    """A function that gives back what it got; not in a thread, so that items of a map keep their order."""

    async def pass_on(given):
        return given

    return RunnableLambda(pass_on, name=name)


def index_of(over) -> dict[str, int]:
    return {event["span"]: event["index"] for event in over.of_kind("node.started") if "index" in event}


# Items of a map


@pytest.mark.parametrize("width", [None, 2])
async def test_a_bound_model_in_a_map_speaks_for_its_own_item(width):
    echo = says("x").model_copy(update={"replies": lambda question: question.removeprefix("tell ")})
    items = [{"q": str(i)} for i in range(6)]
    config = {"max_concurrency": width} if width else {}
    over = await run_well((ASK | echo.bind(stop=["."])).map(), items, config=config)
    index = index_of(over)
    assert [(index[event["span"]], event["text"]) for event in over.of_kind("node.delta")] == [
        (i, str(i)) for i in range(6)
    ]


async def test_a_retry_in_a_map_begins_the_item_that_failed_anew():
    over = await run_well((passes("first") | flaky(1).with_retry(**AT_ONCE)).map(), ["a", "b"])
    assert over.told_of("each/flaky") == [
        "start each/flaky#1 in each#1 [0]",
        "start each/flaky#2 in each#1 [1]",
        "fail each/flaky#1: ValueError: no 1",
        "finish each/flaky#2",
        "retract each/flaky#1",
        "start each/flaky#3 in each#1 [0] try 2",
        "finish each/flaky#3",
    ]


async def test_a_chain_that_is_retried_in_a_map_starts_over_for_its_item():
    over = await run_well((passes("first") | flaky(1)).with_retry(**AT_ONCE).map(), ["a", "b"])
    assert [line for line in over.told if line.startswith("retract")] == [
        "retract each/first#1",
        "retract each/flaky#1",
    ]
    assert [line for line in over.told if line.endswith("try 2")] == [
        "start each/first#3 in each#1 [0] try 2",
        "start each/flaky#3 in each#1 [0] try 2",
    ]
    assert over.skipped == {}


async def test_a_map_that_is_retried_starts_all_its_items_over():
    over = await run_well(flaky(1).map().with_retry(**AT_ONCE), ["a", "b"])
    assert [line for line in over.told if line.startswith("start each/")] == [
        "start each/flaky#1 in each#1 [0]",
        "start each/flaky#2 in each#1 [1]",
        "start each/flaky#3 in each#2 [0] try 2",
        "start each/flaky#4 in each#2 [1] try 2",
    ]


@pytest.mark.parametrize("bound", ["nothing", "the fallback", "its attempts"])
async def test_a_fallback_in_a_map_follows_the_item_that_failed(bound):
    attempts = [flaky(1), passes("second")]
    if bound == "its attempts":
        attempts = [attempt.with_config(tags=["mine"]) for attempt in attempts]
    tried = attempts[0].with_fallbacks(attempts[1:])
    tried = tried.with_config(tags=["mine"]) if bound == "the fallback" else tried
    over = await run_well((passes("first") | tried).map(), ["a", "b", "c"])
    assert over.told_of("each/flaky", "each/second") == [
        "start each/flaky#1 in each#1 [0]",
        "start each/flaky#2 in each#1 [1]",
        "start each/flaky#3 in each#1 [2]",
        "fail each/flaky#1: ValueError: no 1",
        "finish each/flaky#2",
        "finish each/flaky#3",
        "retract each/flaky#1",
        "start each/second#1 in each#1 [0]",
        "finish each/second#1",
    ]


async def test_fallbacks_alone_in_a_map_do_not_meet():
    over = await run_well(flaky(1).with_fallbacks([passes("second")]).map(), ["a", "b"])
    assert over.told_of("each/second") == ["start each/second#1 in each#1 [0]", "finish each/second#1"]
    assert [line for line in over.told if line.startswith("retract")] == ["retract each/flaky#1"]


async def test_a_retry_that_gives_up_in_a_map_is_followed_by_its_own_fallback():
    retried = flaky(4).with_retry(stop_after_attempt=2, **AT_ONCE)
    over = await run_well((passes("first") | retried.with_fallbacks([passes("second")])).map(), ["a", "b"])
    index = index_of(over)
    assert [index[f"each/flaky#{i}"] for i in (1, 2, 3, 4)] == [0, 1, 0, 1]
    assert [index["each/second#1"], index["each/second#2"]] == [0, 1]
    assert len([line for line in over.told if line.startswith("retract")]) == 4


@pytest.mark.parametrize("order", ["a fallback of retries", "a retry of fallbacks"])
async def test_bound_attempts_in_attempts_in_a_map_start_level_by_level(order):
    first, second = flaky(1).with_config(tags=["mine"]), passes("second").with_config(tags=["mine"])
    if order == "a fallback of retries":
        tried = first.with_retry(stop_after_attempt=1, **AT_ONCE).with_fallbacks([second])
    else:
        tried = first.with_fallbacks([second]).with_config(tags=["mine"]).with_retry(**AT_ONCE)
    over = await run_well((passes("first") | tried).map(), ["a", "b", "c"])
    assert over.told_of("each/flaky", "each/second") == [
        "start each/flaky#1 in each#1 [0]",
        "start each/flaky#2 in each#1 [1]",
        "start each/flaky#3 in each#1 [2]",
        "fail each/flaky#1: ValueError: no 1",
        "finish each/flaky#2",
        "finish each/flaky#3",
        "retract each/flaky#1",
        "start each/second#1 in each#1 [0]",
        "finish each/second#1",
    ]


async def test_a_map_in_a_map_keeps_both_places():
    over = await run_well((passes("first") | flaky(0).with_config(tags=["mine"])).map().map(), [["a", "b"], ["c"]])
    assert over.told_of("each/each/flaky")[:3] == [
        "start each/each/flaky#1 in each/each#1 [0]",
        "start each/each/flaky#2 in each/each#1 [1]",
        "start each/each/flaky#3 in each/each#2 [0]",
    ]


# Attempts inside a function, and of a node of a graph


async def test_a_retry_inside_a_function_strikes_out_what_failed():
    model = says(Reply("bad one", error="busy", error_at=1), "good").with_retry(**AT_ONCE)

    async def ask(question):
        return (await model.ainvoke(question)).text

    over = await run_well(RunnableLambda(ask), "hi")
    (retracted,) = over.of_kind("node.retracted")
    assert [line.partition(" in ")[2] for line in over.told if line.endswith("try 2")] != []
    assert over.state.node("ask").text == "good"
    assert retracted["span"] in {event["span"] for event in over.of_kind("node.failed")}


async def test_a_chain_that_is_retried_inside_a_function_starts_over():
    async def work(given):
        return await (passes("first") | flaky(1)).with_retry(**AT_ONCE).ainvoke(given)

    over = await run_well(RunnableLambda(work), "hi")
    assert [line for line in over.told if "retract" in line or "try" in line] == [
        "retract work/first#1",
        "retract work/flaky#1",
        "start work/first#2 in work#1 try 2",
        "start work/flaky#2 in work#1 try 2",
    ]


async def test_fallbacks_inside_a_function_strike_out_their_own_attempts():
    async def several(given):
        flows = [flaky(1).with_fallbacks([passes("second")]) for _ in range(2)]
        return await asyncio.gather(*(flow.ainvoke(given) for flow in flows))

    over = await run_well(RunnableLambda(several), "hi")
    assert [line for line in over.told if line.startswith("retract")] == [
        "retract several/flaky#1",
        "retract several/flaky#2",
    ]
    assert over.state.node("several").status == "finished"


async def test_a_function_that_calls_itself_strikes_out_nothing():
    async def count(n):
        if n:
            await RunnableLambda(count, name="count").ainvoke(n - 1)
            await RunnableLambda(count, name="count").ainvoke(0)
        return n

    over = await run_well(RunnableLambda(count, name="count"), 2)
    assert over.of_kind("node.retracted") == []


async def test_a_node_with_a_retry_policy_is_attempted_again():
    class State(TypedDict):
        q: str

    inner, shaky = passes("inner"), flaky(2)

    async def work(state):
        await inner.ainvoke("hi")
        return {"q": await shaky.ainvoke("done")}

    graph = StateGraph(State)
    policy = RetryPolicy(max_attempts=3, initial_interval=0.001, retry_on=ValueError)
    graph.add_node("work", work, retry_policy=policy)
    graph.add_edge(START, "work")
    over = await run_well(graph.compile(), {"q": "hi"})
    assert over.told_of("work") == [
        "start work#1",
        "fail work#1: ValueError: no 1",
        "retract work#1",
        "start work#2 try 2",
        "fail work#2: ValueError: no 2",
        "retract work#2",
        "start work#3 try 3",
        "finish work#3",
    ]
    assert [event["span"] for event in over.of_kind("node.retracted") if event["node"] == "work/inner"] == [
        "work/inner#1",
        "work/inner#2",
    ]
