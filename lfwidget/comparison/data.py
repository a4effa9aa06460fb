"""Two runs side by side, as plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

from typing_extensions import TypedDict

from lfwidget.comparison.diff import Pieces, diff_words
from lfwidget.model.graph import Graph
from lfwidget.model.layout import layout
from lfwidget.model.preview import preview
from lfwidget.model.state import edge_key

__all__ = [
    "CARD",
    "NOTHING",
    "Comparison",
    "Difference",
    "NodeComparison",
    "RunHead",
    "Side",
    "compare_states",
    "whole_of",
]

CARD = (420.0, 176.0)
"""Width and height of a card with two columns, in px."""
_WHOLE = 1_000_000_000
"""Characters of an output that are compared: all."""

Costs: TypeAlias = Mapping[str, float | None] | None


class RunHead(TypedDict):
    """A run as a whole. Seconds and tokens; the cost as in `Table`; the error as "Type: message"."""

    name: str | None
    flow: str
    status: str
    duration: float | None
    usage: dict[str, int] | None
    cost: float | None
    input: Any
    started_at: str | None
    error: str | None


class Side(TypedDict):
    """A node in one of the runs. `text` is its error, else what it said, else what a person reads of its output."""

    status: str
    duration: float | None
    first_token: float | None
    tokens: int
    cost: float | None
    text: str


class Difference(TypedDict):
    """A parameter that differs, by its dotted path; None where a run has no such."""

    name: str
    a: Any
    b: Any


class Delta(TypedDict):
    """B less A; None where one of the two is not known."""

    duration: float | None
    first_token: float | None
    tokens: int | None
    cost: float | None


NodeComparison = TypedDict(
    "NodeComparison",
    {  # since `in` is a keyword
        "in": list[bool],
        "params": list[Difference],
        "a": Side | None,
        "b": Side | None,
        "delta": Delta,
        "text_diff": Pieces,
    },
)


class Comparison(TypedDict):
    """Two runs: first A, then B. `nodes` holds every node of the graph, by id; the graph is that of both, laid out."""

    runs: list[RunHead]
    graph: Graph
    nodes: dict[str, NodeComparison]
    output_diff: Pieces


NOTHING: Side = {"status": "idle", "duration": None, "first_token": None, "tokens": 0, "cost": None, "text": ""}
"""What is known of a node that a run does not have."""


def compare_states(a: dict[str, Any], b: dict[str, Any], *, costs: tuple[Costs, Costs] = (None, None)) -> Comparison:
    """Compare two finished runs, node by node.

    Args:
        a: `RunState.to_json()` of the run that is compared with.
        b: that of the other; where both know a node, it is drawn as here.
        costs: of the nodes of each, by id; None where no price is known.

    Returns:
        Plain JSON data. Nodes are the same where their ids are.
    """
    sides = [_sides(state, known or {}) for state, known in zip((a, b), costs, strict=True)]
    defined = [{node["id"]: node for node in state["graph"]["nodes"]} for state in (a, b)]
    graph = _union(a["graph"], b["graph"])
    return {
        "runs": [_head(a, costs[0] or {}), _head(b, costs[1] or {})],
        "graph": graph,
        "nodes": {
            name: _node(sides[0].get(name), sides[1].get(name), [known.get(name) for known in defined])
            for name in (node["id"] for node in graph["nodes"])
        },
        "output_diff": diff_words(*(state["text"] or preview(state["output"], _WHOLE) for state in (a, b))),
    }


def _head(state: dict[str, Any], costs: Mapping[str, float | None]) -> RunHead:
    cards = {node["id"] for node in state["graph"]["nodes"] if node.get("card", True)}
    known = [cost for name, cost in costs.items() if name in cards and cost is not None]
    return {
        "name": state["name"],
        "flow": state["flow"],
        "status": state["status"],
        "duration": state["duration"],
        "usage": state["usage"],
        "cost": sum(known) if known else None,
        "input": state["input"],
        "started_at": state["started_at"],
        "error": _error(state),
    }


def _sides(state: dict[str, Any], costs: Mapping[str, float | None]) -> dict[str, Side]:
    return {node["id"]: _side(state["nodes"][node["id"]], costs.get(node["id"])) for node in state["graph"]["nodes"]}


def _side(node: Mapping[str, Any], cost: float | None) -> Side:
    return {
        "status": node["status"],
        "duration": node["duration"],
        "first_token": node["first_token"],
        "tokens": node["tokens"],
        "cost": cost,
        "text": _error(node) or node["text"] or preview(node["output"], _WHOLE),
    }


def _error(state: Mapping[str, Any]) -> str | None:
    return f"{state['error']['type']}: {state['error']['message']}" if state["error"] else None


def _node(a: Side | None, b: Side | None, definitions: Sequence[Mapping[str, Any] | None]) -> NodeComparison:
    first, second = definitions
    return {
        "in": [a is not None, b is not None],
        "params": _differences(_described(first), _described(second)) if first and second else [],
        "a": a,
        "b": b,
        "delta": {
            "duration": _less(a, b, "duration"),
            "first_token": _less(a, b, "first_token"),
            "tokens": _less(a, b, "tokens"),
            "cost": _less(a, b, "cost"),
        },
        "text_diff": diff_words(a["text"] if a else "", b["text"] if b else ""),
    }


def _less(a: Side | None, b: Side | None, key: str) -> Any:
    """B less A, without what binary fractions add to six decimals."""
    before, after = (side[key] if side else None for side in (a, b))  # type: ignore[literal-required] # one of four
    return None if before is None or after is None else round(after - before, 9)


def _described(node: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen for a node. The name of a model, and the class of a parser, are in its subtitle only."""
    return {key: node.get(key) for key in ("type", "title", "subtitle")} | (node.get("params") or {})


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], path: str = "") -> list[Difference]:
    found: list[Difference] = []
    for key in dict.fromkeys(chain(a, b)):
        one, other = a.get(key), b.get(key)
        if {type(one), type(other)} in ({dict}, {dict, type(None)}):
            found += _differences(one or {}, other or {}, f"{path}{key}.")
        elif one != other or isinstance(one, bool) != isinstance(other, bool):
            found.append({"name": f"{path}{key}", "a": one, "b": other})
    return found


def _union(a: Graph, b: Graph) -> Graph:
    """Both graphs as one, laid out for cards of two columns; what both have is as in b."""
    nodes = {node["id"]: node for node in chain(a["nodes"], b["nodes"])}
    edges = {edge_key(dict(edge)): edge for edge in chain(a["edges"], b["edges"])}
    bare: Graph = {
        "nodes": [_without(node, "x", "y", "width", "height") for node in nodes.values()],
        "edges": [_without(edge, "points") for edge in edges.values()],
    }
    return layout(bare, card=CARD)


def _without(item: Mapping[str, Any], *keys: str) -> Any:
    return {key: value for key, value in item.items() if key not in keys}


def whole_of(comparison: Comparison) -> NodeComparison:
    """Both runs as if each were a node; as of a node, the tokens are those of the output."""
    a, b = (_run_side(run) for run in comparison["runs"])
    return {**_node(a, b, (None, None)), "text_diff": comparison["output_diff"]}


def _run_side(run: RunHead) -> Side:
    tokens = (run["usage"] or {}).get("output_tokens", 0)
    return {**NOTHING, "status": run["status"], "duration": run["duration"], "tokens": tokens, "cost": run["cost"]}
