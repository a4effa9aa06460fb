"""One callback handler that turns the runs of LangChain into events. Where a run belongs is `slots.py`.

It is called inline, on the thread that runs the step (an executor's, for a plain function), and only appends to the
log. One handler costs 1.2 to 1.3 times the bare stream; `astream_events` v2 costs 7.8 times and tells no errors.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from lfwidget.exits import original
from lfwidget.model.log import RunLog
from lfwidget.runners.langchain.calls import Call, Items
from lfwidget.runners.langchain.found import Discoveries
from lfwidget.runners.langchain.interrupts import asks, leaves
from lfwidget.runners.langchain.messages import content_parts, tool_call, usage_of
from lfwidget.runners.langchain.silent import Silence, Silent
from lfwidget.runners.langchain.slots import Slot
from lfwidget.runners.langchain.spans import CANCELLED, Spans

__all__ = ["StreamingWatch", "Watch"]


class Watch(BaseCallbackHandler):
    """Follows every run below one call of a flow.

    Args:
        root: the slot of the outermost run.
        log: where the events go.
        keep: remembers the live object that a span returned.
        stream_nodes: the nodes whose tokens are logged as they come; None for all.
        given: the input of the flow.
    """

    run_inline = True
    raise_error = False

    def __init__(
        self,
        root: Slot,
        log: RunLog,
        keep: Callable[[str, Any], None],
        stream_nodes: frozenset[str] | None = None,
        given: Any = None,
    ) -> None:
        self.interrupts: dict[str, tuple[str, str]] = {}
        self._root = root
        self._log = log
        self._spans = Spans(log, keep, stream_nodes)
        self._runs: dict[UUID, Call] = {}
        self._silence = Silence()
        # What holds the flow itself: a flow may be a single runnable that tells nothing.
        self._whole = Call(Slot(None, "one", rest=[root]), value=given)
        self._found = Discoveries(log, root.nodes())
        self._retracted: set[str] = set()
        self._lock = threading.RLock()
        self._closed = False

    # What LangChain calls

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **about: Any) -> None:
        """A step starts: a function, a prompt, a parser, or what holds others together."""
        self._start(about.get("run_type") or "chain", inputs, run_id, serialized, about)

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **about: Any) -> None:
        """A chat model starts; `messages` is a batch of one."""
        self._start("model", messages[0] if messages else [], run_id, serialized, about)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **about: Any) -> None:
        """A text completion model starts; `prompts` is a batch of one."""
        self._start("model", prompts[0] if prompts else "", run_id, serialized, about)

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **about: Any) -> None:
        """A tool starts."""
        self._start("tool", about.get("inputs") or input_str, run_id, serialized, about)

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **about: Any) -> None:
        """A retriever starts."""
        self._start("retriever", query, run_id, serialized, about)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        """A token arrives. This is the hot path: for plain text, one look-up and one call."""
        run = self._runs.get(run_id)
        if run is None or run.span is None or run.mute:
            return
        message = getattr(chunk, "message", None)
        if message is None or (message.content.__class__ is str and not message.additional_kwargs):
            if token:
                run.said = True
                self._log.delta(run.host or "", run.span, "text", token)
            if message is None or not getattr(message, "tool_call_chunks", None):
                return
        else:
            self._blocks(run, message)
        self._call_fragments(run, message)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """A step returned."""
        self._finish(run_id, outputs)

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """A tool returned."""
        self._finish(run_id, output)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        """A retriever found something."""
        self._finish(run_id, documents)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """A model is done; what was not streamed is told now."""
        run = self._runs.get(run_id)
        generation = response.generations[0][0] if response.generations and response.generations[0] else None
        message = getattr(generation, "message", None)
        if run is None or run.span is None or generation is None:
            self._finish(run_id, None)
        elif message is None:
            if not run.said:
                self._say(run, "text", generation.text)
            self._finish(run_id, generation.text)
        else:
            self._finish(run_id, message, usage=usage_of(message), tool_calls=self._unstreamed(run, message))

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """A step raised, was cancelled, or asks a person."""
        self._fail(run_id, original(error))

    on_llm_error = on_tool_error = on_retriever_error = on_chain_error

    # What the runner calls

    def returned(self, output: Any) -> None:
        """The flow returned this."""
        with self._lock:
            self._tell_within(self._whole, output)

    def raised(self, error: BaseException) -> bool:
        """The flow raised this; whether that, or anything, made one of its nodes fail."""
        with self._lock:
            self._blame_within(self._whole, error)
            return self._spans.any_failed

    def close(self, *, cancelled: bool) -> None:
        """End every span that LangChain left open: a cancelled model, for one, is never reported."""
        with self._lock:
            self._closed = True
            self._spans.cancel_all(CANCELLED if cancelled else "the run ended before it did", stopped=cancelled)
            self._runs.clear()

    def hold(self, name: str) -> tuple[str, str]:
        """Open the span of a node of the graph before LangGraph starts it, for it to wait in.

        Returns:
            The node's id, and the span.
        """
        with self._lock:
            slot = self._root.tagged[name]
            run = Call(slot, name, slot.node)
            node = slot.node or name
            self._spans.start(run, node, None)
            return node, self._spans.wait(run, node)

    # How it works

    def _start(self, kind: str, value: Any, run_id: UUID, serialized: Any, about: Mapping[str, Any]) -> None:
        name = about.get("name") or (serialized or {}).get("name") or ("lambda" if kind == "chain" else kind)
        tags, metadata = about.get("tags") or (), about.get("metadata") or {}
        with self._lock:
            if self._closed:
                return
            parent = self._runs.get(about["parent_run_id"]) if about.get("parent_run_id") else None
            if parent is not None and parent.items is not None:
                parent = parent.items.owner(tags) or parent
            if parent is not None:
                for silent in self._silence.before(parent, tags, value):
                    self._tell(parent, silent)
            run = self._call(parent, kind, name, tags, metadata)
            run.value = value
            self._silence.hear(run.slot)
            self._runs[run_id] = run
            if run.slot.role == "each" and isinstance(value, Sequence):
                run.items = Items(len(value))
            if run.slot.node is not None:
                self._spans.start(run, run.slot.node, value)

    def _call(
        self, parent: Call | None, kind: str, name: str, tags: Sequence[str], metadata: Mapping[str, Any]
    ) -> Call:
        """What a run is: its slot, its index, of what it is an attempt and which."""
        slot, index, owner = self._place(parent, tags, metadata)
        if slot is None:
            slot, owner = self._find(parent, kind, name, tags, owner)
        call = Call(slot, name, slot.node, index=index, owner=owner)
        if parent is not None:
            parent.bear(call)
        if owner is not None:
            call.attempt = self._new_attempt(owner, call.attempt)
            call.wrappers = (*owner.wrappers, owner)
        return call

    def _place(
        self, parent: Call | None, tags: Sequence[str], metadata: Mapping[str, Any]
    ) -> tuple[Slot | None, int | None, Call | None]:
        """The slot of a run, its index, and the wrapper (a retry, a fallback, a task) it is an attempt of."""
        if parent is None:
            return self._place_root()
        slot, index = parent.slot.place(tags, metadata, parent.children)
        role = parent.slot.role
        if role in ("retry", "tries"):
            return slot, index, parent
        if role == "graph":
            return slot, index, parent.task(metadata)
        if role != "each" and slot is not None and slot.role == "tries" and id(slot) in parent.tries:
            # with_fallbacks hands its attempts the config of its own parent: they arrive as its siblings.
            return _try_of(parent.tries[id(slot)])
        return slot, index, None

    def _place_root(self) -> tuple[Slot | None, int | None, Call | None]:
        for run in self._runs.values():
            if run.slot is self._root and run.slot.role == "tries":
                return _try_of(run)  # and at the root they have no parent at all (langchain #36072)
        return self._root, None, None

    def _find(
        self, parent: Call | None, kind: str, name: str, tags: Sequence[str], owner: Call | None
    ) -> tuple[Slot, Call | None]:
        """The slot of a run that no graph foresees."""
        slot = parent.slot.tagged.get(f"tool:{name}") if parent and kind == "tool" else None
        slot = slot or self._found.slot(parent.host if parent else None, kind, name)
        if owner is None and parent is not None and slot.role != "tries":
            owner = parent.hidden_owner(name, tags)
        return slot, owner

    def _new_attempt(self, wrapper: Call, attempt: int) -> int:
        """Count one more attempt; what the one before it said does not count any more.

        Args:
            wrapper: of what it is an attempt.
            attempt: which attempt the run lies in by its parent.
        """
        surely = wrapper.slot.role in ("retry", "tries")
        if wrapper.tried and not surely and not wrapper.lost:
            return attempt
        wrapper.tried += 1
        wrapper.lost = False
        for node, span in wrapper.attempted:
            if span not in self._retracted:  # a retry inside a fallback: both want to
                self._retracted.add(span)
                self._log.append("node.retracted", node=node, span=span, reason="another attempt followed")
        wrapper.attempted.clear()
        if wrapper.slot.role == "tries":
            return wrapper.attempt
        return attempt if wrapper.slot.role != "retry" and wrapper.tried == 1 else wrapper.tried

    def _blocks(self, run: Call, message: BaseMessage) -> None:
        text, reasoning = content_parts(message)
        for channel, said in (("reasoning", reasoning), ("text", text)):
            if said:
                run.said = True
                self._log.delta(run.host or "", run.span or "", channel, said)

    def _call_fragments(self, run: Call, message: Any) -> None:
        for fragment in getattr(message, "tool_call_chunks", None) or ():
            run.called = True
            call = {"index": fragment.get("index") or 0}
            for key in ("id", "name"):
                if fragment.get(key):
                    call[key] = fragment[key]
            self._log.delta(run.host or "", run.span or "", "tool_call", fragment.get("args") or "", call)

    def _unstreamed(self, run: Call, message: BaseMessage) -> list[dict[str, Any]] | None:
        text, reasoning = content_parts(message)
        if not run.said:
            self._say(run, "reasoning", reasoning)
            self._say(run, "text", text)
        calls = getattr(message, "tool_calls", None)
        if run.called or not calls:
            return None
        return [tool_call(i, call) for i, call in enumerate(calls)]

    def _say(self, run: Call, channel: str, text: str) -> None:
        if text and not self._closed:
            self._log.append("node.text", node=run.host, span=run.span, channel=channel, text=text)

    def _finish(self, run_id: UUID, output: Any, **fields: Any) -> None:
        with self._lock:
            run = self._runs.pop(run_id, None)
            if run is not None:
                self._tell_within(run, output)
                run.over(output)
                self._spans.finish(run, output, **fields)

    def _fail(self, run_id: UUID, error: BaseException) -> None:
        with self._lock:
            run = self._runs.pop(run_id, None)
            if run is None:
                return
            run.over(failed=not asks(error) and not leaves(error))
            if asks(error):
                self._interrupt(run, error)
            elif isinstance(error, asyncio.CancelledError):
                self._spans.cancel(run)
            elif leaves(error):
                self._spans.finish(run, None)
            else:
                self._blame_within(run, error)
                self._spans.fail(run, error)

    def _tell_within(self, run: Call, output: Any) -> None:
        for silent in self._silence.within(run, output):
            self._tell(run, silent)

    def _blame_within(self, run: Call, error: BaseException) -> None:
        silent = None if self._spans.told(error) else self._silence.that_raised(run)
        if silent is not None:
            self._tell(run, silent, error)

    def _tell(self, parent: Call, silent: Silent, error: BaseException | None = None) -> None:
        """Tell of a step afterwards, by what is known of it."""
        call = Call(silent.slot, index=silent.index, started=silent.started)
        parent.bear(call)
        self._spans.start(call, silent.slot.node or "", silent.input)
        call.over(silent.output)
        if error is None:
            self._spans.finish(call, silent.output)
        else:
            self._spans.fail(call, error)

    def _interrupt(self, run: Call, error: Any) -> None:
        """The span stays open: LangGraph will run the node again with the answer."""
        if run.span is not None:
            span = self._spans.wait(run, run.slot.node or "")
            for interrupt in error.args[0] if error.args else ():
                self.interrupts.setdefault(interrupt.id, (run.host or "", span))


class StreamingWatch(Watch):
    """A watch that makes models stream.

    A model called with `invoke` streams only where a handler has these two methods, which is how LangChain's own
    streaming handlers ask for it.
    """

    def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[Any]) -> AsyncIterator[Any]:  # noqa: ARG002
        """Leave the stream of a step as it is."""
        return output

    def tap_output_iter(self, run_id: UUID, output: Iterator[Any]) -> Iterator[Any]:  # noqa: ARG002
        """Leave the stream of a step as it is."""
        return output


def _try_of(wrapper: Call) -> tuple[Slot | None, int | None, Call | None]:
    """The place of the next attempt of a fallback."""
    return wrapper.slot.rest[min(wrapper.tried, len(wrapper.slot.rest) - 1)], None, wrapper
