import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue
from langgraph.types import Command, Send

from lfwidget.runners.langchain.messages import content_parts, readable, usage_of


def test_a_message_is_who_said_what():
    assert readable(HumanMessage("hi")) == {"type": "human", "content": "hi"}


def test_a_message_shows_the_tools_it_calls_and_thoughts():
    call = {"name": "add", "args": {"x": 1}, "id": "1"}
    message = AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "ok"}], tool_calls=[call])
    assert readable(message) == {
        "type": "ai",
        "content": "ok",
        "reasoning": "hm",
        "tool_calls": [{"name": "add", "args": {"x": 1}}],
    }


def test_what_a_tool_returned_carries_its_name():
    assert readable(ToolMessage("4", tool_call_id="1", name="add")) == {"type": "tool", "content": "4", "name": "add"}


def test_a_prompt_is_its_messages_and_a_document_its_text():
    assert readable(ChatPromptValue(messages=[HumanMessage("hi")])) == [{"type": "human", "content": "hi"}]
    assert readable([Document("text", metadata={"page": 1})]) == [
        {"type": "document", "content": "text", "metadata": {"page": 1}}
    ]


def test_a_command_shows_only_what_it_says():
    assert readable(Command(update={"n": 1})) == {"n": 1}
    assert readable(Command(update={"n": 1}, goto="next")) == {"update": {"n": 1}, "goto": "next"}
    assert readable(Send("worker", {"q": 1})) == {"node": "worker", "arg": {"q": 1}}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "thinking", "thinking": "hm"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
    ],
    ids=["langchain", "anthropic", "openai"],
)
def test_reasoning_is_read_in_every_provider_s_form(block):
    assert content_parts(AIMessage([block, {"type": "text", "text": "ok"}])) == ("ok", "hm")


def test_reasoning_beside_the_content_is_read():
    assert content_parts(AIMessage("ok", additional_kwargs={"reasoning_content": "hm"})) == ("ok", "hm")


def test_usage_is_three_numbers_or_nothing():
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert usage_of(AIMessage("x", usage_metadata=usage)) == usage
    assert usage_of(AIMessage("x")) is None
