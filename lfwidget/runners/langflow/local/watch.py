"""Tell of a run of lfx: its nodes, and what the models and tools in them say.

lfx sends tokens of few nodes, and by the id of a message. So the models are heard through a callback handler of
LangChain that every call in the run's context gets, and whose call it is stands in a context variable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from lfwidget.exits import original
from lfwidget.model.log import RunLog
from lfwidget.model.node_state import sum_usage
from lfwidget.runners.langchain.calls import Call
from lfwidget.runners.langchain.found import Discoveries
from lfwidget.runners.langchain.messages import content_parts, tool_call, usage_of
from lfwidget.runners.langchain.slots import Slot
from lfwidget.runners.langchain.spans import Spans
from lfwidget.runners.langflow.export import Export
from lfwidget.runners.langflow.groups import Groups
from lfwidget.runners.langflow.local.values import readable

__all__ = ["FlowWatch", "StreamingFlowWatch"]

_handler: ContextVar[BaseCallbackHandler | None] = ContextVar("lfwidget_lfx_handler", default=None)
register_configure_hook(_handler, inheritable=True)

_call: ContextVar[Call | None] = ContextVar("lfwidget_lfx_call", default=None)
"""The node, or the tool, that the code in this context is a part of."""

_MAPS = ("BatchRunComponent",)
"""Components that ask a model for each row of a table, many at once."""

_WRAPPERS = ("ComponentBuildError", "ExceptionWithMessageError", "StreamingError")
"""What lfx raises from a component's own error (`lfx.exceptions.component`, `lfx.base.agents.events`)."""


@dataclass
class _Said:
    """What the models of one span said so far.

    Attributes:
        going: how many of them speak.
        calls: how many tool calls they asked for.
        items: how many spoke in spans of their own.
        usage: of those that are done.
    """

    going: int = 0
    calls: int = 0
    items: int = 0
    usage: list[dict[str, int] | None] = field(default_factory=list)


@dataclass
class _Model:
    """A call of a model.

    Attributes:
        call: the span it speaks in.
        said: what is known of that span.
        first_tool: the number of its first tool call within the span.
        alone: whether the span is its own.
        spoke: whether it said anything.
        asked: whether it streamed tool calls.
    """

    call: Call
    said: _Said
    first_tool: int = 0
    alone: bool = False
    spoke: bool = False
    asked: bool = False


class _GroupedSpans(Spans):
    """The spans of the nodes, and those of the groups that they lie in."""

    def __init__(
        self,
        groups: Groups,
        log: RunLog,
        keep: Callable[[str, Any], None],
        stream_nodes: frozenset[str] | None,
    ) -> None:
        super().__init__(log, keep, stream_nodes, readable)
        self._groups = groups

    def start(self, call: Call, node: str, value: Any) -> None:
        """A call of this node starts."""
        call.within = self._groups.begin(node, call.within)
        super().start(call, node, value)

    def _end(self, kind: str, call: Call, **fields: Any) -> None:
        super()._end(kind, call, **fields)
        self._groups.end(call.host or "", call.within, kind, fields)


class FlowWatch(BaseCallbackHandler):
    """Follows one run.

    Args:
        log: where the events go.
        keep: remembers the live object that a span returned.
        stream_nodes: the nodes whose tokens are logged as they come; None for all.
        export: the flow.
    """

    run_inline = True
    raise_error = False
    ignore_chain = True
    ignore_retriever = True
    ignore_retry = True

    def __init__(
        self,
        log: RunLog,
        keep: Callable[[str, Any], None],
        stream_nodes: frozenset[str] | None,
        export: Export,
    ) -> None:
        self.groups = Groups(export, log)
        self.started: set[str] = set()
        self.tools: dict[tuple[str, str], str] = {}
        self._log = log
        self._spans = _GroupedSpans(self.groups, log, keep, stream_nodes)
        self._titles = export.titles
        self._maps = frozenset(component.id for component in export.of_type(*_MAPS))
        self._found = Discoveries(log, self._titles)
        self._said: dict[str, _Said] = {}
        self._models: dict[UUID, _Model] = {}
        self._calls: dict[UUID, tuple[Call, Call | None]] = {}
        self._lock = threading.RLock()
        self._raised: list[BaseException] = []
        self._closed = False

    # What the engine calls

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this is open, every call of LangChain in this context is heard."""
        token = _handler.set(self)
        try:
            yield
        finally:
            _handler.reset(token)

    @contextmanager
    def node(self, node: str, value: Any) -> Iterator[Call]:
        """One execution of a node; it is started and, unless it returns, ended here.

        Args:
            node: its id.
            value: what goes in.
        """
        call = self._start(node, value, _call.get())
        token = _call.set(call)
        try:
            yield call
        except asyncio.CancelledError:
            with self._lock:
                self._spans.cancel(call)
            raise
        except BaseException as error:
            with self._lock:
                self._spans.fail(call, self.unwrapped(error))
            raise
        finally:
            _call.reset(token)

    @property
    def here(self) -> str:
        """The id of the node whose code runs in this context; "" where none does."""
        call = _call.get()
        return call.host or "" if call is not None else ""

    def finish(self, call: Call, output: Any) -> None:
        """A node returned."""
        with self._lock:
            self._finish(call, output)

    def fail(self, node: str, error: BaseException) -> None:
        """A node failed of which nothing was told yet."""
        call = self._start(node, None, _call.get())
        with self._lock:
            self._spans.fail(call, self.unwrapped(error))

    def remark(self, node: str, message: str) -> None:
        """Something about a node that is no event of its own."""
        self._log.append("log", level="info", message=message, node=node, source="lfwidget")

    def unwrapped(self, error: BaseException) -> BaseException:
        """What a component or a model raised, without what lfx puts around it."""
        error = original(error)
        while type(error).__name__ in _WRAPPERS and type(error).__module__.startswith("lfx."):
            inner = error.__cause__ or getattr(error, "cause", None)
            if not isinstance(inner, BaseException):
                break
            error = original(inner)
        # The component of a model raises the text of the model's error as a ValueError (lfx.base.models.model).
        if type(error) is ValueError and any(error.__cause__ is raised for raised in self._raised):
            return error.__cause__ or error
        return error

    def close(self, *, reason: str) -> None:
        """End every span that is open."""
        with self._lock:
            self._closed = True
            self._spans.cancel_all(reason, stopped=True)

    # What LangChain calls

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **_: Any) -> None:  # noqa: ARG002
        """A chat model starts; `messages` is a batch of one."""
        self._start_model(run_id, messages[0] if messages else [])

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **_: Any) -> None:  # noqa: ARG002
        """A text completion model starts; `prompts` is a batch of one."""
        self._start_model(run_id, prompts[0] if prompts else "")

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        """A token arrives. This is the hot path: for plain text, one look-up and one call."""
        model = self._models.get(run_id)
        if model is None or model.call.mute:
            return
        message = getattr(chunk, "message", None)
        if message is None or (message.content.__class__ is str and not message.additional_kwargs):
            if token:
                self._say(model, "text", token)
        else:
            text, reasoning = content_parts(message)
            self._say(model, "reasoning", reasoning)
            self._say(model, "text", text)
        for fragment in getattr(message, "tool_call_chunks", None) or ():
            self._ask(model, fragment.get("index") or 0, fragment)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """A model is done; what was not streamed is told now."""
        model = self._models.pop(run_id, None)
        if model is None:
            return
        generation = response.generations[0][0] if response.generations and response.generations[0] else None
        message = getattr(generation, "message", None)
        with self._lock:
            if isinstance(message, BaseMessage):
                self._tell_rest(model, message)
            elif generation is not None and not model.spoke:
                self._say(model, "text", generation.text)
            model.said.going -= 1
            model.said.usage.append(usage_of(message))
            if model.alone:
                self._finish(model.call, message if message is not None else getattr(generation, "text", None))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """A model raised, or was cancelled."""
        model = self._models.pop(run_id, None)
        if model is None:
            return
        with self._lock:
            self._raised.append(original(error))
            model.said.going -= 1
            if model.alone:
                self._end(model.call, original(error))

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **about: Any) -> None:
        """A model asked for a tool. Its node is the one that brought it, or one that is found."""
        within = _call.get()
        if within is None or self._closed:
            return
        name = about.get("name") or (serialized or {}).get("name") or "tool"
        node = self._tool_node(within.host or "", name, about.get("metadata") or {})
        call = self._start(node, about.get("inputs") or input_str, within)
        self._calls[run_id] = (call, within)
        # What a tool does itself is a part of it: a model it asks speaks on the tool's card.
        _call.set(call)

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """A tool returned."""
        if (call := self._leave(run_id)) is not None:
            with self._lock:
                self._finish(call, getattr(output, "content", output))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """A tool raised, or was cancelled."""
        if (call := self._leave(run_id)) is not None:
            with self._lock:
                self._end(call, original(error))

    # How it works

    def _start(self, node: str, value: Any, within: Call | None, index: int | None = None) -> Call:
        call = Call(Slot(node), self._titles.get(node, node), node, index=index)
        call.within = within.span if within is not None else None
        with self._lock:
            self.started.add(node)
            self._spans.start(call, node, value)
        return call

    def _finish(self, call: Call, output: Any) -> None:
        usage = sum_usage(self._of(call).usage)
        self._spans.finish(call, output, usage=usage)

    def _end(self, call: Call, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._spans.cancel(call)
        else:
            self._spans.fail(call, self.unwrapped(error))

    def _of(self, call: Call) -> _Said:
        return self._said.setdefault(call.span or "", _Said())

    def _start_model(self, run_id: UUID, asked: Any) -> None:
        call = _call.get()
        if call is None or self._closed:
            return
        with self._lock:
            said = self._of(call)
            alone = said.going > 0 or call.host in self._maps
            if alone:
                # Several that speak at once would speak in each other's words: each has a span, on the same card.
                speaker = self._found.slot(call.host, "model", "Model").node or ""
                call = self._start(speaker, asked, call, index=said.items)
                said.items += 1
                said = self._of(call)
            elif call.said:
                self._log.delta(call.host or "", call.span or "", "text", "\n\n")
            said.going += 1
            self._models[run_id] = _Model(call, said, first_tool=said.calls, alone=alone)

    def _say(self, model: _Model, channel: str, text: str) -> None:
        if text:
            model.spoke = True
            model.call.said = model.call.said or channel == "text"
            self._log.delta(model.call.host or "", model.call.span or "", channel, text)

    def _ask(self, model: _Model, index: int, fragment: Mapping[str, Any]) -> None:
        model.asked = True
        number = model.first_tool + index
        model.said.calls = max(model.said.calls, number + 1)
        call: dict[str, Any] = {"index": number}
        call |= {key: fragment[key] for key in ("id", "name") if fragment.get(key)}
        args = fragment.get("args") or ""
        self._log.delta(model.call.host or "", model.call.span or "", "tool_call", args, call)

    def _tell_rest(self, model: _Model, message: BaseMessage) -> None:
        text, reasoning = content_parts(message)
        if not model.spoke:
            self._say(model, "reasoning", reasoning)
            self._say(model, "text", text)
        if not model.asked:
            for index, call in enumerate(getattr(message, "tool_calls", None) or ()):
                self._ask(model, index, tool_call(index, call))

    def _tool_node(self, agent: str, name: str, metadata: Mapping[str, Any]) -> str:
        node = self.tools.get((agent, name)) or str(metadata.get("source_id") or "")
        if node in self._titles and node != agent:
            return node
        return self._found.slot(agent, "tool", name).node or name

    def _leave(self, run_id: UUID) -> Call | None:
        call, within = self._calls.pop(run_id, (None, None))
        if call is not None and _call.get() is call:
            _call.set(within)
        return call


class StreamingFlowWatch(FlowWatch):
    """A watch that makes models stream: LangChain asks for these two methods."""

    def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[Any]) -> AsyncIterator[Any]:  # noqa: ARG002
        """Leave the stream of a step as it is."""
        return output

    def tap_output_iter(self, run_id: UUID, output: Iterator[Any]) -> Iterator[Any]:  # noqa: ARG002
        """Leave the stream of a step as it is."""
        return output
