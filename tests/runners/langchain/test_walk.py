"""The graph of a flow as a person sees it, and what its cards say."""

import pytest
from langchain.agents import create_agent
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import (
    ConfigurableField,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from watched import says

from lfwidget.runners.langchain.graph import walk

ASK = ChatPromptTemplate.from_template("tell {q}")


@tool
def add(x: int) -> str:
    """Add one."""
    return str(x + 1)


def slow(given):
    return given


async def quick(given):
    return given


def ids(runnable):
    return [node["id"] for node in walk(runnable)[0]["nodes"] if node.get("card", True)]


def card(runnable, node_id):
    return next(node for node in walk(runnable)[0]["nodes"] if node["id"] == node_id)


def lines(runnable):
    """The edges as text: a -> b, with what stands on them."""
    out = []
    for edge in walk(runnable)[0]["edges"]:
        about = [edge[key] for key in ("kind", "label", "target_port") if key in edge]
        out.append(" ".join([f"{edge['source']} -> {edge['target']}", *about]))
    return out


def test_a_sequence_is_a_line():
    assert lines(ASK | says("x") | StrOutputParser()) == ["prompt -> model", "model -> parser"]


def test_a_long_key_of_a_parallel_is_cut_where_it_is_shown():
    long = "everything that was ever retrieved for this question"
    [port] = card(RunnableParallel({long: str}), "parallel")["inputs"]
    assert port["name"] == long
    assert port["title"].endswith("…")


def test_the_same_flow_has_the_same_ids_every_time():
    flow = ASK | says("x") | StrOutputParser()
    assert walk(flow)[0] == walk(flow)[0]


def test_keys_prefix_what_lies_under_them_and_name_the_ports_of_the_join():
    flow = RunnableParallel(joke=ASK | says("x"), raw=RunnablePassthrough())
    assert ids(flow) == ["joke/prompt", "joke/model", "raw", "parallel"]
    assert lines(flow) == ["joke/prompt -> joke/model", "joke/model -> parallel joke", "raw -> parallel raw"]


def test_a_branch_forks_by_labelled_edges_that_meet_again():
    def long(given):
        return len(given) > 9

    flow = RunnableBranch((long, says("x")), (lambda given: True, says("x")), says("x")) | StrOutputParser()
    assert lines(flow) == [
        "branch -> model conditional long",
        "branch -> model-2 conditional if 2",
        "branch -> model-3 conditional else",
        "model -> parser",
        "model-2 -> parser",
        "model-3 -> parser",
    ]


def test_fallbacks_are_joined_by_edges_of_their_own():
    flow = ASK | says("x").with_fallbacks([says("y")]) | StrOutputParser()
    assert lines(flow) == [
        "model -> model-2 fallback",
        "prompt -> model",
        "model -> parser",
        "model-2 -> parser",
    ]


def test_a_map_and_a_subgraph_are_frames():
    inner = StateGraph(MessagesState)
    inner.add_node("work", slow)
    inner.add_edge(START, "work")
    outer = StateGraph(MessagesState)
    outer.add_node("sub", inner.compile())
    outer.add_edge(START, "sub")
    assert card((ASK | says("x")).map(), "each/model")["parent"] == "each"
    assert card(outer.compile(), "sub/work")["parent"] == "sub"
    assert ids(outer.compile()) == ["sub", "sub/work", "start", "end"]


def test_a_graph_that_begins_a_chain_is_a_frame_in_it():
    agent = create_agent(says("x"), [add])
    flow = agent | RunnableLambda(slow)
    assert ids(flow) == ["graph", "graph/model", "graph/tools", "graph/tools/add", "slow"]
    assert "graph -> slow" in lines(flow)
    assert ids(agent.with_config(tags=["t"])) == ids(agent)


def test_graphs_may_be_fallbacks_of_each_other():
    flow = create_agent(says("x"), []).with_fallbacks([create_agent(says("y"), [])])
    assert ids(flow) == ["graph", "graph/model", "graph-2", "graph-2/model"]
    assert "graph -> graph-2 fallback" in lines(flow)


def test_an_agent_is_a_loop_with_its_tools_in_a_frame():
    agent = create_agent(says("x"), [add])
    assert ids(agent) == ["model", "tools", "tools/add", "start", "end"]
    assert set(lines(agent)) == {
        "start -> model",
        "model -> end conditional",
        "model -> tools conditional",
        "tools -> model conditional",
    }


def test_a_conditional_edge_says_by_what_it_is_taken():
    graph = StateGraph(MessagesState)
    graph.add_node("work", slow)
    graph.add_node("rest", slow)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", lambda state: "tired", {"tired": "rest", "done": END})
    assert "work -> rest conditional tired" in lines(graph.compile())
    assert "work -> end conditional done" in lines(graph.compile())


def test_a_card_of_a_model_says_which_and_how():
    node = card(says("x", model="gpt-none"), "model")
    assert (node["title"], node["subtitle"], node["type"]) == ("Model", "gpt-none", "model")


def test_a_card_of_a_prompt_shows_its_template():
    assert card(ASK | says("x"), "prompt")["params"] == {"template": "human: tell {q}"}


def test_a_card_of_a_function_shows_its_code():
    assert card(RunnableLambda(slow), "slow")["params"]["code"].startswith("def slow(given)")
    graph = StateGraph(MessagesState)
    graph.add_node("work", slow)
    graph.add_edge(START, "work")
    assert card(graph.compile(), "work")["params"]["code"].startswith("def slow(given)")


def test_a_card_of_a_tool_shows_what_it_is_for():
    assert card(create_agent(says("x"), [add]), "tools/add")["params"] == {"description": "Add one."}


@pytest.mark.parametrize(("function", "sync"), [(slow, True), (quick, False)])
def test_it_is_known_which_function_cannot_be_stopped(function, sync):
    assert walk(RunnableLambda(function))[1].sync is sync
    graph = StateGraph(MessagesState)
    graph.add_node("work", function)
    graph.add_edge(START, "work")
    assert walk(graph.compile())[1].tagged["work"].sync is sync


def test_a_chain_of_a_hundred_steps_is_read():
    flow = RunnableLambda(slow)
    for _ in range(99):
        flow = flow | slow
    assert len(ids(flow)) == 100


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
def test_a_history_is_drawn_before_what_it_wraps():
    whole = RunnableWithMessageHistory(says("x") | StrOutputParser(), lambda _: InMemoryChatMessageHistory())
    assert sorted(lines(whole)) == ["load_history -> model", "model -> parser"]
    agent = RunnableWithMessageHistory(create_agent(says("x"), []), lambda _: InMemoryChatMessageHistory())
    assert ids(agent) == ["load_history", "graph", "graph/model"]


def test_what_is_bound_chooses_the_alternative():
    model = says("first").configurable_alternatives(
        ConfigurableField(id="who"), default_key="first", second=lambda: ASK | says("second")
    )
    assert ids(model | StrOutputParser()) == ["model", "parser"]
    assert ids((model | StrOutputParser()).with_config(configurable={"who": "second"})) == ["prompt", "model", "parser"]
    assert ids(RunnableParallel(a=model).with_config(configurable={"who": "second"})) == [
        "a/prompt",
        "a/model",
        "parallel",
    ]


def test_what_a_graph_is_bound_to_chooses_in_its_nodes():
    graph = StateGraph(MessagesState)
    graph.add_node("work", says("first").configurable_alternatives(ConfigurableField(id="who"), second=ASK | says("x")))
    graph.add_edge(START, "work")
    assert ids(graph.compile()) == ["work", "start", "end"]
    assert ids(graph.compile().with_config(configurable={"who": "second"})) == [
        "work",
        "work/prompt",
        "work/model",
        "start",
        "end",
    ]


def test_a_prefix_reaches_the_alternatives_of_an_alternative():
    inner = says("a").configurable_alternatives(ConfigurableField(id="how"), second=ASK | says("b"))
    outer = inner.configurable_alternatives(ConfigurableField(id="who"), prefix_keys=True)
    assert ids(outer.with_config(configurable={"who==default/how": "second"})) == ["prompt", "model"]
