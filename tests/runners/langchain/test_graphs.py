"""What LangGraph flows tell: nodes, loops, fan-out, subgraphs, agents and questions."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send, interrupt
from watched import Reply, run, run_well, says, watched

from lfwidget.errors import LfwidgetError

ASK = ChatPromptTemplate.from_template("tell {q}")


class State(TypedDict, total=False):
    q: str
    n: int
    out: Annotated[list[Any], operator.add]


def line_of(nodes: dict[str, Any], **compiled: Any):
    """A graph whose nodes follow each other."""
    graph = StateGraph(State)
    names = list(nodes)
    for name, node in nodes.items():
        graph.add_node(name, node)
    for source, target in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(source, target)
    return graph.compile(**compiled)


def speaks(text: str):
    """A node that asks a model of its own."""
    model = says(*[text] * 20)

    async def node(state):
        return {"out": [(await model.ainvoke("hi")).text]}

    return node


def asks(prompt: Any):
    def node(state):
        return {"out": [interrupt(prompt)]}

    return node


@tool
def add(x: int) -> str:
    """Add one."""
    return str(x + 1)


@tool
async def double(x: int) -> str:
    """Double it."""
    return str(x * 2)


def call(name: str, x: int = 3) -> Reply:
    return Reply(tool_calls=[{"name": name, "args": {"x": x}, "id": f"{name}-{x}"}])


async def test_a_model_inside_a_node_is_found_and_speaks_for_the_node():
    over = await run_well(line_of({"draft": speaks("draft")}), {"q": "a"})
    assert over.told == [
        "start draft#1",
        "found draft/model",
        "start draft/model#1 in draft#1",
        "text draft/model#1: draft",
        "finish draft/model#1",
        "finish draft#1",
    ]
    assert over.state.node("draft").text == "draft"


async def test_a_loop_gives_a_node_one_span_for_each_turn():
    graph = StateGraph(State)
    graph.add_node("think", lambda state: {"n": state.get("n", 0) + 1})
    graph.add_node("finish", lambda state: {"q": "done"})
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda state: "think" if state["n"] < 3 else "finish", ["think", "finish"])
    graph.add_edge("finish", END)
    over = await run_well(graph.compile(), {"q": "a"})
    assert over.told_of("think", "finish") == [
        "start think#1",
        "finish think#1",
        "start think#2",
        "finish think#2",
        "start think#3",
        "finish think#3",
        "start finish#1",
        "finish finish#1",
    ]


async def test_a_node_that_is_not_reached_is_skipped():
    graph = StateGraph(State)
    graph.add_node("left", lambda state: {"n": 1})
    graph.add_node("right", lambda state: {"n": 2})
    graph.add_conditional_edges(START, lambda state: "left", ["left", "right"])
    over = await run_well(graph.compile(), {"q": "a"})
    assert over.skipped == {"right": "not taken"}


async def test_a_fan_out_counts_its_workers():
    graph = StateGraph(State)
    graph.add_node("plan", lambda state: {})
    echo = says("x").model_copy(update={"replies": lambda question: question})

    async def worker(state):
        return {"out": [(await echo.ainvoke(state["q"])).text]}

    graph.add_node("worker", worker)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: [Send("worker", {"q": q}) for q in "0123"], ["worker"])
    over = await run_well(graph.compile(), {"q": "a"})
    starts = {event["span"]: event for event in over.of_kind("node.started")}
    said = {starts[event["span"]]["index"]: event["text"] for event in over.of_kind("node.delta")}
    assert said == {0: "0", 1: "1", 2: "2", 3: "3"}
    assert {starts[starts[event["span"]]["parent"]]["index"] for event in over.of_kind("node.delta")} == {0, 1, 2, 3}


async def test_a_subgraph_is_a_frame():
    inner = line_of({"work": speaks("sub/work"), "check": lambda state: {"n": 1}})
    over = await run_well(line_of({"work": speaks("work"), "sub": inner}), {"q": "a"})
    assert over.told == [
        "start work#1",
        "found work/model",
        "start work/model#1 in work#1",
        "text work/model#1: work",
        "finish work/model#1",
        "finish work#1",
        "start sub#1",
        "start sub/work#1 in sub#1",
        "found sub/work/model",
        "start sub/work/model#1 in sub/work#1",
        "text sub/work/model#1: sub/work",
        "finish sub/work/model#1",
        "finish sub/work#1",
        "start sub/check#1 in sub#1",
        "finish sub/check#1",
        "finish sub#1",
    ]


async def test_a_graph_called_by_a_node_is_found_inside_it():
    inner = line_of({"work": speaks("inner")})

    async def calls(state):
        return {"out": (await inner.ainvoke({"q": "z"}))["out"]}

    over = await run_well(line_of({"outer": calls}), {"q": "a"})
    assert over.state.node("outer").text == "inner"
    assert over.spoke == {"outer/LangGraph/work/model": "inner"}


async def test_a_chain_as_a_node_is_a_frame():
    steps = (lambda state: {"q": state["q"]}) | ASK | says("lcel/model") | StrOutputParser() | (lambda t: {"out": [t]})
    over = await run_well(line_of({"lcel": steps}), {"q": "a"})
    assert over.spoke == {"lcel/model": "lcel/model"}
    assert over.told_of("lcel") == ["start lcel#1", "finish lcel#1"]


async def test_a_plain_function_may_call_a_model_without_a_config():
    model = says("sync")
    over = await run_well(line_of({"sync": lambda state: {"out": [model.invoke("x").text]}}), {"q": "a"})
    assert over.told_of("sync", "sync/model") == [
        "start sync#1",
        "start sync/model#1 in sync#1",
        "text sync/model#1: sync",
        "finish sync/model#1",
        "finish sync#1",
    ]


async def test_an_agent_calls_tools_in_turns():
    agent = create_agent(says(call("add"), call("double"), "done"), [add, double])
    over = await run_well(agent, {"messages": [HumanMessage("hi")]})
    assert over.told_of("model", "tools", "tools/add", "tools/double") == [
        "start model#1",
        "finish model#1",
        "start tools#1 [0]",
        "start tools/add#1 in tools#1 [0]",
        "finish tools/add#1",
        "finish tools#1",
        "start model#2",
        "finish model#2",
        "start tools#2 [0]",
        "start tools/double#1 in tools#2 [0]",
        "finish tools/double#1",
        "finish tools#2",
        "start model#3",
        "finish model#3",
    ]
    assert over.state.node("model").text == "done"
    assert over.state.node("tools/add").output["content"] == "4"


async def test_an_agent_calls_two_tools_at_once():
    both = Reply(tool_calls=[*call("add", 1).tool_calls, *call("double", 5).tool_calls])
    over = await run_well(create_agent(says(both, "done"), [add, double]), {"messages": [HumanMessage("hi")]})
    assert over.state.node("tools/add").output["content"] == "2"
    assert over.state.node("tools/double").output["content"] == "10"
    assert [line for line in over.told if line.startswith("call")] == [
        'call 0 of model/model#1: {"x": 1}',
        'call 1 of model/model#1: {"x": 5}',
    ]


async def test_an_unused_tool_is_skipped():
    over = await run_well(create_agent(says(call("add"), "done"), [add, double]), {"messages": [HumanMessage("hi")]})
    assert over.skipped == {"tools/double": "not taken"}


async def test_a_question_is_answered_and_the_node_goes_on_in_the_same_span():
    graph = line_of({"draft": speaks("draft"), "human": asks({"ask": "ok?"})}, checkpointer=InMemorySaver())
    over = await run_well(graph, {"q": "a"}, answers=["yes"])
    assert over.told[-4:] == [
        "start human#1",
        "ask human#1: {'ask': 'ok?'}",
        "answer human#1: yes",
        "finish human#1",
    ]
    assert over.output["out"] == ["draft", "yes"]


async def test_a_node_may_ask_twice():
    def node(state):
        return {"out": [interrupt("first"), interrupt("second")]}

    over = await run_well(line_of({"human": node}, checkpointer=InMemorySaver()), {"q": "a"}, answers=[1, 2])
    assert over.told == [
        "start human#1",
        "ask human#1: first",
        "answer human#1: 1",
        "ask human#1: second",
        "answer human#1: 2",
        "finish human#1",
    ]


async def test_several_nodes_ask_at_once():
    graph = StateGraph(State)
    graph.add_node("human", lambda state: {"out": [interrupt(state["q"])]})
    graph.add_conditional_edges(START, lambda state: [Send("human", {"q": q}) for q in "ab"], ["human"])
    over = await run_well(graph.compile(checkpointer=InMemorySaver()), {"q": "x"}, answers=["A", "B"])
    assert [question.prompt for question in over.asked[0]] == ["a", "b"]
    assert {question.span for question in over.asked[0]} == {"human#1", "human#2"}
    assert over.output["out"] == ["A", "B"]


async def test_a_subgraph_may_ask():
    inner = line_of({"human": asks("inside?")})
    graph = line_of({"before": lambda state: {"n": 1}, "sub": inner}, checkpointer=InMemorySaver())
    over = await run_well(graph, {"q": "a"}, answers=["yes"])
    assert over.told_of("sub", "sub/human") == [
        "start sub#1",
        "start sub/human#1 in sub#1",
        "ask sub/human#1: inside?",
        "answer sub/human#1: yes",
        "finish sub/human#1",
        "finish sub#1",
    ]


async def test_a_model_that_spoke_before_the_question_speaks_again():
    model = says("first", "again")

    async def node(state):
        await model.ainvoke("hi")
        return {"out": [interrupt("ok?")]}

    over = await run_well(line_of({"human": node}, checkpointer=InMemorySaver()), {"q": "a"}, answers=["yes"])
    assert over.told_of("human", "human/model") == [
        "start human#1",
        "start human/model#1 in human#1",
        "text human/model#1: first",
        "finish human/model#1",
        "ask human#1: ok?",
        "answer human#1: yes",
        "start human/model#2 in human#1",
        "text human/model#2: again",
        "finish human/model#2",
        "finish human#1",
    ]


async def test_a_question_without_a_checkpointer_names_the_remedy():
    over = await run(line_of({"human": asks("ok?")}), {"q": "a"}, answers=["yes"])
    assert isinstance(over.error, LfwidgetError)
    assert "checkpointer=InMemorySaver()" in str(over.error)
    assert over.asked == []


@pytest.mark.parametrize("where", [{"interrupt_before": ["b"]}, {"interrupt_after": ["a"]}])
async def test_a_breakpoint_asks_before_the_next_node(where):
    steps = {"a": lambda state: {"n": 1}, "b": lambda state: {"n": 2}}
    over = await run_well(line_of(steps, checkpointer=InMemorySaver(), **where), {"q": "x"}, answers=["go"])
    assert over.told == [
        "start a#1",
        "finish a#1",
        "start b#1",
        "ask b#1: The graph has a breakpoint before b. Any answer lets it go on.",
        "answer b#1: go",
        "finish b#1",
    ]
    assert over.output["n"] == 2


async def test_a_breakpoint_without_a_checkpointer_names_the_remedy():
    over = await run(line_of({"a": lambda state: {}}, interrupt_before=["a"]), {"q": "x"})
    assert isinstance(over.error, LfwidgetError)
    assert "checkpointer=InMemorySaver()" in str(over.error)


async def test_a_session_remembers_and_another_does_not():
    class Memory(MessagesState):
        pass

    def answer(question, messages):
        return f"{len(messages)} messages"

    model = says("x").model_copy(update={"replies": answer})
    graph = StateGraph(Memory)
    graph.add_node("chat", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "chat")
    flow = graph.compile(checkpointer=InMemorySaver())

    async def hears(**options):
        return (await run_well(flow, {"messages": [HumanMessage("hi")]}, **options)).state.text

    assert await hears(session_id="me") == "1 messages"
    assert await hears(session_id="me", run_id="r2") == "3 messages"
    assert await hears(session_id="you") == "1 messages"
    assert await hears(run_id="r3") == "1 messages"


async def test_a_session_that_the_flow_is_bound_to_is_kept():
    flow = line_of({"count": lambda state: {"out": ["x"]}}, checkpointer=InMemorySaver())
    bound = flow.with_config(configurable={"thread_id": "mine"})

    async def remembered(**options):
        return len((await run_well(bound, {"q": "hi"}, **options)).output["out"])

    assert [await remembered(), await remembered(run_id="r2")] == [1, 2]
    assert await remembered(session_id="another") == 1


async def test_a_graph_in_a_chain_tells_its_nodes():
    flow = line_of({"work": speaks("hello")}) | RunnableLambda(lambda state: state["out"][0])
    over = await run_well(flow, {"q": "hi"})
    assert over.told_of("graph", "graph/work", "lambda") == [
        "start graph#1",
        "start graph/work#1 in graph#1",
        "finish graph/work#1",
        "finish graph#1",
        "start lambda#1",
        "finish lambda#1",
    ]


async def test_the_functional_api_runs_and_tells_its_models():
    model = says("essay")

    @task
    async def write(topic):
        return (await model.ainvoke(topic)).text

    @entrypoint()
    async def flow(topic):
        return await write(topic)

    over = await run_well(flow, "cats")
    assert over.output == "essay"
    assert over.told == [
        "start flow#1",
        "found flow/write",
        "start flow/write#1 in flow#1",
        "found flow/write/model",
        "start flow/write/model#1 in flow/write#1",
        "text flow/write/model#1: essay",
        "finish flow/write/model#1",
        "finish flow/write#1",
        "finish flow#1",
    ]


class Counting(BaseCallbackHandler):
    def __init__(self):
        self.seen = []

    def on_chat_model_start(self, serialized, messages, *, tags=None, metadata=None, **_):
        self.seen.append((tags, metadata))


@pytest.mark.parametrize("flow", ["chain", "graph"])
async def test_the_user_s_callbacks_tags_and_metadata_are_kept(flow):
    mine = Counting()
    config = {"callbacks": [mine], "tags": ["mine"], "metadata": {"who": "me"}}
    flows = {"chain": ASK | says("x"), "graph": line_of({"draft": speaks("x")})}
    over = await run_well(flows[flow], {"q": "a"}, config=config)
    ((tags, metadata),) = mine.seen
    assert "mine" in tags
    assert metadata["who"] == "me"
    assert config["callbacks"] == [mine]
    assert over.state.text == "x"


async def test_a_callback_manager_is_not_changed():
    from langchain_core.callbacks import AsyncCallbackManager

    mine = Counting()
    manager = AsyncCallbackManager([], inheritable_handlers=[mine])
    over = await run_well(ASK | says("x"), {"q": "a"}, config={"callbacks": manager})
    assert len(mine.seen) == 1
    assert manager.inheritable_handlers == [mine]
    assert over.spoke == {"model": "x"}


async def test_a_graph_that_asks_inside_a_chain_says_how_it_could_be_answered():
    graph = line_of({"human": asks("ok?")}, checkpointer=InMemorySaver())
    flow = RunnableLambda(lambda text: {"q": text}, name="pack") | graph
    over = watched(flow, answers=["yes"])
    assert [node["id"] for node in over.runner.graph["nodes"] if node.get("card", True)] == [
        "pack",
        "graph",
        "graph/human",
    ]
    await over.execute("hi", session_id="me")
    assert isinstance(over.error, LfwidgetError)
    assert "lf.Flow(graph)" in str(over.error)


async def test_an_error_that_belongs_to_no_node_blames_none():
    graph = StateGraph(State)
    graph.add_node("again", lambda state: state)
    graph.add_node("never", lambda state: state)
    graph.add_edge(START, "again")
    graph.add_conditional_edges("again", lambda _: "again", ["again", "never"])
    over = await run(graph.compile(), {}, config={"recursion_limit": 3})
    assert type(over.error).__name__ == "GraphRecursionError"
    assert over.of_kind("node.failed") == []
    assert over.skipped == {"never": "the run failed before"}
