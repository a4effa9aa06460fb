"""What is known of one node of a run: its spans, and what follows from them. How events get here is `state.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["NodeState", "Span", "sum_usage"]

_USAGE = ("input_tokens", "output_tokens", "total_tokens")
_CLOSED_BY = {"node.finished": "finished", "node.failed": "failed", "node.cancelled": "cancelled"}


class Span:
    """One execution of a node. Times are seconds from the start of the run; durations and `first_token` are seconds."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.id: str = event["span"]
        self.node: str = event["node"]
        self.parent: str | None = event.get("parent")
        self.attempt: int = event.get("attempt", 1)
        self.index: int | None = event.get("index")
        self.start: float = event["t"]
        self.input: Any = event.get("input")
        self.status = "running"
        self.end: float | None = None
        self.duration: float | None = None
        self.output: Any = None
        self.error: dict[str, Any] | None = None
        self.usage: dict[str, int] | None = None
        self.first_token: float | None = None
        self.chunks = 0
        self.retracted = False
        self.children: list[Span] = []
        self._said: dict[str, list[str]] = {"text": [], "reasoning": []}
        self._calls: dict[int, dict[str, Any]] = {}

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.status in ("running", "waiting")

    @property
    def has_text(self) -> bool:
        """Whether it said anything."""
        return any(self._said["text"])

    @property
    def text(self) -> str:
        """What it said."""
        return _joined(self._said["text"])

    @property
    def reasoning(self) -> str:
        """What it thought before it spoke."""
        return _joined(self._said["reasoning"])

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls it asked for: index, id, name, and args as JSON text."""
        return [{**call, "args": _joined(call["args"])} for _, call in sorted(self._calls.items())]

    def apply(self, event: dict[str, Any]) -> None:
        """Take in an event of this span."""
        kind = event["kind"]
        if kind == "node.delta":
            self._delta(event)
        elif kind == "node.text":
            self._said[event["channel"]] = [event["text"]]
        elif kind == "node.retracted":
            self.retracted = True
        else:
            self._take_end(event)

    def close(self, status: str, t: float, duration: float | None = None) -> None:
        """End it at `t` seconds of the run."""
        self.status = status
        self.end = t
        self.duration = t - self.start if duration is None else duration

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, numbers to six decimals."""
        return {
            "span": self.id,
            "node": self.node,
            "parent": self.parent,
            "attempt": self.attempt,
            "index": self.index,
            "status": self.status,
            "start": _round(self.start),
            "end": _round(self.end),
            "duration": _round(self.duration),
            "input": self.input,
            "output": self.output,
            "error": self.error,
            "usage": self.usage,
            "text": self.text,
            "reasoning": self.reasoning,
            "tool_calls": self.tool_calls,
            "first_token": _round(self.first_token),
            "chunks": self.chunks,
            "retracted": self.retracted,
        }

    def _delta(self, event: dict[str, Any]) -> None:
        self.chunks += len(event["cuts"])
        if self.first_token is None:
            arrived = event["t"] + (event["dts"][0] if event["dts"] else 0) / 1000
            self.first_token = max(0.0, arrived - self.start)
        if event["channel"] == "tool_call":
            self._call(event.get("call") or {"index": 0})["args"].append(event["text"])
        else:
            self._said[event["channel"]].append(event["text"])

    def _take_end(self, event: dict[str, Any]) -> None:
        self.close(_CLOSED_BY[event["kind"]], event["t"], event.get("duration"))
        self.output = event.get("output", self.output)
        for key in ("error", "usage"):
            if event.get(key) is not None:
                setattr(self, key, event[key])
        if event.get("tool_calls"):
            self._calls.clear()
            for call in event["tool_calls"]:
                self._call(call)["args"].append(call["args"])

    def _call(self, ref: dict[str, Any]) -> dict[str, Any]:
        call = self._calls.setdefault(ref["index"], {"index": ref["index"], "id": None, "name": None, "args": []})
        for key in ("id", "name"):
            if call[key] is None:
                call[key] = ref.get(key)
        return call


class NodeState:
    """One node of a run. `spans` are its own executions, in the order they started."""

    def __init__(self, node_id: str) -> None:
        self.id = node_id
        self.definition: dict[str, Any] | None = None
        self.reason: str | None = None
        self.skipped = False
        self.spans: list[Span] = []
        self.group: list[Span] = []
        """Its own spans and those of the nodes without a card below it."""

    @property
    def title(self) -> str:
        """What the card is headed with."""
        return str((self.definition or {}).get("title", self.id))

    @property
    def has_card(self) -> bool:
        """Whether it is drawn as a card of its own."""
        return bool((self.definition or {}).get("card", True))

    @property
    def parent(self) -> str | None:
        """The id of the node it lies in."""
        return (self.definition or {}).get("parent")

    def lies_elsewhere(self, definition: dict[str, Any]) -> bool:
        """Whether a new definition moves it to another parent, or gives or takes its card."""
        return (self.parent, self.has_card) != (definition.get("parent"), definition.get("card", True))

    @property
    def current(self) -> Span | None:
        """The last span that counts: not retracted, where there is such a one."""
        counting = (span for span in reversed(self.spans) if not span.retracted)
        return next(counting, self.spans[-1] if self.spans else None)

    @property
    def status(self) -> str:
        """`idle`, `running`, `waiting`, `finished`, `failed`, `cancelled` or `skipped`."""
        now = {span.status for span in self.spans}
        for status in ("running", "waiting"):
            if status in now:
                return status
        current = self.current
        if current is not None:
            return current.status
        return "skipped" if self.skipped else "idle"

    @property
    def text(self) -> str:
        """What its last model said."""
        said = self._last(span for span in reversed(self.group) if span.has_text)
        return said.text if said else ""

    @property
    def reasoning(self) -> str:
        """What its last model thought."""
        thought = self._last(span for span in reversed(self.group) if span.reasoning)
        return thought.reasoning if thought else ""

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls its last model asked for: index, id, name, and args as JSON text."""
        asked = self._last(span for span in reversed(self.group) if span.tool_calls)
        return asked.tool_calls if asked else []

    @property
    def input(self) -> Any:
        """What went in, as JSON."""
        return self.current.input if self.current else None

    @property
    def output(self) -> Any:
        """What came out, as JSON."""
        return self.current.output if self.current else None

    @property
    def error(self) -> dict[str, Any] | None:
        """Its error: type, message, traceback."""
        return self.current.error if self.current else None

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens it was billed for, over all its spans."""
        return sum_usage(span.usage for span in self.group)

    @property
    def tokens(self) -> int:
        """Output tokens: of each span what it was billed for once that is known, until then the chunks counted."""
        return sum((span.usage or {}).get("output_tokens", span.chunks) for span in self.group)

    @property
    def duration(self) -> float | None:
        """Seconds its current span took; None until it ends."""
        return self.current.duration if self.current else None

    @property
    def first_token(self) -> float | None:
        """Seconds from the node's start to the first token of any channel."""
        started = self.current
        arrivals = [span.start + span.first_token for span in self.group if span.first_token is not None and started]
        later = [at - started.start for at in arrivals if started and at >= started.start]
        return min(later, default=None)

    @property
    def self_time(self) -> float | None:
        """Seconds of the current span in which none of the spans inside it ran; None until it ends."""
        span = self.current
        if span is None or span.end is None:
            return None
        return max(0.0, (span.end - span.start) - _covered([(child.start, child.end) for child in span.children]))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, numbers to six decimals."""
        return {
            "id": self.id,
            "status": self.status,
            "reason": self.reason,
            "spans": [span.to_json() for span in self.spans],
            "text": self.text,
            "reasoning": self.reasoning,
            "tool_calls": self.tool_calls,
            "input": self.input,
            "output": self.output,
            "error": self.error,
            "usage": self.usage,
            "duration": _round(self.duration),
            "first_token": _round(self.first_token),
            "self_time": _round(self.self_time),
            "tokens": self.tokens,
        }

    @staticmethod
    def _last(spans: Iterable[Span]) -> Span | None:
        return next((span for span in spans if not span.retracted), None)


def sum_usage(usages: Iterable[dict[str, int] | None]) -> dict[str, int] | None:
    """The sum of what is known; None where nothing is."""
    total: dict[str, int] = {}
    for usage in usages:
        for key in _USAGE:
            value = (usage or {}).get(key)
            if value is not None:
                total[key] = total.get(key, 0) + value
    return total or None


def _covered(stretches: Sequence[tuple[float, float | None]]) -> float:
    """Seconds that lie in at least one of the stretches."""
    total, reached = 0.0, 0.0
    for start, end in sorted((start, start if end is None else end) for start, end in stretches):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _joined(parts: list[str]) -> str:
    """The text of the parts, which become one so that the next reader need not join them again."""
    if len(parts) > 1:
        parts[:] = ["".join(parts)]
    return parts[0] if parts else ""


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
