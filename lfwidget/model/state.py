"""A run as a pure fold over its events: the twin of `js/src/model/`. Both must meet `tests/golden/`.

Rules that both keep:

- An event that is known already changes nothing; one that leaves a gap is refused.
- A node's status is `running` while any of its spans runs, `waiting` while any waits; else that of its last span that
  was not retracted (or of its last one, where all were); without spans `skipped` or `idle`.
- What a node says, calls and used includes the nodes without a card below it: text, reasoning and tool calls are those
  of the span that started last, was not retracted and has any; usage and tokens are summed.
- The end of a run cancels every span that is still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from lfwidget.errors import EventError
from lfwidget.model.node_state import NodeState, Span, sum_usage

__all__ = ["RunState", "edge_key"]

_ENDS = {"run.finished": "finished", "run.failed": "failed", "run.cancelled": "cancelled"}


class RunState:
    """What is known of a run after the events so far.

    Attributes:
        seq: of the last event; 0 before the first.
        t: seconds from the start of the run to the last event.
        nodes: by id, in the order of the graph, then as they appeared.
        spans: by id, in the order they started.
        pending: the open `input.requested` events, by request.
    """

    def __init__(self, events: Iterable[dict[str, Any]] = ()) -> None:
        self.seq = 0
        self.t = 0.0
        self.run_id = ""
        self.flow = ""
        self.name: str | None = None
        self.input: Any = None
        self.output: Any = None
        self.error: dict[str, Any] | None = None
        self.started_at: str | None = None
        self.duration: float | None = None
        self.nodes: dict[str, NodeState] = {}
        self.spans: dict[str, Span] = {}
        self.edges: list[dict[str, Any]] = []
        self.pending: dict[str, dict[str, Any]] = {}
        self.logs: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self._end: str | None = None
        self._usage: dict[str, int] | None = None
        for event in events:
            self.apply(event)

    @property
    def status(self) -> str:
        """`running`, `waiting`, `finished`, `failed` or `cancelled`."""
        return self._end or ("waiting" if self.pending else "running")

    @property
    def ended(self) -> bool:
        """Whether the event that ends the run is in."""
        return self._end is not None

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens of the whole run: what its end said, else the sum over all spans (retracted ones were billed too)."""
        return self._usage or sum_usage(span.usage for span in self.spans.values())

    @property
    def text(self) -> str:
        """What the last model said: the span that started last, was not retracted and has text."""
        said = next((span for span in reversed(self.spans.values()) if not span.retracted and span.has_text), None)
        return said.text if said else ""

    def apply(self, event: dict[str, Any]) -> bool:
        """Take in one event.

        Returns:
            False if it was known already.

        Raises:
            EventError: events are missing before it.
        """
        if event["seq"] <= self.seq:
            return False
        if event["seq"] != self.seq + 1:
            raise EventError(f"event {event['seq']} came after {self.seq}: ask for what is missing", event, "seq")
        self.seq = event["seq"]
        self.t = event["t"]
        handler = self._HANDLERS.get(event["kind"])
        if handler is not None:
            handler(self, event)
        return True

    def node(self, node_id: str) -> NodeState:
        """The state of a node, made where there is none."""
        if node_id not in self.nodes:
            self.nodes[node_id] = NodeState(node_id)
        return self.nodes[node_id]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON, numbers to six decimals."""
        return {
            "seq": self.seq,
            "t": _round(self.t),
            "run_id": self.run_id,
            "flow": self.flow,
            "name": self.name,
            "status": self.status,
            "input": self.input,
            "output": self.output,
            "error": self.error,
            "usage": self.usage,
            "started_at": self.started_at,
            "duration": _round(self.duration),
            "text": self.text,
            "graph": {
                "nodes": [node.definition for node in self.nodes.values() if node.definition],
                "edges": self.edges,
            },
            "nodes": {node.id: node.to_json() for node in self.nodes.values()},
            "pending": list(self.pending.values()),
            "logs": self.logs,
            "notes": self.notes,
        }

    def _run_started(self, event: dict[str, Any]) -> None:
        self.run_id = event["run_id"]
        self.flow = event["flow"]
        self.name = event.get("name")
        self.input = event.get("input")
        self.started_at = event["started_at"]
        self._define(event["graph"]["nodes"])
        self.edges = list(event["graph"]["edges"])

    def _graph_changed(self, event: dict[str, Any]) -> None:
        self._define(event["nodes"])
        known = {edge_key(edge) for edge in self.edges}
        self.edges += [edge for edge in event["edges"] if edge_key(edge) not in known]

    def _define(self, nodes: Iterable[dict[str, Any]]) -> None:
        moved = False
        for definition in nodes:
            node = self.node(definition["id"])
            moved = moved or (bool(node.group) and node.lies_elsewhere(definition))
            node.definition = definition
        if moved:
            self._regroup()

    def _regroup(self) -> None:
        for node in self.nodes.values():
            node.group.clear()
        for span in self.spans.values():
            self._group(span)

    def _group(self, span: Span) -> None:
        for node in self._shown_on(span.node):
            node.group.append(span)

    def _shown_on(self, node_id: str) -> Iterator[NodeState]:
        """The node, and the ancestors whose card shows what happens in it. A graph from a file may go in circles."""
        node, seen = self.nodes.get(node_id), set[str]()
        while node is not None and node.id not in seen:
            yield node
            if node.has_card:
                return
            seen.add(node.id)
            node = self.nodes.get(node.parent or "")

    def _node_started(self, event: dict[str, Any]) -> None:
        span = Span(event)
        self.spans[span.id] = span
        self.node(span.node).spans.append(span)
        self._group(span)
        if span.parent in self.spans:
            self.spans[span.parent].children.append(span)

    def _on_span(self, event: dict[str, Any]) -> None:
        span = self.spans.get(event["span"])
        if span is not None:
            span.apply(event)

    def _node_skipped(self, event: dict[str, Any]) -> None:
        node = self.node(event["node"])
        node.skipped = True
        node.reason = event["reason"]

    def _input_requested(self, event: dict[str, Any]) -> None:
        self.pending[event["request"]] = event
        self._turn(event["span"], "waiting")

    def _input_given(self, event: dict[str, Any]) -> None:
        self.pending.pop(event["request"], None)
        if not any(other["span"] == event["span"] for other in self.pending.values()):
            self._turn(event["span"], "running")

    def _turn(self, span_id: str, status: str) -> None:
        span = self.spans.get(span_id)
        if span is not None and span.open:
            span.status = status

    def _log(self, event: dict[str, Any]) -> None:
        self.logs.append(event)

    def _note(self, event: dict[str, Any]) -> None:
        self.notes.append(event)

    def _run_ended(self, event: dict[str, Any]) -> None:
        self._end = _ENDS[event["kind"]]
        self.duration = event["t"]
        self.pending.clear()
        self.output = event.get("output")
        self.error = event.get("error")
        self._usage = sum_usage([event.get("usage")])
        for span in self.spans.values():
            if span.open:
                span.close("cancelled", event["t"])

    _HANDLERS: ClassVar[dict[str, Callable[[RunState, dict[str, Any]], None]]] = {
        "run.started": _run_started,
        "graph.changed": _graph_changed,
        "node.started": _node_started,
        "node.skipped": _node_skipped,
        "input.requested": _input_requested,
        "input.given": _input_given,
        "log": _log,
        "note": _note,
        **dict.fromkeys(("node.delta", "node.text", "node.retracted"), _on_span),
        **dict.fromkeys(("node.finished", "node.failed", "node.cancelled"), _on_span),
        **dict.fromkeys(_ENDS, _run_ended),
    }


def edge_key(edge: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes an edge the same edge in another version of a graph."""
    return tuple(edge.get(key) for key in ("source", "target", "source_port", "target_port", "label", "kind"))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
