import asyncio
import functools
from typing import TypedDict

import pytest
from doubles import Gate, SmallRunner, echo, node, until, within
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

import lfwidget as lf


def chain(*replies, prompt="Tell me about {topic}."):
    model = lf.ScriptedModel(list(replies or ["Hello, world."]), tokens_per_second=None)
    return ChatPromptTemplate.from_template(prompt) | model | StrOutputParser()


@pytest.fixture
def flow():
    return lf.Flow(SmallRunner(echo))


# What can be a flow


async def test_a_chain_is_a_flow():
    run = lf.Flow(chain("The Earth is round.")).run("the Earth")
    assert await within(run) == "The Earth is round."
    assert run.text == "The Earth is round."
    assert run.nodes["model"].text == "The Earth is round."
    assert run.nodes["model"].output.content == "The Earth is round."
    assert run.usage["output_tokens"] > 0


async def test_a_graph_is_a_flow_and_asks():
    class State(TypedDict):
        text: str

    graph = StateGraph(State)
    graph.add_node("approve", lambda state: {"text": state["text"] + interrupt("Shall I?")})
    graph.add_edge(START, "approve")
    graph.add_edge("approve", END)
    run = lf.Flow(graph.compile(checkpointer=InMemorySaver()), input=lambda text: {"text": text}).run("Well: ")
    await until(run, "input.requested")
    assert (run.status, run.pending[0].prompt, run.nodes["approve"].status) == ("waiting", "Shall I?", "waiting")
    run.answer("yes")
    assert await within(run) == {"text": "Well: yes"}


@pytest.mark.parametrize("thing", [3, "text", object(), None])
def test_anything_else_is_refused(thing):
    with pytest.raises(lf.NotAFlowError, match=type(thing).__name__):
        lf.Flow(thing)


def test_a_dict_with_a_step_that_is_none_is_refused():
    with pytest.raises(lf.NotAFlowError, match="not every step"):
        lf.Flow({"a": 1})


class Doubled:
    def __call__(self, text):
        return text * 2


@pytest.mark.parametrize("function", [Doubled(), functools.partial(lambda times, text: text * times, 2)])
async def test_whatever_can_be_called_is_a_flow(function):
    assert await within(lf.Flow(function).run("ab")) == "abab"


@pytest.mark.parametrize(("examples", "kept"), [("What is it?", ["What is it?"]), (None, []), (("a", "b"), ["a", "b"])])
def test_examples_are_several_or_one(examples, kept):
    assert lf.Flow(SmallRunner(echo), examples=examples).form["examples"] == kept


@pytest.mark.parametrize("keywords", [{"examples": 3}, {"input": "question"}])
def test_a_keyword_of_the_wrong_kind_is_refused_where_it_is_given(keywords):
    with pytest.raises(lf.InputError, match=next(iter(keywords))):
        lf.Flow(SmallRunner(echo), **keywords)


@pytest.mark.parametrize("keywords", [{"tags": 3}, {"stream_nodes": 3}])
def test_a_keyword_of_a_run_of_the_wrong_kind_is_refused(flow, keywords):
    with pytest.raises(lf.InputError, match=next(iter(keywords))):
        flow.run("hi", **keywords)


def test_nothing_is_no_input_for_a_prompt():
    with pytest.raises(lf.InputError, match="lacks `topic`"):
        lf.Flow(chain()).run()


def test_a_graph_that_was_not_compiled_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"\.compile\(\)"):
        lf.Flow(StateGraph(dict))


# Names


def test_it_is_called_what_it_is_told_or_what_its_object_is():
    assert lf.Flow(SmallRunner(echo), name="Tutor").name == "Tutor"
    assert lf.Flow(SmallRunner(echo)).name == "Small"


async def test_a_run_is_called_what_it_is_told_or_what_it_was_asked(flow):
    runs = [flow.run("hi", name="First"), flow.run("How big\nis it?"), flow.run(), flow.run("x" * 100)]
    await within(asyncio.gather(*runs))
    assert [run.name for run in runs] == ["First", "How big is it?", "Run 3", "x" * 39 + "…"]


@pytest.mark.parametrize(("keyword", "nearest"), [("nam", "name"), ("example", "examples"), ("inputs", "input")])
def test_a_misspelt_keyword_of_a_flow_is_refused_with_the_nearest(keyword, nearest):
    with pytest.raises(lf.UnknownNameError, match=f"Did you mean '{nearest}'") as caught:
        lf.Flow(SmallRunner(echo), **{keyword: None})
    assert caught.value.nearest == nearest


@pytest.mark.parametrize(
    ("keyword", "nearest"),
    [("stream_node", "stream_nodes"), ("sesion_id", "session_id"), ("tweak", "tweaks"), ("configs", "config")],
)
def test_a_misspelt_keyword_of_a_run_is_refused_with_the_nearest(flow, keyword, nearest):
    with pytest.raises(lf.UnknownNameError) as caught:
        flow.run("hi", **{keyword: None})
    assert caught.value.nearest == nearest
    assert flow.runs == []


def test_an_unknown_node_is_refused_with_the_nearest(flow):
    for keywords in ({"stream_nodes": ["frist"]}, {"tweaks": {"frist": {}}}):
        with pytest.raises(lf.UnknownNameError) as caught:
            flow.run("hi", **keywords)
        assert caught.value.nearest == "first"
    assert flow.runs == []


@pytest.mark.parametrize("keywords", [{"config": "x"}, {"tweaks": ["x"]}, {"tweaks": {"first": 3}}])
def test_what_should_be_a_dict_is_refused_where_it_is_none(flow, keywords):
    with pytest.raises(lf.InputError, match="is a dict, not"):
        flow.run("hi", **keywords)


async def test_a_key_in_the_input_is_not_in_the_name_of_the_run(flow):
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    run = flow.run(f"use {key}")
    await within(run)
    assert key[8:] not in run.name


def test_a_node_that_is_no_name_is_refused(flow):
    with pytest.raises(lf.InputError, match="stream_nodes= takes ids"):
        flow.run("hi", stream_nodes=[3])


# What a runner is given


async def given(typed="hi", flow_options=None, **keywords):
    """The execution that a runner sees."""
    seen = []

    async def remember(execution):
        seen.append(execution)

    runner = SmallRunner(remember, nodes=[node("first", "The First"), node("second")])
    run = lf.Flow(runner, **(flow_options or {})).run(typed, **keywords)
    await within(run)
    assert seen[0].run_id == run.id
    return seen[0]


async def test_all_nodes_stream_unless_some_are_named():
    assert (await given()).stream_nodes is None
    assert (await given(stream_nodes=["The First"])).stream_nodes == {"first"}
    assert (await given(stream_nodes="second")).stream_nodes == {"second"}
    assert (await given(stream_nodes=[])).stream_nodes == frozenset()


async def test_tweaks_are_by_node_id():
    assert (await given(tweaks={"The First": {"temperature": 0}})).tweaks == {"first": {"temperature": 0}}


async def test_config_and_session_are_passed_on():
    execution = await given(config={"tags": ["a"]}, session_id="s")
    assert (execution.config, execution.session_id) == ({"tags": ["a"]}, "s")


async def test_text_goes_through_the_input_function_and_nothing_else_does():
    def shout(text):
        return {"text": text.upper()}

    assert (await given("hi", {"input": shout})).input == {"text": "HI"}
    assert (await given({"text": "as it is"}, {"input": shout})).input == {"text": "as it is"}


async def test_tags_are_in_the_log():
    run = lf.Flow(SmallRunner(echo)).run("hi", tags=["lesson", "1"])
    await within(run)
    assert run.log.since(0)[0]["tags"] == ["lesson", "1"]


def test_an_input_the_flow_cannot_take_is_refused_at_once():
    flow = lf.Flow(chain(prompt="{city} in {year}"))
    with pytest.raises(lf.InputError) as caught:
        flow.run("Rome")
    assert set(caught.value.fields) == {"city", "year"}
    assert flow.runs == []


def test_the_form_is_text_where_an_input_function_makes_the_rest():
    flow = lf.Flow(chain(prompt="{city} in {year}"), input=lambda text: {"city": text, "year": 1}, examples=["Rome"])
    assert (flow.form["kind"], flow.form["fields"], flow.form["examples"]) == ("text", [], ["Rome"])


# The graph


def test_the_graph_is_plain_data():
    graph = lf.Flow(chain()).graph
    assert [entry["id"] for entry in graph.nodes] == ["prompt", "model", "parser"]
    assert [(edge["source"], edge["target"]) for edge in graph.edges] == [("prompt", "model"), ("model", "parser")]
    copy = graph.to_json()
    assert copy == {"nodes": graph.nodes, "edges": graph.edges}
    copy["nodes"].clear()
    assert graph.nodes


# Several runs


async def test_runs_of_one_flow_go_side_by_side():
    gates = {}

    async def flow_body(execution):
        gates[execution.input] = Gate()
        return await gates[execution.input](execution)

    flow = lf.Flow(SmallRunner(flow_body))
    runs = [flow.run("a"), flow.run("b")]
    for run in runs:
        await until(run, "node.started")
    gates["b"].open()
    assert await within(runs[1]) == "b"
    assert runs[0].status == "running"
    gates["a"].open()
    assert await within(runs[0]) == "a"


async def test_it_keeps_the_last_runs_and_those_that_go_on(monkeypatch):
    monkeypatch.setattr(lf.options, "keep_runs", 2)
    gate = Gate()
    slow = lf.Flow(SmallRunner(lambda execution: gate(execution) if execution.input == "slow" else echo(execution)))
    runs = [slow.run("slow")]
    for name in "abc":
        runs.append(slow.run(name))
        await within(runs[-1])
    assert [run.name for run in slow.runs] == ["slow", "c"]
    gate.open()
    await within(runs[0])


async def test_a_sync_step_may_print_and_call_other_runnables():
    model = lf.ScriptedModel(["inside"], tokens_per_second=None)

    def step(text):
        print("step", text)  # noqa: T201 - so do people
        return model.invoke(text).content

    run = lf.Flow(RunnableLambda(step)).run("hi")
    assert await within(run) == "inside"
    assert [event["message"] for event in run.log.since(0) if event["kind"] == "log"] == ["step hi"]
