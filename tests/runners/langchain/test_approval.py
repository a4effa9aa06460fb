"""Tool calls that wait for a person, through the middleware of a real agent."""

import inspect
import json

import pytest
from doubles import until, within
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from watched import Reply

import lfwidget as lf
from lfwidget.errors import InputError
from lfwidget.runners.langchain.approval import approval_of

PER_CALL = "interrupt_mode" in inspect.signature(HumanInTheLoopMiddleware).parameters


@tool
def send_mail(to: str) -> str:
    """Send a mail."""
    return f"sent to {to}"


def agent(rule=True, calls=("bob",), **options):
    asked = [{"name": "send_mail", "args": {"to": name}} for name in calls]

    def reply(_question, messages):
        if messages[-1].type == "tool":
            return f"{messages[-1].status}: {messages[-1].content}"
        return Reply(tool_calls=asked)

    middleware = HumanInTheLoopMiddleware(interrupt_on={"send_mail": rule}, **options)
    model = lf.ScriptedModel(reply, tokens_per_second=None)
    return lf.Flow(create_agent(model, [send_mail], middleware=[middleware], checkpointer=InMemorySaver()))


async def asking(flow):
    run = flow.run("mail bob")
    event = await until(run, "input.requested")
    return run, event


MODES = [{}, {"interrupt_mode": "per_call"}] if PER_CALL else [{}]


@pytest.mark.parametrize("mode", MODES)
async def test_it_asks_in_words_and_offers_two_buttons(mode):
    run, event = await asking(agent(**mode))
    assert "Tool: send_mail" in event["prompt"]
    assert [choice["title"] for choice in event["choices"]] == ["Approve", "Reject"]
    assert "schema" not in event
    run.cancel()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("typed", [None, "approve", "Approve"])
async def test_a_click_approves(mode, typed):
    run, event = await asking(agent(**mode))
    run.answer_typed(typed or event["choices"][0]["value"], event["request"])
    assert (await within(run))["messages"][-1].text == "success: sent to bob"


@pytest.mark.parametrize("mode", MODES)
async def test_a_sentence_rejects_and_says_why(mode):
    run, event = await asking(agent({"allowed_decisions": ["approve", "reject"]}, **mode))
    assert event["hint"] == "or say why not"
    run.answer("not to him")
    answer = (await within(run))["messages"][-1].text
    assert answer.startswith("error:")
    assert "not to him" in answer


async def test_a_sentence_is_the_answer_of_a_tool_that_asks_a_person():
    run, event = await asking(agent({"allowed_decisions": ["respond"]}))
    assert (event["hint"], event.get("choices")) == ("or answer in its place", None)
    run.answer("I wrote to him")
    assert (await within(run))["messages"][-1].text == "success: I wrote to him"


async def test_several_calls_are_decided_together():
    run, event = await asking(agent(calls=["ann", "bob"]))
    assert event["prompt"].count("send_mail") == 2
    run.answer("reject")
    assert "error" in (await within(run))["messages"][-1].text


@pytest.mark.parametrize("typed", [str, json.loads])
async def test_the_answer_of_the_middleware_itself_is_taken_as_it_is(typed):
    run, event = await asking(agent())
    edit = '{"decisions": [{"type": "edit", "edited_action": {"name": "send_mail", "args": {"to": "ann"}}}]}'
    run.answer(typed(edit), event["request"])
    assert (await within(run))["messages"][-1].text.endswith("sent to ann")


async def test_what_is_not_allowed_is_refused_and_can_be_answered_again():
    run, _ = await asking(agent({"allowed_decisions": ["approve"]}))
    with pytest.raises(InputError, match="approve"):
        run.answer("no")
    run.answer("approve")
    await within(run)


@pytest.mark.parametrize(
    "value",
    [
        "Shall I?",
        {"question": "Shall I?"},
        {"action_requests": "x", "review_configs": [1]},
        {"action_requests": []},
        None,
    ],
)
def test_other_questions_are_left_alone(value):
    assert approval_of(value, None) is None
