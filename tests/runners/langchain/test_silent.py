"""Runnables that LangChain tells nothing of, since their author wrote `invoke` by hand."""

import asyncio
from typing import TypedDict

import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tracers.log_stream import LogStreamCallbackHandler
from langgraph.graph import START, StateGraph
from watched import run, run_well, says, watched

ASK = ChatPromptTemplate.from_template("tell {q}")


class Shout(Runnable):
    """Calls no handler."""

    def invoke(self, given, config=None, **_):
        return str(given).upper()


class Break(Runnable):
    """Raises, and calls no handler."""

    def invoke(self, given, config=None, **_):
        raise ValueError("it broke")


class Ask(Runnable):
    """Calls no handler itself, but hands the config on to a model."""

    def invoke(self, given, config=None, **_):
        return says("hi").invoke(given, config)


def passes(name):
    return RunnableLambda(lambda given: given, name=name)


async def passing(parts):
    async for part in parts:
        yield part


def values(over, node):
    started = [event["input"] for event in over.of_kind("node.started") if event["node"] == node]
    ended = [event["output"] for event in over.of_kind("node.finished") if event["node"] == node]
    return list(zip(started, ended, strict=True))


async def test_it_alone_is_a_node_that_ran():
    over = await run_well(Shout(), "hi")
    assert over.told == ["start Shout#1", "finish Shout#1"]
    assert values(over, "Shout") == [("hi", "HI")]
    assert over.kept == {"Shout#1": "HI"}


async def test_it_alone_is_the_node_that_failed():
    over = await run(Break(), "hi")
    assert over.told == ["start Break#1", "fail Break#1: ValueError: it broke"]
    assert 'raise ValueError("it broke")' in over.of_kind("node.failed")[0]["error"]["traceback"]


async def test_between_two_steps_it_is_told_before_the_next_starts():
    over = await run_well(passes("before") | Shout() | passes("after"), "hi")
    assert over.told == [
        "start before#1",
        "finish before#1",
        "start Shout#1",
        "finish Shout#1",
        "start after#1",
        "finish after#1",
    ]
    assert values(over, "Shout") == [("hi", "HI")]


async def test_first_and_last_in_a_chain():
    over = await run_well(Shout() | passes("between") | Shout(), "hi")
    assert values(over, "Shout") == [("hi", "HI")]
    assert values(over, "Shout-2") == [("HI", "HI")]
    assert over.skipped == {}


async def test_two_in_a_row_have_a_value_between_them_that_nobody_knows():
    over = await run_well(passes("before") | Shout() | Shout() | passes("after"), "hi")
    assert values(over, "Shout") == [("hi", None)]
    assert values(over, "Shout-2") == [(None, "HI")]


@pytest.mark.parametrize("last", [passes("after"), Shout()])
async def test_the_step_that_never_answered_is_to_blame(last):
    over = await run(passes("before") | Break() | last, "hi")
    assert over.told_of("before", "Break") == [
        "start before#1",
        "finish before#1",
        "start Break#1",
        "fail Break#1: ValueError: it broke",
    ]
    assert list(over.skipped.values()) == ["an earlier node failed"]


async def test_a_step_that_failed_by_itself_is_to_blame():
    async def fail(_given):
        raise ValueError("mine")

    over = await run(Shout() | RunnableLambda(fail, name="fail") | Shout(), "hi")
    assert [event["node"] for event in over.of_kind("node.failed")] == ["fail"]
    assert over.skipped == {"Shout-2": "an earlier node failed"}


def raises(text, name):
    async def fail(_given):
        raise ValueError(text)

    return RunnableLambda(fail, name=name)


async def test_what_never_began_is_not_to_blame_for_the_first_of_several_errors():
    """Where all alternatives fail, LangChain raises the error of the first."""
    tries = raises("one", "first").with_fallbacks([raises("two", "second")])
    over = await run(tries | passes("after"), "hi")
    assert str(over.error) == "one"
    assert over.told_of("after") == ["skip after: an earlier node failed"]


async def test_what_never_began_is_not_to_blame_for_an_error_that_comes_of_another():
    class Wrap(Runnable):
        def invoke(self, given, config=None, **_):
            try:
                return raises("mine", "inner").invoke(given, config)
            except ValueError as error:
                raise RuntimeError("wrapped") from error

    inner = RunnableLambda(lambda _: None, name="x")
    over = await run(RunnableParallel(a=Wrap(), b=inner) | passes("after"), "hi")
    assert over.told_of("after") == ["skip after: an earlier node failed"]


async def test_side_by_side_with_others():
    over = await run_well(RunnableParallel(loud=Shout(), plain=passes("plain")), "hi")
    assert values(over, "loud") == [("hi", "HI")]


async def test_side_by_side_the_only_one_that_never_answered_is_to_blame():
    over = await run(RunnableParallel(bad=Break(), plain=passes("plain")), "hi")
    assert "fail bad#1: ValueError: it broke" in over.told


async def test_in_a_retry():
    over = await run_well(Shout().with_retry() | passes("after"), "hi")
    assert values(over, "Shout") == [("hi", "HI")]


async def test_in_a_map_each_item_is_told():
    over = await run_well(RunnableLambda(lambda text: text.split()) | Shout().map(), "a b")
    assert values(over, "each/Shout") == [("a", "A"), ("b", "B")]
    started = [event for event in over.of_kind("node.started") if event["node"] == "each/Shout"]
    assert [event["index"] for event in started] == [0, 1]


async def test_what_it_calls_shows_on_its_card():
    over = await run_well(passes("before") | Ask() | passes("after"), "hi")
    assert [line for line in over.told if "Ask" in line] == [
        "start Ask#1",
        "text Ask#1: hi",
        "finish Ask#1",
    ]


class State(TypedDict, total=False):
    text: str


async def test_in_a_loop_of_a_graph_each_round_is_told():
    chain = RunnableLambda(lambda state: state["text"]) | Shout() | RunnableLambda(lambda text: {"text": text + "!"})
    graph = StateGraph(State)
    graph.add_node("step", chain)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if len(state["text"]) < 4 else "__end__")
    over = await run_well(graph.compile(), {"text": "hi"})
    assert values(over, "step/Shout") == [("hi", "HI"), ("HI!", "HI!")]


async def test_in_a_chain_that_is_streamed_each_is_told_once():
    """A handler of the user's own may make LangGraph stream its nodes."""
    inner = Shout() | RunnableGenerator(passing) | Shout() | RunnableGenerator(passing)
    chain = RunnableParallel(inner=inner) | Shout() | RunnableGenerator(passing)
    graph = StateGraph(dict)
    graph.add_node("step", RunnableLambda(lambda state: state["text"]) | chain | (lambda text: {"text": text}))
    graph.add_edge(START, "step")
    over = await run_well(graph.compile(), {"text": "hi"}, config={"callbacks": [LogStreamCallbackHandler()]})
    started = [event["node"] for event in over.of_kind("node.started")]
    assert len(started) == len(set(started)) == 10
    assert {"input": ""} not in [event["output"] for event in over.of_kind("node.finished")]
    assert over.skipped == {}


async def test_a_run_that_is_cancelled_blames_nobody():
    began = asyncio.Event()

    class Hang(Shout):
        async def ainvoke(self, given, config=None, **_):
            began.set()
            await asyncio.Event().wait()

    over = watched(passes("before") | Hang() | passes("after"))
    flow = asyncio.create_task(over.execute("hi"))
    await began.wait()
    flow.cancel()
    await flow
    assert over.told[2:] == ["skip Hang: the run was cancelled", "skip after: the run was cancelled"]


async def test_what_was_not_taken_is_skipped_all_the_same():
    over = await run_well(passes("before").with_fallbacks([Shout()]) | passes("after"), "hi")
    assert over.skipped == {"Shout": "not taken"}
