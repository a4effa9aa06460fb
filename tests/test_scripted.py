import doctest

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import ValidationError

import lfwidget.scripted
from lfwidget.scripted import Reply, ScriptedModel


def fast(replies, **options):
    return ScriptedModel(replies, tokens_per_second=None, **options)


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def test_the_examples_of_the_docstrings_are_right():
    assert doctest.testmod(lfwidget.scripted).failed == 0


def test_replies_come_in_turn_and_start_over():
    model = fast(["one", "two"])
    assert [model.invoke("x").text for _ in range(3)] == ["one", "two", "one"]


@pytest.mark.parametrize("text", ["", " ", "one", "two words", "line\nbreak\n", "Donaudampfschifffahrtsgesellschaft"])
def test_a_stream_says_the_text_to_the_letter(text):
    assert "".join(chunk.text for chunk in fast([text]).stream("x")) == text


async def test_it_streams_the_same_without_blocking():
    assert "".join([chunk.text async for chunk in fast(["one two three"]).astream("x")]) == "one two three"


def test_a_function_sees_the_last_human_message():
    conversation = [HumanMessage("first"), AIMessage("hm"), HumanMessage("second")]
    assert fast(lambda question: question.upper()).invoke(conversation).text == "SECOND"


def test_a_function_of_two_sees_the_whole_conversation():
    assert fast(lambda question, messages: f"{len(messages)}").invoke([HumanMessage("a"), AIMessage("b")]).text == "2"


def test_a_method_may_answer():
    class Teacher:
        def answer(self, question):
            return f"about {question}"

        def look(self, question, messages):
            return f"{len(messages)} about {question}"

    assert fast(Teacher().answer).invoke("cats").text == "about cats"
    assert fast(Teacher().look).invoke("cats").text == "1 about cats"


def test_it_thinks_before_it_speaks():
    chunks = list(fast([Reply("so", reasoning="hm hm")]).stream("x"))
    assert [chunk.content[0]["type"] for chunk in chunks[:3]] == ["reasoning", "reasoning", "text"]


def test_a_streamed_tool_call_is_a_tool_call():
    reply = Reply(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}])
    whole = sum(list(fast([reply]).stream("x"))[1:], start=next(iter(fast([reply]).stream("x"))))
    assert (whole.tool_calls[0]["name"], whole.tool_calls[0]["args"]) == ("add", {"a": 1, "b": 2})


def test_a_tool_without_arguments_is_called_too():
    assert fast([Reply(tool_calls=[{"name": "now"}])]).invoke("x").tool_calls[0]["args"] == {}


def test_calls_of_two_turns_have_different_ids():
    model = fast([Reply(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}])])
    ids = {model.invoke("x").tool_calls[0]["id"] for _ in range(2)}
    assert len(ids) == 2


def test_it_works_for_an_agent():
    def answer(question, messages):
        if messages[-1].type == "tool":
            return f"It is {messages[-1].text}."
        return Reply(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}])

    agent = create_agent(fast(answer), [add])
    assert agent.invoke({"messages": [HumanMessage("1 + 2?")]})["messages"][-1].text == "It is 3."


def test_an_error_comes_after_the_tokens_before_it():
    model, heard = fast([Reply("a b c", error=ValueError("boom"), error_at=2)]), []
    with pytest.raises(ValueError, match="boom"):
        heard.extend(chunk.text for chunk in model.stream("x"))
    assert heard == ["a", " b"]


def test_an_error_given_as_text_is_a_runtime_error():
    with pytest.raises(RuntimeError, match="silence"):
        fast([Reply(error="silence")]).invoke("x")


def test_usage_counts_what_it_read_and_said():
    usage = fast(["three more words"]).invoke("two words").usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (2, 3, 5)


def test_it_keeps_its_pace():
    import time

    begun = time.perf_counter()
    list(ScriptedModel(["one two three four"], tokens_per_second=100).stream("x"))
    assert time.perf_counter() - begun >= 0.04


@pytest.mark.parametrize(
    ("replies", "options", "error"),
    [
        ([], {}, ValueError),
        ("just text", {}, ValueError),
        ([1], {}, TypeError),
        ([AIMessage("x")], {}, TypeError),
        (["x"], {"tokens_per_second": 0}, ValueError),
        (["x"], {"tokens_per_sec": 3}, ValidationError),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(replies, options, error):
    with pytest.raises(error):
        ScriptedModel(replies, **options)


def test_a_function_that_returns_something_else_is_refused():
    with pytest.raises(TypeError, match="not NoneType"):
        fast(lambda question: None).invoke("x")
