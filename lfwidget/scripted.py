"""A chat model that says what a lesson or a test wants: no key, no network, its own pace."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, message_chunk_to_message
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, PrivateAttr

__all__ = [
    "Clock",
    "Reply",
    "Said",
    "ScriptedModel",
    "apaced",
    "atold",
    "paced",
    "told",
    "tool_names",
    "whole",
]

_TOKENS = re.compile(r"\s*\S{1,12}|\s+")
_YIELD_EVERY = 64


@dataclass(frozen=True)
class Reply:
    """What a `ScriptedModel` answers, where plain text is not enough.

    It thinks, then speaks, then calls tools, as far as each is given.

    Args:
        text: what it says.
        reasoning: what it thinks before it speaks, on a channel of its own.
        tool_calls: the tools it asks for: {"name": "search", "args": {"q": "Earth"}}; an "id" is made up if there is
            none. Whatever runs the model (an agent, a LangGraph graph) runs them and asks the model again.
        error: raised instead of going on: an exception, or the message of a RuntimeError.
        error_at: after how many tokens of `text` the error comes; 0 before the first. A token is a word with the space
            before it; a word of more than 12 characters is several.

    Example:
        >>> ScriptedModel([Reply("42.", reasoning="Six times nine, or so.")]).invoke("What is the answer?").text
        '42.'
        >>> ScriptedModel([Reply("Let me see", error="the line is dead", error_at=2)]).invoke("Hello?")
        Traceback (most recent call last):
        RuntimeError: the line is dead
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[dict[str, Any]] = field(default_factory=tuple)
    error: BaseException | str | None = None
    error_at: int = 0


Answer = str | Reply

Said = tuple[AIMessageChunk | None, float]
"""What is said (None: nothing yet), and until when it is quiet then: seconds from the start of the answer."""


class Clock:
    """Seconds, and waiting. A test has one that does not wait."""

    now = staticmethod(time.perf_counter)
    sleep = staticmethod(time.sleep)
    asleep = staticmethod(asyncio.sleep)


CLOCK = Clock()


class ScriptedModel(BaseChatModel):
    """A chat model that says what you tell it to: no key, no network, the same words every time.

    It stands wherever a chat model stands: in a chain, in an agent with tools, behind `with_fallbacks`.

    Args:
        replies: a list of replies (text or `Reply`), one for each call, starting over after the last; or a function of
            the conversation's last human message that returns one. A function with two parameters also gets the whole
            list of messages, so that it can see what a tool returned.
        tokens_per_second: how fast it streams. None: as fast as it can. An answer that is not streamed comes at once.
        model: the name of the model, shown under the title of its card.
        **fields: what every LangChain chat model takes (`name`, `tags`, `callbacks`, `disable_streaming`, …).

    Raises:
        ValueError: there is no reply, or the speed is not above 0.
        TypeError: a reply is neither text nor a `Reply`.

    Example:
        >>> model = ScriptedModel(["The Earth is 40,000 km around."], tokens_per_second=30)
        >>> model.invoke("How big is the Earth?").text
        'The Earth is 40,000 km around.'

        A model that looks at the question:

        >>> ScriptedModel(lambda question: f"You said {question!r}.").invoke("hi").text
        "You said 'hi'."

        A model that calls a tool, and then speaks of what the tool returned:

        >>> def answer(question, messages):
        ...     if messages[-1].type == "tool":
        ...         return f"It is {messages[-1].text}."
        ...     return Reply(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}])
        >>> ScriptedModel(answer).invoke("What is 1 + 2?").tool_calls[0]["name"]
        'add'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")  # a misspelt keyword is an error

    replies: Any
    tokens_per_second: float | None = 30.0
    model: str = "scripted"
    _calls: int = PrivateAttr(default=0)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(
        self,
        replies: Sequence[Answer] | Callable[..., Answer],
        *,
        tokens_per_second: float | None = 30.0,
        **fields: Any,
    ) -> None:
        if not callable(replies) and (isinstance(replies, str) or not replies):
            raise ValueError("replies is a list of replies, with at least one in it, or a function of the question")
        if tokens_per_second is not None and tokens_per_second <= 0:
            raise ValueError("tokens_per_second is a number above 0, or None for full speed")
        for answer in () if callable(replies) else replies:
            _check(answer)
        given: dict[str, Any] = {"replies": replies, "tokens_per_second": tokens_per_second, **fields}
        super().__init__(**given)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Take note of the tools; whether one is called is up to the replies."""
        return self.bind(tools=tool_names(tools), **kwargs)

    def _reply(self, messages: Sequence[BaseMessage]) -> Reply:
        if callable(self.replies):
            answer = self._ask(messages)
        else:
            with self._lock:
                answer = self.replies[self._calls % len(self.replies)]
                self._calls += 1
        _check(answer)
        return answer if isinstance(answer, Reply) else Reply(text=answer)

    def _ask(self, messages: Sequence[BaseMessage]) -> Answer:
        question = next((m.text for m in reversed(messages) if isinstance(m, HumanMessage)), "")
        code = getattr(self.replies, "__code__", None)
        wants_all = code is not None and code.co_argcount - (1 if hasattr(self.replies, "__self__") else 0) > 1
        answer: Answer = self.replies(str(question), list(messages)) if wants_all else self.replies(str(question))
        return answer

    def _chunks(self, messages: Sequence[BaseMessage]) -> Iterator[AIMessageChunk]:
        reply = self._reply(messages)
        said = 0
        for token in _TOKENS.findall(reply.reasoning):
            said += 1
            yield AIMessageChunk(content=[{"type": "reasoning", "reasoning": token, "index": 0}])
        for i, token in enumerate(_TOKENS.findall(reply.text)):
            if reply.error is not None and i == reply.error_at:
                break
            said += 1
            yield AIMessageChunk(
                content=token if not reply.reasoning else [{"type": "text", "text": token, "index": 1}]
            )
        if reply.error is not None:
            raise RuntimeError(reply.error) if isinstance(reply.error, str) else reply.error
        for i, call in enumerate(reply.tool_calls):
            yield from self._call(i, call)
        yield AIMessageChunk(
            content="",
            usage_metadata=_usage(messages, said),
            response_metadata={"finish_reason": "tool_calls" if reply.tool_calls else "stop", "model_name": self.model},
        )

    def _call(self, index: int, call: dict[str, Any]) -> Iterator[AIMessageChunk]:
        call_id = call.get("id") or f"call_{index}_{self._next_call()}"
        name: str | None = call["name"]
        for piece in _TOKENS.findall(json.dumps(call.get("args", {}), ensure_ascii=False)):
            fragment = tool_call_chunk(name=name, args=piece, id=call_id if name else None, index=index)
            yield AIMessageChunk(content="", tool_call_chunks=[fragment])
            name = None

    def _next_call(self) -> int:
        with self._lock:
            self._calls += 0 if not callable(self.replies) else 1
            return self._calls

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the base class passes it
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from told(paced(self._said(messages)), run_manager)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the base class passes it
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in atold(apaced(self._said(messages)), run_manager):
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the base class passes it
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - nothing is streamed here
        **_: Any,
    ) -> ChatResult:
        return whole(self._chunks(messages))

    def _said(self, messages: Sequence[BaseMessage]) -> Iterator[Said]:
        pace = self._pace()
        for i, message in enumerate(self._chunks(messages), 1):
            yield message, i * pace

    def _pace(self) -> float:
        return 1.0 / self.tokens_per_second if self.tokens_per_second else 0.0


def paced(said: Iterable[Said], clock: Clock = CLOCK) -> Iterator[AIMessageChunk]:
    """Say each at its time."""
    started = clock.now()
    for message, until in said:
        if message is not None:
            yield message
        wait = started + until - clock.now()
        if wait > 0:
            clock.sleep(wait)


async def apaced(said: Iterable[Said], clock: Clock = CLOCK) -> AsyncIterator[AIMessageChunk]:
    """Say each at its time, without blocking."""
    started = clock.now()
    for i, (message, until) in enumerate(said, 1):
        if message is not None:
            yield message
        wait = started + until - clock.now()
        # A stream that never lets go of the loop would keep Stop and every other task waiting.
        if wait > 0 or i % _YIELD_EVERY == 0:
            await clock.asleep(max(0.0, wait))


def told(
    messages: Iterable[AIMessageChunk], run_manager: CallbackManagerForLLMRun | None
) -> Iterator[ChatGenerationChunk]:
    """What `_stream` of a chat model yields, told to whoever listens."""
    for message in messages:
        chunk = ChatGenerationChunk(message=message)
        if run_manager:
            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
        yield chunk


async def atold(
    messages: AsyncIterable[AIMessageChunk], run_manager: AsyncCallbackManagerForLLMRun | None
) -> AsyncIterator[ChatGenerationChunk]:
    """What `_astream` of a chat model yields, told to whoever listens."""
    async for message in messages:
        chunk = ChatGenerationChunk(message=message)
        if run_manager:
            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
        yield chunk


def whole(messages: Iterable[AIMessageChunk]) -> ChatResult:
    """What `_generate` of a chat model returns."""
    message: AIMessageChunk | None = None
    for chunk in messages:
        message = chunk if message is None else message + chunk
    plain = message_chunk_to_message(message or AIMessageChunk(content=""))
    return ChatResult(generations=[ChatGeneration(message=plain)])


def tool_names(tools: Sequence[Any]) -> list[str]:
    """What a model that needs no descriptions keeps of its tools."""
    return [_tool_name(tool) for tool in tools]


def _tool_name(tool: Any) -> str:
    """Of a tool, of a function or class, or of a schema."""
    if isinstance(tool, dict):
        about = tool.get("function", tool)
        return str(about.get("name") or about.get("title") or about.get("type"))
    return str(getattr(tool, "name", None) or getattr(tool, "__name__", None) or tool)


def _check(answer: object) -> None:
    if not isinstance(answer, (str, Reply)):
        raise TypeError(f"a reply is text or a Reply, not {type(answer).__name__}: {answer!r:.60}")


def _usage(messages: Sequence[BaseMessage], said: int) -> UsageMetadata:
    read = sum(len(_TOKENS.findall(str(message.text))) for message in messages)
    return {"input_tokens": read, "output_tokens": said, "total_tokens": read + said}
