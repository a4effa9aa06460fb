"""A chat model that answers from a record: a flow runs again without a key, with other nodes around the model."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field, PrivateAttr

from lfwidget.errors import InputError, RecordedError
from lfwidget.opening import open as open_record
from lfwidget.record.answers import Answer, Token, question_of, read_answers
from lfwidget.run import Run
from lfwidget.runners.langchain.messages import readable
from lfwidget.scripted import Clock, Said, apaced, atold, paced, told, tool_names, whole

__all__ = ["RecordedModel"]

Path = str | os.PathLike[str]

_PREFIX = "recorded: "


class RecordedModel(BaseChatModel):
    """A chat model that says again what a recorded one said: the same messages give the same stream at the same pace.

    It stands wherever the real model stood, and needs no key: the other nodes of the flow can be changed and run. What
    counts as the same are type, text, name and tool calls of every message; ids and images are not compared, and what
    the record masks may be any word. A question that was asked several times is answered in the order of the record,
    starting over after the last. Where a model failed and no later attempt answered, it fails again.

    Args:
        path: what `lf.open()` opens, or a Run, or a list of those: of the same question, the later record counts.
        run: which record of the file, where there are several.
        node: only what this node said, and what is found below it: an id, or a unique title.
        missing: who answers what was never recorded. "error": nobody, that is a NotRecordedError; another chat model;
            or a text, which is the answer then.
        speed: 2.0 is twice as fast; `float("inf")` does not wait at all.
        model: the name shown on the card; by default "recorded: " and the name of the model in the record.
        **fields: what every LangChain chat model takes (`name`, `tags`, `callbacks`, `disable_streaming`, …).

    Raises:
        OSError, RecordError: the file cannot be read, or holds no record.
        InputError: no model answered anything in there, there are several records, or `speed` is no number above 0.
        UnknownNameError: there is no such record, or no such node.
        RecordedError, NotRecordedError: when it is asked what the recorded model failed on, or was never asked.

    Example:
        >>> import lfwidget as lf
        >>> run = lf.Flow(lf.ScriptedModel(["About 40,000 km."])).run("How big is the Earth?")
        >>> answer = run.result()
        >>> model = RecordedModel(run, missing="I was never asked that.", speed=float("inf"))
        >>> model.invoke("How big is the Earth?").text
        'About 40,000 km.'
        >>> model.invoke("How big is Mars?").text
        'I was never asked that.'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")  # a misspelt keyword is an error

    path: Any = Field(repr=False)
    run: str | int | None = None
    node: str | None = None
    missing: Any = "error"
    speed: float = 1.0
    model: str = ""
    _book: Any = PrivateAttr(default=None)
    _clock: Any = PrivateAttr(default_factory=Clock)

    def __init__(
        self,
        path: Path | Run | Sequence[Path | Run],
        run: str | int | None = None,
        *,
        node: str | None = None,
        missing: BaseChatModel | str = "error",
        speed: float = 1.0,
        **fields: Any,
    ) -> None:
        if math.isnan(speed) or speed <= 0:
            raise InputError(f"speed= is a number above 0, such as 0.5 or 4, not {speed!r}")
        if not isinstance(missing, (str, BaseChatModel)):
            raise InputError(f'missing= is "error", a text or another chat model, not {type(missing).__name__}')
        given: dict[str, Any] = {"path": path, "run": run, "node": node, "missing": missing, "speed": speed, **fields}
        super().__init__(**given)
        sources: Any = path if isinstance(path, (list, tuple)) else [path]
        runs = [source if isinstance(source, Run) else open_record(source, run) for source in sources]
        self._book, models = read_answers([each.log.since(0) for each in runs], node)
        # The record may be of a model that answered from a record.
        names = dict.fromkeys(name.removeprefix(_PREFIX) for name in models)
        self.model = self.model or _PREFIX + ", ".join(names)

    @property
    def _llm_type(self) -> str:
        return "recorded"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Take note of the tools, as the model does that is asked what was never recorded."""
        names = tool_names(tools)
        # That is how `with_structured_output` asks; the real model may have been asked for JSON.
        form = {"form": names[0]} if kwargs.get("tool_choice") == "any" and len(names) == 1 else {}
        if isinstance(self.missing, BaseChatModel):
            bound: Any = self.missing.bind_tools(tools, **kwargs)
            return self.bind(**form, **bound.kwargs)
        return self.bind(**form, tools=names, **kwargs)

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        yield from told(self._chunks(messages, stop=stop, **kwargs), run_manager)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in atold(self._achunks(messages, stop=stop, **kwargs), run_manager):
            yield chunk

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        del run_manager  # nothing is streamed here
        return whole(self._chunks(messages, stop=stop, **kwargs))

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        del run_manager  # nothing is streamed here
        return whole([chunk async for chunk in self._achunks(messages, stop=stop, **kwargs)])

    def _chunks(self, messages: Any, form: str = "", **kwargs: Any) -> Iterator[AIMessageChunk]:
        said = self._said(messages, form)
        return paced(said, self._clock) if said else self.missing.stream(messages, _ALONE, **kwargs)

    def _achunks(self, messages: Any, form: str = "", **kwargs: Any) -> AsyncIterator[AIMessageChunk]:
        said = self._said(messages, form)
        return apaced(said, self._clock) if said else self.missing.astream(messages, _ALONE, **kwargs)

    def _said(self, messages: Sequence[BaseMessage], form: str) -> Iterator[Said] | None:
        """The answer and its pace; None where another model is to be asked."""
        asked = question_of(readable(messages))
        answer: Answer | None = self._book.answer(asked)
        if answer is not None:
            return _say(answer.as_call(form) if form else answer, self.speed, self.model)
        if isinstance(self.missing, BaseChatModel):
            return None
        if self.missing == "error":
            raise self._book.not_recorded(asked)
        return iter([(AIMessageChunk(content=self.missing), 0.0)])


_ALONE: Any = {"callbacks": []}
"""Config of the model that is asked instead: what it says and costs is told by us, and would be counted twice."""


def _say(answer: Answer, speed: float, model: str) -> Iterator[Said]:
    """The chunks of an answer, each with the time of the next; after the last the error, where the span failed."""
    times = [*(token.at for token in answer.tokens), answer.span.duration or 0.0]
    yield None, times[0] / speed
    for chunk, until in zip(_chunks(answer), times[1:], strict=True):
        yield chunk, until / speed
    if answer.span.error is not None:
        raise RecordedError(answer.span.error["type"], answer.span.error["message"])
    yield _last(answer, model), 0.0


def _chunks(answer: Answer) -> Iterator[AIMessageChunk]:
    thinks = any(token.channel == "reasoning" for token in answer.tokens)
    calls: dict[int, str] = {}
    block, before = -1, ""
    for token in answer.tokens:
        block += token.channel != before
        before = token.channel
        if token.channel == "tool_call":
            yield _fragment(answer, token, calls)
        elif thinks:
            yield AIMessageChunk(content=[{"type": before, before: token.text, "index": block}])
        else:
            yield AIMessageChunk(content=token.text)


def _fragment(answer: Answer, token: Token, calls: dict[int, str]) -> AIMessageChunk:
    """A piece of the arguments of a call; the first of a call has its name and id."""
    index, call_id = token.call.get("index", 0), token.call.get("id")
    first = index not in calls or call_id not in (None, calls[index])
    if first:
        calls[index] = call_id or f"call_{answer.span.id}_{index}"
    name, new_id = (token.call.get("name"), calls[index]) if first else (None, None)
    fragment = tool_call_chunk(name=name, args=token.text, id=new_id, index=index)
    return AIMessageChunk(content="", tool_call_chunks=[fragment])


def _last(answer: Answer, model: str) -> AIMessageChunk:
    about = {"finish_reason": "tool_calls" if answer.calls else "stop", "model_name": model}
    keys = ("input_tokens", "output_tokens", "total_tokens")
    usage: Any = {key: answer.span.usage.get(key, 0) for key in keys} if answer.span.usage else None
    return AIMessageChunk(content="", usage_metadata=usage, response_metadata=about)
