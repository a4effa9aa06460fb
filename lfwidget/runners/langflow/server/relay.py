"""What our plugin in a LangFlow server says of a run, told to the log of that run here. No socket lives here.

Its events are ours already: each token comes with its node, each start is exact, and nothing is inferred. They get the
numbers and times of the log here, in which there are remarks of our own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from lfwidget.errors import ComponentError, EventError
from lfwidget.model.check import check_event
from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.export import as_mapping
from lfwidget.runners.langflow.server.vocabulary import error_of, said

__all__ = ["Relay"]

_CUT_AT = 200_000
"""Characters of an output that an event carries; what a node said is whole."""
_SPAN_ENDS = ("node.finished", "node.failed", "node.cancelled")


class Relay:
    """Follows one run. To whoever drives it, it is as `Fold` is.

    Args:
        log: of the run here.
        keep: remembers what a span gave out.
        stream_nodes: the nodes whose tokens are logged as they come; None for all.
        clock: seconds.

    Attributes:
        ended: whether the run has come to an end there.
        cancelled: whether it was stopped.
        asks: whether a node asks a person.
        failure: what failed, if anything did.
        output: what the flow gave out.
        have: up to which `seq` of the server's log we are.
    """

    def __init__(
        self,
        log: RunLog,
        keep: Callable[[str, Any], None],
        stream_nodes: frozenset[str] | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.ended = self.cancelled = self.asks = False
        self.failure: ComponentError | None = None
        self.output: Any = None
        self.have = 0
        self.planned: list[str] | None = None
        self.unknown: set[str] = set()
        self._log, self._keep, self._stream_nodes, self._clock = log, keep, stream_nodes, clock
        self._epoch = ""
        self._began, self._made = math.inf, clock()
        self._open: dict[str, tuple[str, float]] = {}
        self._said: dict[str, list[str]] = {}

    @property
    def position(self) -> str:
        """What is said when the connection is made anew."""
        return f"{self._epoch}:{self.have}" if self._epoch else ""

    def hear(self, message: Any) -> None:
        """Take in a message of the plugin; unknown kinds are a newer one's.

        Raises:
            EventError: it is not what the plugin says, or events are missing.
        """
        words = as_mapping(message)
        kind = words.get("kind")
        if kind == "hello":
            if self._epoch and self._epoch != words.get("epoch"):
                raise EventError("the server has another run under this name by now", words, "epoch")
            self._epoch = said(words.get("epoch"))
        elif kind == "gap":
            raise EventError("the server no longer has all events of this run", words)
        elif kind == "frame" and isinstance(words.get("events"), list):
            self._frame([check_event(event) for event in words["events"]])

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in what LangFlow itself says of a run that the plugin has forgotten, as `Fold.take` does."""
        data = as_mapping(event.get("data"))
        if event.get("event") == "output":
            self.output = data.get("content")
        elif event.get("event") == "error" and self.failure is None:
            self.failure = ComponentError(error_of(data)["message"])

    def close(self, reason: str = "", *, untold: bool = False) -> None:  # noqa: ARG002 - as `Fold.close`
        """The run is over here, whatever the server does: no span stays open."""
        for span, (node, began) in reversed(list(self._open.items())):
            duration = round(self._clock() - began, 6)
            self._log.append("node.cancelled", node=node, span=span, reason=reason or "not heard", duration=duration)
        self._open.clear()

    def _frame(self, events: list[dict[str, Any]]) -> None:
        # Several are told at once, the first of them late: the frame that was fastest says when the run began there.
        if events:
            self._began = min(self._began, self._clock() - events[-1]["t"])
        for event in events:
            if event["seq"] <= self.have:
                continue
            if event["seq"] != self.have + 1:
                raise EventError("events of this run are missing", event, "seq")
            self.have += 1
            self._event(event, max(0.0, self._clock() - self._began - event["t"]))

    def _event(self, event: dict[str, Any], ago: float) -> None:
        kind = event["kind"]
        fields = {name: value for name, value in event.items() if name not in ("seq", "t", "kind")}
        if kind == "run.started":
            words = "watched over the socket of lfwidget's plugin on the server"
            ago = self._clock() - self._made
            self._log.append("log", ago=ago, level="debug", message=words, source="server")
        elif kind in ("run.finished", "run.failed", "run.cancelled"):
            self._end(kind, fields)
        elif kind == "node.delta":
            self._tokens(fields, ago)
        elif kind == "input.requested":
            self.asks = True
        else:
            self._tell(kind, fields, ago)

    def _tell(self, kind: str, fields: dict[str, Any], ago: float) -> None:
        span = said(fields.get("span"))
        if kind == "node.started":
            self._open[span] = (fields["node"], self._clock() - ago)
        elif kind == "node.text" and fields["channel"] == "text":
            self._said[span] = [fields["text"]]
        elif kind in _SPAN_ENDS:
            self._open.pop(span, None)
            self._show_muted(fields)
        if kind == "node.finished":
            self._keep(span, fields.get("output"))
        self._log.append(kind, ago=ago, **fields)

    def _tokens(self, delta: dict[str, Any], ago: float) -> None:
        node, span, text = delta["node"], delta["span"], delta["text"]
        began = self._open.get(span, ("", 0.0))[1]
        is_text = delta["channel"] == "text"
        at = 0
        for cut, dt in zip(delta["cuts"], delta["dts"], strict=True):
            token = text[at : at + cut]
            at += cut
            if is_text:
                self._said.setdefault(span, []).append(token)
            if self._is_streamed(node):
                # No token is older than its span.
                since = max(0.0, min(ago - dt / 1000, self._clock() - began))
                self._log.delta(node, span, delta["channel"], token, delta.get("call"), ago=since)

    def _show_muted(self, fields: Mapping[str, Any]) -> None:
        node, span = fields["node"], fields["span"]
        if not self._is_streamed(node) and (text := "".join(self._said.get(span, ()))):
            self._log.append("node.text", node=node, span=span, channel="text", text=text)

    def _is_streamed(self, node: str) -> bool:
        return self._stream_nodes is None or node in self._stream_nodes

    def _end(self, kind: str, fields: dict[str, Any]) -> None:
        self.ended = True
        self.cancelled = kind == "run.cancelled"
        if kind == "run.failed":
            error = as_mapping(fields.get("error"))
            self.failure = ComponentError(said(error.get("message")), said(fields.get("node")), said(error.get("type")))
        elif kind == "run.finished":
            self.output = self._whole(fields.get("output"))

    def _whole(self, output: Any) -> Any:
        """An output that was too long for an event, where a node was heard to say it."""
        if not isinstance(output, str) or len(output) <= _CUT_AT:
            return output
        texts = ("".join(tokens) for tokens in self._said.values())
        return next((text for text in texts if len(text) > _CUT_AT and output.startswith(text[:_CUT_AT])), output)
