"""What is asked in words, what is offered, and what a typed answer means."""

import asyncio

import pytest
from doubles import within

from lfwidget.errors import InputError
from lfwidget.model.log import RunLog
from lfwidget.questions import Desk, choices_of, in_words
from lfwidget.runners.base import Question

YES_NO = [{"title": "Yes", "value": True}, {"title": "No", "value": False}]


def question(schema=None, **about):
    return Question("q", "node", "node#1", about.pop("prompt", "Well?"), schema, **about)


async def answered(asked, value, *, typed=True):
    log = RunLog()
    asked_it = asyncio.Event()
    desk = Desk(log, asked_it.set)
    asking = asyncio.create_task(desk.ask([asked]))
    await within(asked_it.wait())
    try:
        desk.answer(value, "q", typed=typed)
    finally:
        if not log.since(1):
            asking.cancel()
    return (await within(asking))["q"], log.since(0)[0]


@pytest.mark.parametrize(
    ("schema", "typed", "meant"),
    [
        (None, "as it is", "as it is"),
        (None, "3", "3"),
        (None, '{"a": [1]}', {"a": [1]}),
        (None, " [1]", [1]),
        (None, "{not json", "{not json"),
        ({}, '{"a": 1}', {"a": 1}),
        ({"oneOf": [{"type": "object"}]}, '{"a": 1}', {"a": 1}),
        ({"type": "string"}, "3", "3"),
        ({"type": "string"}, '{"a": 1}', '{"a": 1}'),
        ({"type": ["string", "null"]}, "null", "null"),
        ({"type": "integer"}, "3", 3),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "yes ", True),
        ({"type": "boolean"}, "No", False),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"enum": ["red", "1"]}, "1", "1"),
        ({"enum": ["red", "1"]}, "Red", "red"),
        ({"enum": [1, 2, 3, 4, 5]}, "5", 5),
        ({"enum": [True, False]}, "yes", True),
    ],
)
async def test_what_is_typed_means(schema, typed, meant):
    value, _ = await answered(question(schema), typed)
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(("schema", "value"), [(None, '{"a": 1}'), ({"enum": ["red"]}, "red")])
async def test_who_answers_by_a_program_means_what_is_given(schema, value):
    assert (await answered(question(schema), value, typed=False))[0] == value


async def test_a_node_may_read_what_is_typed_itself():
    asked = question(choices=[{"title": "Approve", "value": {"type": "approve"}}], read=lambda text: {"said": text})
    assert (await answered(asked, "approve"))[0] == {"type": "approve"}
    assert (await answered(asked, "approve", typed=False))[0] == {"type": "approve"}
    assert (await answered(asked, "why?"))[0] == {"said": "why?"}
    assert (await answered(asked, {"own": 1}))[0] == {"own": 1}


async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays():
    with pytest.raises(InputError, match="integer"):
        await answered(question({"type": "integer"}), "three")


@pytest.mark.parametrize(
    ("schema", "answer", "offered"),
    [
        (None, "x", []),
        ({"type": "boolean"}, True, YES_NO),
        ({"enum": [True, False]}, True, YES_NO),
        ({"enum": ["a", 2]}, 2, [{"title": "a", "value": "a"}, {"title": "2", "value": 2}]),
        ({"enum": [1, 2, 3, 4, 5]}, 5, []),
    ],
)
async def test_a_few_values_are_offered(schema, answer, offered):
    assert choices_of(question(schema)) == offered
    _, event = await answered(question(schema), answer)
    assert event.get("choices", []) == offered


async def test_the_event_says_what_is_asked_in_words():
    asked = question(prompt={"deep": {"er": 1}}, words="May I?", hint="or say why not")
    _, event = await answered(asked, "x")
    assert (event["prompt"], event["hint"]) == ("May I?", "or say why not")
    assert in_words(asked) == "May I?"
    assert in_words(question(prompt={"question": "Go on?"})) == "question: Go on?"
