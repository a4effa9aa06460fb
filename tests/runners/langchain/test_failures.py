"""Errors, cancellation, and what nobody asked for any more."""

import asyncio
import threading

import openai
import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from servers.openai_server import Script
from watched import HANG, Reply, run, run_well, says, watched

ASK = ChatPromptTemplate.from_template("tell {q}")
EARTH = {"q": "the Earth"}


@tool
def weigh(thing: str) -> str:
    """Weigh something."""
    raise LookupError(f"no scales for {thing}")


async def waited(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, HANG)


async def stop(task: asyncio.Task) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=HANG)


async def test_an_error_in_the_middle_of_a_stream_keeps_what_was_said():
    model = says(Reply("one two three", error=ValueError("boom"), error_at=2))
    over = await run(ASK | model | StrOutputParser(), EARTH)
    assert isinstance(over.error, ValueError)
    assert over.told == [
        "start prompt#1",
        "finish prompt#1",
        "start model#1",
        "text model#1: one two",
        "fail model#1: ValueError: boom",
        "skip parser: an earlier node failed",
    ]


async def test_the_traceback_stands_on_the_innermost_node():
    def work(given):
        raise ZeroDivisionError("by zero")

    over = await run(RunnableParallel(a=RunnableLambda(work)), EARTH)
    tracebacks = {event["node"]: "traceback" in event["error"] for event in over.of_kind("node.failed")}
    assert tracebacks == {"a": True, "parallel": False}
    assert "in work" in over.of_kind("node.failed")[0]["error"]["traceback"]


async def test_an_error_in_one_branch_cancels_nothing_silently():
    over = await run(RunnableParallel(a=says(Reply("a b", error="broke", error_at=1)), b=says("b")), "hi")
    assert str(over.error) == "broke"
    assert over.told_of("a")[-1] == "fail a#1: RuntimeError: broke"
    assert over.told_of("b")[-1] in ("finish b#1", "cancel b#1: the run ended before it did")


async def test_a_tool_that_raises_fails_with_its_frame():
    agent = create_agent(says(Reply(tool_calls=[{"name": "weigh", "args": {"thing": "Earth"}}]), "never"), [weigh])
    over = await run(agent, {"messages": [HumanMessage("hi")]})
    assert isinstance(over.error, LookupError)
    assert over.told_of("tools", "tools/weigh")[-2:] == [
        "fail tools/weigh#1: LookupError: no scales for Earth",
        "fail tools#1: LookupError: no scales for Earth",
    ]


async def test_an_error_that_the_tools_node_handles_stays_on_the_tool():
    graph = StateGraph(MessagesState)
    model = says(Reply(tool_calls=[{"name": "weigh", "args": {"thing": "Earth"}, "id": "1"}]))
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([weigh], handle_tool_errors=True))
    graph.add_edge(START, "model")
    graph.add_edge("model", "tools")
    over = await run_well(graph.compile(), {"messages": [HumanMessage("hi")]})
    assert over.state.node("tools/weigh").status == "failed"
    assert over.state.node("tools").status == "finished"


@pytest.mark.parametrize("kind", ["chain", "agent"])
async def test_a_cancelled_model_hangs_up_and_leaves_no_span_open(openai_server, kind):
    openai_server.script = Script(tokens=["one ", "two"], hold_at=1)
    model = openai_server.chat()
    flow, given = {
        "chain": (ASK | model | StrOutputParser(), EARTH),
        "agent": (create_agent(model, []), {"messages": [HumanMessage("hi")]}),
    }[kind]
    over = watched(flow)
    first_token = over.first_token()
    task = asyncio.create_task(over.execute(given))
    await waited(openai_server.holding)
    await asyncio.wait_for(first_token.wait(), HANG)
    await stop(task)
    await waited(openai_server.disconnected)
    assert isinstance(over.error, asyncio.CancelledError)
    assert over.state.node("model").status == "cancelled"
    assert over.state.node("model").text == "one "
    if kind == "chain":
        assert over.skipped == {"parser": "the run was cancelled"}


async def test_a_plain_function_that_cannot_be_stopped_is_named():
    begun, release = threading.Event(), threading.Event()

    def slow(given):
        begun.set()
        release.wait(HANG)
        return given

    over = watched(RunnableLambda(slow) | StrOutputParser())
    task = asyncio.create_task(over.execute("x"))
    await waited(begun)
    await stop(task)
    release.set()
    (log,) = over.of_kind("log")
    assert (log["level"], log["node"]) == ("warning", "slow")
    assert "async def" in log["message"]
    assert over.told_of("slow", "parser")[-2:] == [
        "cancel slow#1: the run was cancelled",
        "skip parser: the run was cancelled",
    ]


async def test_a_plain_node_of_a_graph_is_named_too():
    begun, release = threading.Event(), threading.Event()

    def slow(state):
        begun.set()
        release.wait(HANG)

    graph = StateGraph(MessagesState)
    graph.add_node("slow", slow)
    graph.add_edge(START, "slow")
    over = watched(graph.compile())
    task = asyncio.create_task(over.execute({"messages": []}))
    await waited(begun)
    await stop(task)
    release.set()
    assert [event["node"] for event in over.of_kind("log")] == ["slow"]
    assert over.state.node("slow").status == "cancelled"


async def test_what_a_thread_says_after_the_end_is_ignored():
    begun, release, spoken = threading.Event(), threading.Event(), threading.Event()
    model = says("late words")

    def slow(given):
        begun.set()
        release.wait(HANG)
        model.invoke("x")
        spoken.set()

    over = watched(RunnableLambda(slow))
    task = asyncio.create_task(over.execute("x"))
    await waited(begun)
    await stop(task)
    last = over.log.last_seq
    over.log.append("run.cancelled")
    release.set()
    await waited(spoken)
    assert over.log.last_seq == last + 1


async def test_a_run_may_be_cancelled_while_it_waits_for_an_answer():
    graph = StateGraph(MessagesState)
    graph.add_node("human", lambda state: {"messages": [interrupt("ok?")]})
    graph.add_node("after", lambda state: {})
    graph.add_edge(START, "human")
    graph.add_edge("human", "after")
    over = watched(graph.compile(checkpointer=InMemorySaver()))
    task = asyncio.create_task(over.execute({"messages": []}))
    await asyncio.wait_for(over.asking.wait(), HANG)
    await stop(task)
    assert isinstance(over.error, asyncio.CancelledError)
    assert over.told == [
        "start human#1",
        "ask human#1: ok?",
        "cancel human#1: the run was cancelled",
        "skip after: the run was cancelled",
    ]


async def test_a_stream_cut_by_the_provider_fails_on_the_model(openai_server):
    openai_server.script = Script(tokens=["one ", "two"], cut_at=1)
    over = await run(ASK | openai_server.chat() | StrOutputParser(), EARTH)
    assert over.error is not None
    assert over.state.node("model").status == "failed"
    assert over.state.node("model").text == "one "
    assert over.skipped == {"parser": "an earlier node failed"}


async def test_a_refusal_of_the_provider_fails_on_the_model(openai_server):
    openai_server.script = Script(status=401)
    over = await run(ASK | openai_server.chat(), EARTH)
    assert isinstance(over.error, openai.AuthenticationError)
    assert over.state.node("model").error["type"] == type(over.error).__name__
    assert over.state.node("model").status == "failed"


class Broken(BaseCallbackHandler):
    def on_llm_new_token(self, token, **_):
        raise RuntimeError("somebody's own handler broke")


async def test_a_handler_of_the_user_that_breaks_breaks_nothing():
    over = await run_well(ASK | says("model"), EARTH, config={"callbacks": [Broken()]})
    assert over.spoke == {"model": "model"}


async def test_an_input_that_the_prompt_cannot_take_fails_on_the_prompt():
    over = await run(ASK | says("model"), {"other": 1})
    assert isinstance(over.error, KeyError)
    assert over.state.node("prompt").status == "failed"
    assert over.skipped == {"model": "an earlier node failed"}
