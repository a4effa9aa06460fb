"""What models say: text, reasoning, tool calls, usage; streamed, whole, or left out; and what no JSON can hold."""

import math
from typing import Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake import FakeStreamingListLLM
from langchain_core.language_models.llms import LLM
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from servers.openai_server import Script
from watched import Reply, run, run_well, says, watched

from lfwidget.errors import UnknownNameError

ASK = ChatPromptTemplate.from_template("tell {q}")
EARTH = {"q": "the Earth"}


class Whole(BaseChatModel):
    """A model that cannot stream."""

    message: Any

    @property
    def _llm_type(self):
        return "whole"

    def _generate(self, messages, stop=None, run_manager=None, **_):
        return ChatResult(generations=[ChatGeneration(message=self.message)])


class OldModel(LLM):
    """A text completion model; LangChain makes none of them stream, but some do so by themselves."""

    pieces: tuple[str, ...] = ()

    @property
    def _llm_type(self):
        return "old"

    def _call(self, prompt, stop=None, run_manager=None, **_):
        for piece in self.pieces:
            run_manager.on_llm_new_token(piece)
        return "completed"


async def test_reasoning_comes_before_the_text_on_a_channel_of_its_own():
    over = await run_well(says(Reply("So be it.", reasoning="Let me think.")), "hi")
    assert over.told == [
        "start model#1",
        "reasoning model#1: Let me think.",
        "text model#1: So be it.",
        "finish model#1",
    ]
    assert over.state.node("model").reasoning == "Let me think."


async def test_usage_is_told_when_the_model_is_done():
    over = await run_well(says("one two three"), "hi there")
    (finished,) = over.of_kind("node.finished")
    assert finished["usage"] == {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}


async def test_fragments_of_a_tool_call_carry_its_id_and_name_first():
    call = {"name": "search", "args": {"q": "how big is the Earth"}, "id": "call-1"}
    over = await run_well(says(Reply(tool_calls=[call])), "hi")
    assert over.of_kind("node.delta")[0]["call"] == {"index": 0, "id": "call-1", "name": "search"}
    (told,) = over.state.node("model").tool_calls
    assert (told["id"], told["name"], told["args"]) == ("call-1", "search", '{"q": "how big is the Earth"}')


async def test_fragments_of_two_tool_calls_are_told_apart(openai_server):
    add = {"id": "a", "name": "add", "args": ['{"x"', ": 1}"]}
    double = {"id": "d", "name": "double", "args": ['{"y"', ": 2}"]}
    openai_server.script = Script(tool_calls=[add, double])
    over = await run_well(openai_server.chat(), "hi")
    assert [line for line in over.told if line.startswith("call")] == [
        'call 0 of model#1: {"x"',
        'call 1 of model#1: {"y"',
        "call 0 of model#1: : 1}",
        "call 1 of model#1: : 2}",
    ]
    assert [(call["id"], call["name"], call["args"]) for call in over.state.node("model").tool_calls] == [
        ("a", "add", '{"x": 1}'),
        ("d", "double", '{"y": 2}'),
    ]


async def test_openai_streams_tokens_and_usage(openai_server):
    over = await run_well(ASK | openai_server.chat(), EARTH)
    assert over.of_kind("node.delta")[0]["cuts"] == [5, 2, 5]
    assert over.of_kind("node.finished")[-1]["usage"] == {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}


async def test_a_model_that_cannot_stream_says_everything_at_the_end():
    over = await run_well(Whole(message=AIMessage("all at once")), "hi")
    assert over.told == ["start model#1", "whole text model#1: all at once", "finish model#1"]


async def test_tool_calls_that_were_not_streamed_come_with_the_end():
    call = {"name": "add", "args": {"x": 1}, "id": "1"}
    over = await run_well(Whole(message=AIMessage("", tool_calls=[call])), "hi")
    assert over.of_kind("node.finished")[0]["tool_calls"] == [
        {"index": 0, "args": '{"x": 1}', "id": "1", "name": "add"}
    ]


async def test_a_completion_model_that_streams_by_itself_is_heard():
    over = await run_well(OldModel(pieces=("com", "pleted")), "hi")
    assert over.told == ["start model#1", "text model#1: completed", "finish model#1"]


async def test_a_completion_model_that_cannot_stream_says_everything_at_the_end():
    over = await run_well(OldModel(), "hi")
    assert over.told == ["start model#1", "whole text model#1: completed", "finish model#1"]


async def test_a_node_that_is_not_to_stream_says_everything_at_the_end():
    both = RunnableParallel(a=says("a says"), b=says("b says"))
    over = await run_well(both, "hi", stream_nodes=frozenset({"a"}))
    assert over.told_of("a")[1] == "text a#1: a says"
    assert over.told_of("b")[1] == "whole text b#1: b says"


async def test_reasoning_that_was_not_streamed_comes_before_the_text():
    over = await run_well(says(Reply("text", reasoning="thought")), "hi", stream_nodes=frozenset())
    assert over.told == [
        "start model#1",
        "whole reasoning model#1: thought",
        "whole text model#1: text",
        "finish model#1",
    ]


async def test_tool_calls_of_a_node_that_is_not_to_stream_come_with_the_end():
    call = {"name": "add", "args": {"x": 1}, "id": "1"}
    over = await run_well(
        RunnableParallel(a=says(Reply(tool_calls=[call]))), "hi", stream_nodes=frozenset({"parallel"})
    )
    finished = [event for event in over.of_kind("node.finished") if event["node"] == "a"]
    assert finished[0]["tool_calls"][0]["name"] == "add"


async def test_to_stream_nothing_asks_no_model_to_stream(openai_server):
    await run_well(openai_server.chat(), "hi", stream_nodes=frozenset())
    assert not openai_server.requests[0].get("stream")


async def test_an_unknown_node_to_stream_is_refused_before_anything_runs():
    called = []
    over = watched(RunnableLambda(called.append, name="work"))
    await over.execute("x", stream_nodes=frozenset({"wrok"}))
    assert isinstance(over.error, UnknownNameError)
    assert over.error.nearest == "work"
    assert called == []
    assert over.told == []


@pytest.mark.parametrize(
    "output",
    ["\ud800 lone", math.nan, b"\xff\xfe", object(), {1, 2}, {"deep": [[[[[[[[1]]]]]]]]}, {("a", 1): 2}],
    ids=["surrogate", "nan", "bytes", "object", "set", "deep", "keys"],
)
async def test_what_no_json_can_hold_is_told_anyway_and_returned_as_it_is(output):
    over = await run_well(RunnableLambda(lambda _: output, name="odd"), "x")
    assert over.output is output
    assert over.kept["odd#1"] is output
    assert over.state.node("odd").status == "finished"


async def test_a_value_that_cannot_even_be_printed_is_told():
    class Shy:
        def __repr__(self):
            raise RuntimeError("no")

    over = await run_well(RunnableLambda(lambda _: Shy(), name="odd"), "x")
    assert over.state.node("odd").status == "finished"


async def test_a_token_of_ten_megabytes_is_told_whole():
    huge = "x" * 10_000_000
    over = await run_well(FakeStreamingListLLM(responses=["ok"]) | RunnableLambda(lambda _: huge, name="huge"), "x")
    assert over.output == huge
    over = await run_well(Whole(message=AIMessage(huge)), "x")
    assert over.state.text == huge


async def test_a_surrogate_in_a_stream_does_not_stop_it():
    over = await run_well(says("half \ud83d a face"), "x")
    assert over.state.text.startswith("half ")
    assert over.state.node("model").status == "finished"


async def test_a_model_without_its_key_names_it_itself(monkeypatch):
    from langchain_openai import ChatOpenAI

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    late = RunnableLambda(lambda question: ChatOpenAI(model="gpt").invoke(question), name="ask")
    over = await run(late, "hi")
    assert "OPENAI_API_KEY" in str(over.error)
    assert over.state.node("ask").status == "failed"
