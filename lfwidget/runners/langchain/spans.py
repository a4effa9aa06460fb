"""What is told of each call that has a card: when it starts, and how it ends. Nothing here knows LangChain."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lfwidget.failure import causes, error_info
from lfwidget.model.log import RunLog
from lfwidget.runners.langchain.calls import Call
from lfwidget.runners.langchain.messages import readable

__all__ = ["CANCELLED", "Spans"]

CANCELLED = "the run was cancelled"
_STILL_RUNS = (
    "{node} is a plain function: it goes on in its thread until it returns, and nobody waits for it. "
    "Write it with `async def` to make it stop at once."
)


class Spans:
    """The spans of one run. The caller holds a lock around every call.

    Args:
        log: where the events go.
        keep: remembers the live object that a span returned.
        stream_nodes: the nodes whose tokens are logged as they come; None for all.
        readable: makes JSON of what goes in and comes out.
    """

    def __init__(
        self,
        log: RunLog,
        keep: Callable[[str, Any], None],
        stream_nodes: frozenset[str] | None,
        readable: Callable[[Any], Any] = readable,
    ) -> None:
        self._log = log
        self._keep = keep
        self._stream_nodes = stream_nodes
        self._readable = readable
        self._open: dict[str, Call] = {}
        self._waiting: dict[tuple[str, int | None], str] = {}
        self._counts: dict[str, int] = {}
        self._told: list[BaseException] = []

    def start(self, call: Call, node: str, value: Any) -> None:
        """A call of this node starts, with this input."""
        waiting = self._waiting.pop((node, call.index), None)
        if waiting is not None:  # LangGraph runs an interrupted node anew: for a person it is the same execution
            call.span = waiting
            self._open[waiting] = call
            return
        self._counts[node] = self._counts.get(node, 0) + 1
        call.span = f"{node}#{self._counts[node]}"
        call.mute = self._stream_nodes is not None and not self._streamed(node)
        fields: dict[str, Any] = {"node": node, "span": call.span, "attempt": call.attempt}
        fields["input"] = self._readable(value)
        if call.within:
            fields["parent"] = call.within
        if call.index is not None:
            fields["index"] = call.index
        self._open[call.span] = call
        for wrapper in call.wrappers:
            wrapper.attempted.append((node, call.span))
        self._log.append("node.started", **fields)

    def wait(self, call: Call, node: str) -> str:
        """It asks a person: the span stays open, for the call that takes the answer.

        Returns:
            The span.
        """
        span = call.span or ""
        self._waiting[(node, call.index)] = span
        return span

    def finish(self, call: Call, output: Any, **fields: Any) -> None:
        """It returned; fields that are empty are left out."""
        if not self._close(call):
            return
        self._keep(call.span or "", output)
        given = {key: value for key, value in fields.items() if value}
        self._end("node.finished", call, output=self._readable(output), **given)

    def fail(self, call: Call, error: BaseException) -> None:
        """The innermost call gets the traceback; those around it fail by the same error, without it."""
        if self._close(call):
            info = error_info(error, trace=not any(error is told for told in self._told))
            self._told.append(error)
            self._end("node.failed", call, error=info)

    @property
    def any_failed(self) -> bool:
        """Whether any call failed so far."""
        return bool(self._told)

    def told(self, error: BaseException) -> bool:
        """Whether a call failed by this error, or by one that it comes from."""
        return any(link is told for link in causes(error) for told in self._told)

    def cancel(self, call: Call, reason: str = CANCELLED, *, stopped: bool = True) -> None:
        """It was cancelled, or given up."""
        if not self._close(call):
            return
        if stopped and call.slot.sync and call.span not in self._waiting.values():
            self._log.append("log", level="warning", message=_STILL_RUNS.format(node=call.host), node=call.host)
        self._end("node.cancelled", call, reason=reason)

    def cancel_all(self, reason: str, *, stopped: bool) -> None:
        """All that are open, the innermost first."""
        for call in reversed(self._open.copy().values()):
            self.cancel(call, reason, stopped=stopped)

    def _close(self, call: Call) -> bool:
        return self._open.pop(call.span or "", None) is not None

    def _end(self, kind: str, call: Call, **fields: Any) -> None:
        duration = round(time.perf_counter() - call.started, 6)
        self._log.append(kind, node=call.host, span=call.span, duration=duration, **fields)

    def _streamed(self, node: str) -> bool:
        """Whether a node was named, or lies in one that was."""
        named = self._stream_nodes or frozenset()
        return any(node == wanted or node.startswith(f"{wanted}/") for wanted in named)
