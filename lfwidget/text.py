"""The plain-text face of a flow and of a run: what a terminal, a log or an executed notebook shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lfwidget.model.graph import NEVER_RUN, Graph
from lfwidget.model.node_state import NodeState
from lfwidget.model.preview import preview
from lfwidget.model.state import RunState

__all__ = ["flow_text", "run_text"]

_GLYPHS = {
    "idle": "·",
    "running": "▶",
    "waiting": "?",
    "finished": "✓",
    "failed": "✗",
    "cancelled": "■",
    "skipped": "-",
}
_TEXT_LENGTH = 400
"""Characters of what a node said."""


def flow_text(name: str, graph: Graph) -> str:
    """The nodes of a flow as a tree, each with where it leads.

    Args:
        name: of the flow.
        graph: what it consists of.
    """
    nodes: list[Mapping[str, Any]] = list(graph["nodes"])
    titles = {node["id"]: node["title"] for node in nodes}
    next_of: dict[str, list[str]] = defaultdict(list)
    for edge in graph["edges"]:
        label = f" ({edge['label']})" if edge.get("label") else ""
        next_of[edge["source"]].append(titles.get(edge["target"], edge["target"]) + label)

    def lines(node: Mapping[str, Any]) -> list[str]:
        leads = f" → {', '.join(next_of[node['id']])}" if next_of[node["id"]] else ""
        return [_named(node) + leads]

    return "\n".join([name, *_tree(nodes, lines)])


def run_text(state: RunState) -> str:
    """A run as a tree: status, time and tokens of each node, and what it said.

    Args:
        state: of the run, as far as it went.
    """
    definitions = [{"id": node.id, **(node.definition or {})} for node in state.nodes.values()]
    head = " · ".join(filter(None, (_heading(state), _state(state.status, state.duration), _tokens(state.usage))))
    tree = _tree(definitions, lambda node: _node_lines(state.nodes[node["id"]]))
    return "\n".join([head, *tree, *_error(state.error), *_asked(state)])


def _heading(state: RunState) -> str:
    return f"{state.flow}: {state.name}" if state.name and state.name != state.flow else state.flow


def _state(status: str, duration: float | None) -> str:
    return f"{_GLYPHS.get(status, '·')} {status}" + (f" in {duration:.2f} s" if duration is not None else "")


def _tokens(usage: Mapping[str, int] | None) -> str:
    if not usage:
        return ""
    parts = [f"{usage[key]} {word}" for key, word in (("input_tokens", "in"), ("output_tokens", "out")) if key in usage]
    return f"{' + '.join(parts)} tokens" if parts else ""


def _node_lines(node: NodeState) -> list[str]:
    figures = [
        f"{_named(node.definition or {'id': node.id})}  {_GLYPHS.get(node.status, '·')} {node.status}",
        f"{node.duration:.2f} s" if node.duration is not None else "",
        f"{node.tokens} tokens" if node.tokens else "",
        f"{len(node.spans)} times" if len(node.spans) > 1 else "",
        node.reason if node.status == "skipped" and node.reason else "",
    ]
    said = preview(node.text, _TEXT_LENGTH)
    if not said and node.tool_calls:
        said = preview({"tool_calls": node.tool_calls}, _TEXT_LENGTH)
    return [" · ".join(filter(None, figures)), *said.splitlines(), *_error(node.error)]


def _named(node: Mapping[str, Any]) -> str:
    """The id, which is what people type, and the title where it says more."""
    title = node.get("title", node["id"])
    alike = title.lower() == node["id"].rpartition("/")[2].lower()
    return str(node["id"]) if alike else f"{node['id']} ({title})"


def _error(error: Mapping[str, Any] | None) -> list[str]:
    return f"{error['type']}: {error['message']}".splitlines() if error else []


def _asked(state: RunState) -> Iterable[str]:
    for question in state.pending.values():
        yield f"? {question['node']} asks: {preview(question['prompt'])}"


def _tree(nodes: Sequence[Mapping[str, Any]], lines: Callable[[Mapping[str, Any]], list[str]]) -> list[str]:
    """The cards with their lines, each below the one it lies in."""
    ids = {node["id"] for node in nodes}
    inside: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for node in nodes:
        if node.get("card", True) and node.get("type") not in NEVER_RUN:
            inside[node["parent"] if node.get("parent") in ids else ""].append(node)
    return list(_branches("", inside, lines, ""))


def _branches(
    parent: str,
    inside: Mapping[str, Sequence[Mapping[str, Any]]],
    lines: Callable[[Mapping[str, Any]], list[str]],
    indent: str,
) -> Iterable[str]:
    children = inside.get(parent, ())
    for number, node in enumerate(children, 1):
        is_last = number == len(children)
        below = indent + ("   " if is_last else "│  ")
        first, *rest = lines(node)
        yield f"{indent}{'└─ ' if is_last else '├─ '}{first}"
        stem = "│  " if inside.get(node["id"]) else "   "
        yield from (f"{below}{stem}{line}".rstrip() for line in rest)
        yield from _branches(node["id"], inside, lines, below)
