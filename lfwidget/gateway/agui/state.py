"""The shared state of AG-UI for a run: its status, its graph, and the status of each node. A snapshot, then patches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lfwidget.model.node_state import NodeState
from lfwidget.model.state import RunState, edge_key

__all__ = ["StateView"]

_FOLDED = {
    "run.started": ("run_id", "flow", "name", "input", "started_at", "graph"),
    "graph.changed": ("nodes", "edges"),
    "node.started": ("node", "span", "parent", "attempt", "index"),
    "node.finished": ("node", "span", "usage", "duration"),
    "node.failed": ("node", "span", "error", "duration"),
    "node.skipped": ("node", "reason"),
    "node.cancelled": ("node", "span", "reason", "duration"),
    "node.retracted": ("node", "span"),
    "input.requested": ("node", "span", "request"),
    "input.given": ("node", "span", "request"),
    "run.finished": ("usage",),
    "run.failed": ("error",),
    "run.cancelled": (),
}
"""What of the events is folded: texts, inputs and outputs of the nodes travel as messages and steps."""

Patch = list[dict[str, Any]]


class StateView:
    """What a client knows of the state, and what changes in it."""

    def __init__(self) -> None:
        self.run = RunState()
        self._nodes: dict[str, dict[str, Any]] = {}
        self._edges = 0
        self._status = ""

    def node(self, node_id: str) -> NodeState:
        """The state of a node, also of one that the graph lacks."""
        return self.run.nodes.get(node_id) or NodeState(node_id)

    def snapshot(self) -> dict[str, Any]:
        """All of it."""
        run = self.run
        self._nodes = {node.id: _summary(node) for node in run.nodes.values()}
        self._edges, self._status = len(run.edges), run.status
        about = {"id": run.run_id, "flow": run.flow, "name": run.name, "input": run.input, "status": run.status}
        return {"run": about, "nodes": dict(self._nodes), "edges": [_edge(edge) for edge in run.edges]}

    def apply(self, event: Mapping[str, Any]) -> Patch:
        """Take in an event; what it changes, as a JSON Patch (RFC 6902) of what the client has."""
        kind = event["kind"]
        if kind not in _FOLDED:
            return []
        fields = {name: event[name] for name in _FOLDED[kind] if name in event}
        # Only some events are folded, so they are numbered anew.
        self.run.apply({"seq": self.run.seq + 1, "t": event["t"], "kind": kind, **fields})
        if kind == "run.started":
            return []
        nodes = self.run.nodes if kind == "graph.changed" or self.run.ended else [event["node"]]
        return [*self._patch_nodes(nodes), *self._patch_run()]

    def _patch_nodes(self, ids: Iterable[str]) -> Patch:
        patch: Patch = []
        for node_id in ids:
            if node_id not in self.run.nodes:
                continue
            now, path = _summary(self.run.nodes[node_id]), f"/nodes/{_escaped(node_id)}"
            before = self._nodes.get(node_id)
            self._nodes[node_id] = now
            if before is None:
                patch.append({"op": "add", "path": path, "value": now})
                continue
            for key in sorted(before.keys() - now.keys()):
                patch.append({"op": "remove", "path": f"{path}/{key}"})
            for key, value in now.items():
                if key not in before or before[key] != value:
                    patch.append({"op": "replace" if key in before else "add", "path": f"{path}/{key}", "value": value})
        return patch

    def _patch_run(self) -> Patch:
        patch: Patch = [
            {"op": "add", "path": "/edges/-", "value": _edge(edge)} for edge in self.run.edges[self._edges :]
        ]
        self._edges = len(self.run.edges)
        if self.run.status != self._status:
            self._status = self.run.status
            patch.append({"op": "replace", "path": "/run/status", "value": self._status})
        return patch


def _summary(node: NodeState) -> dict[str, Any]:
    """What is told of a node; what is not known is left out."""
    definition = node.definition or {}
    known = {
        "title": node.title,
        "type": definition.get("type"),
        "parent": definition.get("parent"),
        "status": node.status,
        "duration": node.duration,
        "error": node.error and {key: node.error[key] for key in ("type", "message") if key in node.error},
        "usage": node.usage,
        "reason": node.reason,
    }
    return {key: value for key, value in known.items() if value is not None}


def _edge(edge: Mapping[str, Any]) -> dict[str, Any]:
    names = ("source", "target", "source_port", "target_port", "label", "kind")
    return {name: value for name, value in zip(names, edge_key(edge), strict=True) if value is not None}


def _escaped(key: str) -> str:
    """A part of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
