"""The executions of a flow's nodes, told to the log: begun, heard, ended. What the server says is read in `fold.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.groups import Groups
from lfwidget.runners.langflow.server.vocabulary import is_cut

__all__ = ["Span", "Spans"]


@dataclass
class Span:
    """One execution of a node.

    Attributes:
        node: its id.
        id: of the span.
        started: when, by our clock.
        said: the tokens so far.
        calls: the tool calls it made, as `node.finished` has them.
        parent: the span that it runs in; None where that is none.
        open: whether it has not ended.
    """

    node: str
    id: str
    started: float
    said: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    parent: str | None = None
    open: bool = True

    @property
    def text(self) -> str:
        """What it said so far."""
        return "".join(self.said)


class Spans:
    """All executions of one run. It belongs to the loop of that run.

    Args:
        log: where the events go.
        keep: remembers what a span gave out.
        groups: of the flow.
        clock: seconds.
    """

    def __init__(
        self,
        log: RunLog,
        keep: Callable[[str, Any], None],
        groups: Groups,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._log = log
        self._keep = keep
        self._groups = groups
        self._clock = clock
        self._spans: dict[str, list[Span]] = {}

    def __contains__(self, node: str) -> bool:
        """Whether the node was ever begun."""
        return node in self._spans

    def last(self, node: str) -> Span | None:
        """The last execution of a node, open or not."""
        return self._spans[node][-1] if node in self._spans else None

    def running(self, node: str) -> Span | None:
        """The execution of a node that goes on."""
        return next((span for span in reversed(self._spans.get(node, [])) if span.open), None)

    def all_running(self) -> list[Span]:
        """Every execution that goes on, the last begun first."""
        return [span for spans in self._spans.values() for span in spans if span.open][::-1]

    def begin(self, node: str, **fields: Any) -> Span:
        """A node begins.

        Args:
            node: its id.
            fields: `input` and `parent`, where they are known.
        """
        if parent := self._groups.begin(node, fields.get("parent")):
            fields["parent"] = parent
        before = self._spans.setdefault(node, [])
        span = Span(node, f"{node}#{len(before) + 1}", self._clock(), parent=parent)
        before.append(span)
        self._log.append("node.started", node=node, span=span.id, attempt=1, **fields)
        return span

    def ensure(self, node: str) -> Span:
        """The execution that goes on; it begins now if none does."""
        return self.running(node) or self.begin(node)

    def say(self, span: Span, token: str) -> None:
        """A token came."""
        span.said.append(token)
        self._log.delta(span.node, span.id, "text", token)

    def whole(self, value: Any) -> Any:
        """A value that a node gave out: of a text that LangFlow cut off all of it, where a node was heard to say it."""
        if not is_cut(value):
            return value
        said = (span.text for spans in self._spans.values() for span in spans)
        return next((text for text in said if len(text) >= len(value) and text.startswith(value[:-3])), value)

    def settle(self, span: Span, text: str) -> None:
        """This is what it said, by the server's own word; the log learns so only where it had something else."""
        text = self.whole(text)
        if text != span.text:
            span.said = [text]
            self._log.append("node.text", node=span.node, span=span.id, channel="text", text=text)

    def finish(self, span: Span, output: Any, *, duration: float | None = None, usage: Any = None) -> None:
        """It ended well.

        Args:
            span: which.
            output: what it gave out.
            duration: seconds, as the server measured them.
            usage: tokens it was billed for.
        """
        output = self.whole(output)
        if is_cut(output):
            message = "LangFlow passed on only the beginning of this text, since it is long and was not streamed"
            self._log.append("log", level="warning", message=message, node=span.node, source="server")
        self._keep(span.id, output)
        fields: dict[str, Any] = {"output": output}
        if usage:
            fields["usage"] = usage
        if span.calls:
            fields["tool_calls"] = span.calls
        self._end("node.finished", span, duration, **fields)

    def fail(self, span: Span, error: dict[str, Any], duration: float | None = None) -> None:
        """It failed."""
        self._end("node.failed", span, duration, error=error)

    def cancel(self, span: Span, reason: str) -> None:
        """It was stopped before its end."""
        self._end("node.cancelled", span, None, reason=reason)

    def _end(self, kind: str, span: Span, duration: float | None, **fields: Any) -> None:
        if span.open:
            span.open = False
            taken = self._clock() - span.started if duration is None else duration
            self._log.append(kind, node=span.node, span=span.id, duration=round(taken, 6), **fields)
            self._groups.end(span.node, span.parent, kind, fields)
