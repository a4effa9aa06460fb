"""`RecordedModel`: a recorded model says again what it said, to the same questions, at the same pace."""

import asyncio
import doctest
import json
import math
import threading

import pytest
from doubles import within
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import ValidationError

import lfwidget as lf
import lfwidget.recorded
from lfwidget import Flow, NotRecordedError, RecordedModel, Reply, ScriptedModel
from lfwidget.scripted import Clock

KEY = "sk-abcdefghijklmnopqrstuvwxyz"
FAST = math.inf


class StoppedClock(Clock):
    """A clock that only goes on when somebody waits, and does not wait."""

    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds

    async def asleep(self, seconds):
        self.at += seconds


def real(*replies, **options):
    return ScriptedModel([*replies], **{"tokens_per_second": None, **options})


def chain(model, human="How big is {planet}?", parser=None):
    return (
        ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", human)])
        | model
        | (parser or StrOutputParser())
    )


def recorded(runnable, *inputs, **options):
    """Run a flow with these inputs, and give back the last run."""
    flow = Flow(runnable)
    for given in inputs:
        run = flow.run(given, **options)
        run.result()
    return run


def again(record, **options):
    return RecordedModel(record, **{"speed": FAST, **options})


def tokens(run, node="model"):
    """The tokens of a node by channel, one by one."""
    said = []
    for event in run.log.since(0):
        if event["kind"] == "node.delta" and event["node"] == node:
            start = 0
            for size in event["cuts"]:
                said.append((event["channel"], event["text"][start : start + size]))
                start += size
    return said


def offsets(run, node="model"):
    """When each token came, in seconds from the start of the node."""
    events = [event for event in run.log.since(0) if event.get("node") == node]
    began = next(event["t"] for event in events if event["kind"] == "node.started")
    deltas = [event for event in events if event["kind"] == "node.delta"]
    return [max(0.0, event["t"] + ms / 1000 - began) for event in deltas for ms in event["dts"]]


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def sums(question, messages):
    if messages[-1].type == "tool":
        return f"It is {messages[-1].text}."
    return Reply("Let me see.", reasoning="A sum it is.", tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}])


def test_the_examples_of_the_docstrings_are_right():
    assert doctest.testmod(lfwidget.recorded).failed == 0


# The same again


def test_the_same_flow_says_the_same_token_by_token(tmp_path):
    run = recorded(chain(real("It is about 40,000 km around.")), {"planet": "the Earth"})
    model = again(run.save(tmp_path / "x.lfrun"))
    rerun = recorded(chain(model), {"planet": "the Earth"})
    assert rerun.output == "It is about 40,000 km around."
    assert tokens(rerun) == tokens(run)
    assert rerun.usage == run.usage


def test_other_nodes_may_be_others(tmp_path):
    run = recorded(chain(real("It is big.")), {"planet": "the Earth"})
    shout = RunnableLambda(lambda message: message.text.upper())
    assert recorded(chain(again(run), parser=shout), {"planet": "the Earth"}).output == "IT IS BIG."


def test_it_thinks_again_before_it_speaks():
    run = recorded(real(Reply("So it is.", reasoning="Is it so?")), "Is it?")
    rerun = recorded(again(run), "Is it?")
    assert tokens(rerun) == tokens(run)
    assert rerun.nodes["model"].reasoning == "Is it so?"
    assert [block["type"] for block in rerun.output.content] == ["reasoning", "text"]


@pytest.mark.parametrize("where", ["lfrun", "html", "ipynb", "run", "list"])
def test_a_record_is_read_wherever_it_is(where, tmp_path):
    run = recorded(real("Hello there."), "Hi")
    source = {
        "lfrun": lambda: run.save(tmp_path / "x.lfrun"),
        "html": lambda: run.to_html(tmp_path / "x.html") and str(tmp_path / "x.html"),
        "ipynb": lambda: notebook(tmp_path / "x.ipynb", run),
        "run": lambda: run,
        "list": lambda: [run],
    }[where]()
    assert again(source).invoke("Hi").text == "Hello there."


def notebook(path, *runs):
    from lfwidget.keeper import record_bundle

    outputs = [{"output_type": "display_data", "data": record_bundle(run), "metadata": {}} for run in runs]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"outputs": outputs}]}))
    return path


def test_of_several_records_in_a_file_one_is_picked(tmp_path):
    path = notebook(tmp_path / "x.ipynb", *(recorded(real(reply), "Hi") for reply in ("one", "two")))
    assert again(path, run=1).invoke("Hi").text == "two"
    with pytest.raises(lf.InputError, match="say which"):
        again(path)


def test_several_records_answer_together_and_the_later_counts():
    first, second = recorded(real("one"), "a"), recorded(real("two"), "b")
    third = recorded(real("three"), "a")
    model = again([first, second, third])
    assert [model.invoke(question).text for question in "aba"] == ["three", "two", "three"]


def test_a_failure_does_not_replace_an_answer_of_an_earlier_record():
    good, bad = recorded(real("fine"), "a"), failed(real(Reply(error="no line")), "a")
    assert again([good, bad]).invoke("a").text == "fine"


def test_it_works_for_an_agent_with_tools(tmp_path):
    run = recorded(create_agent(real_of(sums), [add]), {"messages": [HumanMessage("1 + 2?")]})
    model = again(run.save(tmp_path / "x.lfrun"))
    rerun = recorded(create_agent(model, [add]), {"messages": [HumanMessage("1 + 2?")]})
    assert rerun.output["messages"][-1].text == "It is 3."
    assert tokens(rerun, "model/model") == tokens(run, "model/model")
    assert rerun.nodes["tools/add"].output.text == "3"


def real_of(function):
    return ScriptedModel(function, tokens_per_second=None)


def test_a_tool_that_returns_something_else_makes_another_question():
    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b + 1

    run = recorded(create_agent(real_of(sums), [tool_named_add()]), {"messages": [HumanMessage("1 + 2?")]})
    rerun = failed(create_agent(again(run), [add]), {"messages": [HumanMessage("1 + 2?")]})
    assert rerun.error.asked == "4"
    assert rerun.error.nearest == "3"


def tool_named_add():
    return add


def test_two_calls_in_one_answer_stay_two():
    calls = [{"name": "add", "args": {"a": 1, "b": 2}}, {"name": "now", "args": {}}]
    run = recorded(real(Reply(tool_calls=calls)), "x")
    whole = again(run).invoke("x")
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("add", {"a": 1, "b": 2}), ("now", {})]
    assert len({call["id"] for call in whole.tool_calls}) == 2


def test_it_works_in_a_graph_of_langgraph():
    def graph(model):
        async def speak(state: MessagesState):
            return {"messages": [await model.ainvoke(state["messages"])]}

        return (
            StateGraph(MessagesState).add_node("speak", speak).add_edge(START, "speak").add_edge("speak", END).compile()
        )

    given = {"messages": [HumanMessage("Hi")]}
    rerun = recorded(graph(again(recorded(graph(real("Hello you.")), given))), given)
    assert rerun.output["messages"][-1].text == "Hello you."
    assert rerun.nodes["speak"].text == "Hello you."


def test_it_works_outside_any_flow():
    model = again(recorded(chain(real("It is big.")), {"planet": "Mars"}))
    asked = [SystemMessage("Be brief."), HumanMessage("How big is Mars?")]
    assert model.invoke(asked).text == "It is big."
    assert [chunk.text for chunk in model.stream(asked) if chunk.text] == ["It", " is", " big."]


async def test_it_can_be_awaited_outside_any_flow():
    model = again(await_run := recorded_in_thread(real("It is big."), "x"))
    assert (await model.ainvoke("x")).text == "It is big."
    assert "".join([chunk.text async for chunk in model.astream("x")]) == "It is big."
    assert await_run.status == "finished"


def recorded_in_thread(runnable, given):
    runs = []
    thread = threading.Thread(target=lambda: runs.append(recorded(runnable, given)))
    thread.start()
    thread.join()
    return runs[0]


def test_what_was_not_streamed_comes_whole(tmp_path):
    reply = Reply("It is big.", reasoning="Is it?", tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}])
    run = recorded(real(reply), "x", stream_nodes=[])
    assert tokens(run) == []
    rerun = recorded(again(run.save(tmp_path / "x.lfrun")), "x")
    assert tokens(rerun) == [("reasoning", "Is it?"), ("text", "It is big."), ("tool_call", '{"a": 1, "b": 2}')]
    assert rerun.output.tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert rerun.usage == run.usage


def test_it_can_be_asked_without_streaming():
    run = recorded(real("It is big."), "x")
    rerun = recorded(again(run), "x", stream_nodes=[])
    assert tokens(rerun) == []
    assert rerun.nodes["model"].text == "It is big."


def test_a_record_of_a_rerun_answers_too():
    run = recorded(real("It is big."), "x")
    model = again(recorded(again(run), "x"))
    assert model.invoke("x").text == "It is big."
    assert model.model == "recorded: scripted"


# The pace


def test_each_token_comes_when_it_came():
    run = recorded(real("one two three", tokens_per_second=50), "x")
    model, clock = RecordedModel(run), StoppedClock()
    model._clock = clock
    came = [clock.at for chunk in model.stream("x") if chunk.text]
    assert came == pytest.approx(offsets(run))
    assert clock.at == pytest.approx(run.nodes["model"].duration)


async def test_each_token_comes_when_it_came_where_it_is_awaited():
    run = recorded_in_thread(real(Reply("one two", reasoning="hm"), tokens_per_second=50), "x")
    model, clock = RecordedModel(run), StoppedClock()
    model._clock = clock
    came = [clock.at async for chunk in model.astream("x") if chunk.content]
    assert came == pytest.approx(offsets(run))


def test_twice_as_fast_waits_half_as_long():
    run = recorded(real("one two three", tokens_per_second=50), "x")
    model, clock = RecordedModel(run, speed=2.0), StoppedClock()
    model._clock = clock
    came = [clock.at for chunk in model.stream("x") if chunk.text]
    assert came == pytest.approx([at / 2 for at in offsets(run)])


@pytest.mark.parametrize("stream_nodes", [None, []])
def test_a_whole_answer_takes_as_long_as_it_took(stream_nodes):
    run = recorded(real("one two three", tokens_per_second=50), "x", stream_nodes=stream_nodes)
    model, clock = RecordedModel(run), StoppedClock()
    model._clock = clock
    model.invoke("x")
    assert clock.at == pytest.approx(run.nodes["model"].duration)


def test_no_waiting_at_all():
    run = recorded(real("one two three", tokens_per_second=50), "x")
    model, clock = again(run), StoppedClock()
    model._clock = clock
    model.invoke("x")
    assert clock.at == 0.0


async def test_it_can_be_stopped_while_it_waits():
    run = recorded_in_thread(real("one two three", tokens_per_second=50), "x")
    slow = Flow(RecordedModel(run, speed=1e-6)).run("x")
    async for event in slow:
        if event["kind"] == "node.started":
            slow.cancel()
    assert slow.status == "cancelled"
    with pytest.raises(lf.RunCancelledError):
        await within(slow)


# What is the same question


def test_a_plain_string_and_a_human_message_are_the_same():
    model = again(recorded(real("Hello."), "Hi"))
    assert model.invoke([HumanMessage("Hi")]).text == "Hello."


def test_ids_and_images_are_not_compared():
    def see(url, call):
        image = HumanMessage(
            content=[{"type": "text", "text": "See?"}, {"type": "image_url", "image_url": {"url": url}}]
        )
        asked = AIMessage("", tool_calls=[{"name": "add", "args": {"a": 1}, "id": call}], id=call)
        return [image, asked, ToolMessage("1", tool_call_id=call)]

    model = again(recorded(real("I do."), see("data:1", "call-1")))
    assert model.invoke(see("data:2", "call-2")).text == "I do."


def test_a_message_that_was_streamed_is_the_same_message():
    model = again(recorded(real("Yes."), [HumanMessage("a"), AIMessageChunk("b"), HumanMessage("c")]))
    assert model.invoke([HumanMessage("a"), AIMessage("b"), HumanMessage("c")]).text == "Yes."


def test_the_same_question_is_answered_in_the_order_of_the_record():
    def thrice(model):
        async def ask(question):
            return [(await model.ainvoke(question)).text for _ in range(3)]

        return RunnableLambda(ask)

    model = again(recorded(thrice(real("one", "two", "three")), "x"))
    assert recorded(thrice(model), "x").output == ["one", "two", "three"]
    assert model.invoke("x").text == "one"


def test_it_may_be_asked_from_many_threads():
    model = again([recorded(RunnableLambda(lambda x: [fast.invoke(x) for _ in range(4)]), "x")])
    said = []
    threads = [threading.Thread(target=lambda: said.append(model.invoke("x").text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == sorted(["one", "two", "three", "four"] * 2)


fast = real("one", "two", "three", "four")


@pytest.mark.parametrize("key", [KEY, "from-the-environment-42"])
def test_a_key_in_the_prompt_is_masked_in_both(key, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_API_KEY", "from-the-environment-42")
    path = recorded(chain(real("Never share it.")), {"planet": key}).save(tmp_path / "x.lfrun")
    assert key not in path.read_text()
    assert recorded(chain(again(path)), {"planet": key}).output == "Never share it."


def test_a_mask_may_hide_what_is_no_secret_here(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_API_KEY", "from-the-environment-42")
    path = recorded(chain(real("Never share it.")), {"planet": "from-the-environment-42"}).save(tmp_path / "x.lfrun")
    monkeypatch.delenv("MY_API_KEY")
    model = again(path)
    assert recorded(chain(model), {"planet": "from-the-environment-42"}).output == "Never share it."
    with pytest.raises(NotRecordedError):
        model.invoke([SystemMessage("Be brief."), HumanMessage("How big is it?")])


def test_only_what_one_node_said_where_one_is_named():
    both = {"joke": real("Ha."), "poem": real("O!")}
    run = recorded(both["joke"] | RunnableLambda(lambda _: "x") | both["poem"], "x")
    assert again(run, node="model").invoke("x").text == "Ha."
    assert again(run, node="model-2").invoke("x").text == "O!"
    with pytest.raises(lf.UnknownNameError, match="model-2"):
        again(run, node="model-3")


def test_a_node_has_what_is_found_below_it():
    run = recorded(create_agent(real_of(sums), [add]), {"messages": [HumanMessage("1 + 2?")]})
    assert again(run, node="model").invoke("1 + 2?").tool_calls[0]["name"] == "add"


# What was not recorded


def test_another_prompt_fails_on_the_card_of_the_model():
    run = recorded(chain(real("It is big.")), {"planet": "the Earth"})
    rerun = failed(chain(again(run)), {"planet": "Mars"})
    error = rerun.nodes["model"].error
    assert error["type"] == "NotRecordedError"
    assert "'How big is Mars?'" in error["message"]
    assert "nearest question that was: 'How big is the Earth?'" in error["message"]
    assert "missing=another_model" in error["message"]


def failed(runnable, given):
    run = Flow(runnable).run(given)
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is what the test looks at
        run.result()
    assert run.status == "failed"
    return run


def test_the_nearest_question_is_the_nearest():
    model = again([recorded(real("x"), question) for question in ("How are you?", "What is the time?", "Who are you?")])
    with pytest.raises(NotRecordedError) as caught:
        model.invoke("What's the time?")
    assert (caught.value.asked, caught.value.nearest) == ("What's the time?", "What is the time?")
    assert isinstance(caught.value, lf.LfwidgetError)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([SystemMessage("Be rude."), HumanMessage("Hi")], "another message: 'Be kind.', not 'Be rude.'"),
        ([HumanMessage("Hi")], "2 messages in all, not with 1"),
        ([], "nearest question that was: 'Hi'"),
    ],
)
def test_it_says_what_differs_before_the_last_message(asked, told):
    model = again(recorded(real("Hello."), [SystemMessage("Be kind."), HumanMessage("Hi")]))
    with pytest.raises(NotRecordedError, match=told):
        model.invoke(asked)


def test_another_model_answers_instead():
    run = recorded(chain(real("It is big.")), {"planet": "the Earth"})
    model = again(run, missing=real("It is red."))
    rerun = recorded(chain(model), {"planet": "Mars"})
    assert rerun.output == "It is red."
    assert tokens(rerun) == [("text", "It"), ("text", " is"), ("text", " red.")]
    assert rerun.usage == rerun.nodes["model"].usage == {"input_tokens": 6, "output_tokens": 3, "total_tokens": 9}


def test_another_model_answers_outside_any_flow():
    model = again(recorded(real("one"), "x"), missing=real("two"))
    assert model.invoke("y").text == "two"
    assert "".join(chunk.text for chunk in model.stream("y")) == "two"


async def test_another_model_can_be_awaited():
    model = again(recorded_in_thread(real("one"), "x"), missing=real("two"))
    assert (await model.ainvoke("y")).text == "two"


def test_another_model_has_the_tools():
    run = recorded(create_agent(real_of(sums), [add]), {"messages": [HumanMessage("1 + 2?")]})
    model = again(run, missing=real_of(sums))
    rerun = recorded(create_agent(model, [add]), {"messages": [HumanMessage("What is 1 + 2?")]})
    assert rerun.output["messages"][-1].text == "It is 3."
    assert model.bind_tools([add]).kwargs == real("x").bind_tools([add]).kwargs == {"tools": ["add"]}


def test_a_text_answers_instead():
    model = again(recorded(real("one"), "x"), missing="I was never asked.")
    assert recorded(model, "y").output.text == "I was never asked."


# What failed, was given up, or was cut off


def test_what_failed_fails_again():
    run = failed(real(Reply("a b c", error="the line is dead", error_at=2)), "x")
    rerun = failed(again(run), "x")
    assert isinstance(rerun.error, lf.RecordedError)
    assert (rerun.error.type, rerun.error.message) == ("RuntimeError", "the line is dead")
    assert tokens(rerun) == tokens(run) == [("text", "a"), ("text", " b")]


def test_a_failure_that_was_made_up_for_is_forgotten():
    run = recorded(real(Reply("a b", error="boom", error_at=1)).with_fallbacks([real("fine")]), "x")
    assert again(run).invoke("x").text == "fine"
    with pytest.raises(lf.RecordedError, match="boom"):
        again(run, node="model").invoke("x")


def test_an_answer_that_was_given_up_is_forgotten():
    def check(message):
        if message.text == "bad":
            raise ValueError("no")
        return message.text

    run = recorded((real("bad", "good") | RunnableLambda(check)).with_retry(stop_after_attempt=2), "x")
    assert again(run).invoke("x").text == "good"


def test_half_an_answer_was_never_recorded(tmp_path):
    def ask_twice(model):
        return RunnableLambda(lambda x: [model.invoke(x).text, model.invoke(f"{x} {x}").text])

    path = recorded(ask_twice(real("one", "two three")), "x").save(tmp_path / "x.lfrun")
    lines = path.read_text().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if '"node.delta"' in line)
    path.write_text("".join(lines[: last + 1]))
    with pytest.warns(lf.RecordWarning, match="cut off"):
        model = again(path)
    assert model.invoke("x").text == "one"
    with pytest.raises(NotRecordedError):
        model.invoke("x x")


def test_a_run_that_goes_on_answers_so_far():
    gate = threading.Event()

    def ask(question):
        text = real("one").invoke(question).text
        gate.wait()
        return text

    run = Flow(RunnableLambda(ask)).run("x")
    try:
        until_node_finished(run)
        model = again(run)
    finally:
        gate.set()
    assert run.result() == model.invoke("x").text == "one"


def until_node_finished(run):
    async def follow():
        async for event in run:
            if event["kind"] == "node.finished":
                return

    asyncio.run(within(follow()))


# What makes no sense


def test_a_record_without_a_model_says_what_is_in_it():
    run = recorded(ChatPromptTemplate.from_template("{x}") | RunnableLambda(lambda prompt: "done"), {"x": "1"})
    with pytest.raises(
        lf.InputError, match=r"no model answered anything in this record.*'prompt' \(Prompt\), 'lambda'"
    ):
        again(run)


def test_a_node_that_is_no_model_says_so():
    run = recorded(chain(real("x")), {"planet": "Mars"})
    with pytest.raises(lf.InputError, match=r"in the node 'parser'.*'model'"):
        again(run, node="parser")


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(lf.InputError, match="speed="):
        RecordedModel([], speed=speed)


def test_somebody_who_cannot_answer_is_refused():
    with pytest.raises(lf.InputError, match="missing="):
        RecordedModel([], missing=StrOutputParser())


def test_a_misspelt_keyword_is_refused():
    with pytest.raises(ValidationError, match="sped"):
        RecordedModel([], sped=2)


def test_nothing_to_read_is_refused():
    with pytest.raises(lf.InputError, match="none"):
        RecordedModel([])


# How it looks


def test_the_card_says_what_it_is():
    run = recorded(real("x", model="gpt-x"), "x")
    rerun = recorded(again(run), "x")
    assert rerun.log.since(0)[0]["graph"]["nodes"][0]["subtitle"] == "recorded: gpt-x"
    assert again(run, model="the one of Monday").model == "the one of Monday"


def test_it_can_be_tweaked():
    run = recorded(real("x"), "x")
    flow = Flow(again(run))
    assert flow.run("y", tweaks={"model": {"missing": "nobody knows"}}).result().text == "nobody knows"
