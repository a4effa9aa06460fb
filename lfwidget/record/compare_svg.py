"""Two runs as one picture: the graph once, on every card A to the left and B to the right. See `svg.py` for its rules.

The shapes of a comparison and its figures in words are here too: the table below the picture needs them as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any, TypeAlias

from typing_extensions import TypedDict

from lfwidget.model.graph import Graph, Node
from lfwidget.model.layout import layout
from lfwidget.model.measure import fit
from lfwidget.model.preview import preview
from lfwidget.model.state import _edge_key
from lfwidget.record.html import seconds
from lfwidget.record.svg import (
    _LINE,
    _STRIPES,
    STATUS_GLYPHS,
    STATUS_WORDS,
    _at,
    _bounds,
    _clean,
    _edge,
    _number,
    _open,
    _pill,
    _rect,
    _seconds,
    _status,
    _text,
    _tokens,
    _wrap,
)

__all__ = [
    "CARD",
    "Comparison",
    "Difference",
    "NodeComparison",
    "Pieces",
    "RunHead",
    "Side",
    "change",
    "compare_svg",
    "in_words",
    "only_in",
    "say_cost",
    "status_word",
    "time_change",
    "union",
]

CARD = (420.0, 176.0)
_HEAD = 30
_BODY = 68
_EDGE = 12
_LONGEST_ERROR = 300
_GREY = "#d1d9e0"


Pieces: TypeAlias = list[list[str]]
"""Pairs of "=", "-" or "+", and words with their white space: "=" and "-" joined are text a, "=" and "+" are text b."""


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


def compare_svg(comparison: Comparison, title: str) -> str:
    """Draw two runs.

    Args:
        comparison: its graph has positions, for cards of the size `CARD`.
        title: for screen readers, as `<title>`.

    Returns:
        A whole SVG document. Everything that came from a model or a user is escaped.
    """
    graph, nodes = comparison["graph"], comparison["nodes"]
    cards = [node for node in graph["nodes"] if node.get("card", True) and "x" in node]
    frames = {node.get("parent", "") for node in cards}
    by_id = {node["id"]: node for node in cards}
    box = _bounds(cards, graph["edges"])
    parts = [_open(box), f"<title>{_clean(title)}</title>", _rect(*box, " fill='#fff'")]
    parts += [_frame(node, nodes[node["id"]]) for node in cards if node["id"] in frames]
    parts += [_edge(edge, by_id) for edge in graph["edges"] if edge["source"] in by_id and edge["target"] in by_id]
    parts += [_card(node, nodes[node["id"]]) for node in cards if node["id"] not in frames]
    return "".join([*parts, "</svg>"])


def union(a: Graph, b: Graph) -> Graph:
    """Both graphs as one, laid out for cards of two columns; what both have is as in b."""
    nodes = {node["id"]: node for node in chain(a["nodes"], b["nodes"])}
    edges = {_edge_key(dict(edge)): edge for edge in chain(a["edges"], b["edges"])}
    bare: Graph = {
        "nodes": [_without(node, "x", "y", "width", "height") for node in nodes.values()],
        "edges": [_without(edge, "points") for edge in edges.values()],
    }
    return layout(bare, card=CARD)


def _without(item: Mapping[str, Any], *keys: str) -> Any:
    return {key: value for key, value in item.items() if key not in keys}


def in_words(comparison: Comparison, whole: NodeComparison) -> list[str]:
    """Both runs, and what is between them, in a line each: the head of the picture, and what stands for it.

    Args:
        comparison: whose runs are told of.
        whole: the runs, each as if it were a node.
    """
    delta = whole["delta"]
    tokens = change(delta["tokens"], "output tokens") if delta["tokens"] else ""
    parts = (f"Δ (B less A): {time_change(whole)}", tokens, say_cost(delta["cost"], "cost ", sign=True))
    heads = [_run_in_words(name, run) for name, run in zip("AB", comparison["runs"], strict=True)]
    return [*heads, " · ".join(filter(None, parts))]


def _run_in_words(name: str, run: RunHead) -> str:
    tokens = f"{run['usage'].get('total_tokens', 0)} tokens" if run["usage"] else ""
    figures = (status_word(run["status"]), seconds(run["duration"]), tokens, say_cost(run["cost"], "cost "))
    parts = (f"{name}: {run['name'] or run['flow']}", *figures, preview(run["error"], _LONGEST_ERROR))
    return " · ".join(filter(None, parts))


def status_word(status: str) -> str:
    """The sign and the word of a status, as a card has them."""
    return f"{STATUS_GLYPHS[status]} {STATUS_WORDS.get(status, status)}"


def only_in(node: NodeComparison) -> str:
    """Which run alone has the node, in words; nothing where both have."""
    return "" if all(node["in"]) else f"only in {'A' if node['in'][0] else 'B'}"


def change(value: float | None, unit: str = "s") -> str:
    """B less A with its sign: seconds, or a count of `unit`; nothing where it is not known."""
    if value is None:
        return ""
    sign, size = _sign(value), abs(value)
    if unit != "s":
        return f"{sign}{size} {unit}".rstrip()
    return f"{sign}{size * 1000:.0f} ms" if size < 1 else f"{sign}{size:.2f} s"


def time_change(both: NodeComparison) -> str:
    """How much longer B took, and which share of A's time that is."""
    longer, before = both["delta"]["duration"], both["a"]["duration"] if both["a"] else None
    if longer is None or not before:
        return change(longer)
    share = round(100 * longer / before)
    return f"{change(longer)} ({_sign(share)}{abs(share)} %)"


def say_cost(value: float | None, before: str = "", *, sign: bool = False) -> str:
    """A cost, to the six decimals that `Table` has; nothing where no price is known."""
    return "" if value is None else f"{before}{_sign(value) if sign else ''}{abs(value):.6f}"


def _sign(value: float) -> str:
    return "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "±"


def _frame(node: Node, both: NodeComparison) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    dash = " class='f' rx='10' stroke-dasharray='4 3'"
    right = x + width - _EDGE
    signs = "".join(
        _text(right - room, y + 22, name, "s") + _status(side, right - room + 14, y + 22)
        for name, side, room in (("A", both["a"], 190), ("B", both["b"], 92))
        if side
    )
    lacking = _text(right - (92 if both["a"] else 190), y + 22, only_in(both), "")
    title = _text(x + 12, y + 22, fit(node["title"], width - 230, 13), "h")
    return _rect(x, y, width, height, dash) + title + signs + lacking


def _card(node: Node, both: NodeComparison) -> str:
    if node["type"] in ("start", "end"):
        return _pill(node)
    width, height = node["width"], node["height"]
    half = width / 2
    return (
        f"<g transform='translate({_at((node['x'], node['y']))})'>"
        + _rect(0, 0, width, height, " rx='6' fill='#fff'")
        + _column(both["a"], "A", 4, half - 4, height)
        + _column(both["b"], "B", half, half, height)
        + _rect(0, 0, width, height, " rx='6' fill='none' stroke='#8c959f'")
        + _rect(0, 0, 4, height, f" rx='2' fill='{_STRIPES.get(node['type'], '#59636e')}'")
        + _text(14, 20, fit(node["title"], width - 190, 13), "h")
        + _text(width - _EDGE, 20, _aside(both), "e")
        + f"<path d='M4 {_HEAD}H{_number(width)}M{_number(half)} {_HEAD}V{_number(height)}' stroke='{_GREY}'/>"
        + "</g>"
    )


def _aside(both: NodeComparison) -> str:
    """What stands beside the title: the difference in time, or that one of the runs lacks the node."""
    changed = time_change(both)
    return only_in(both) or (f"Δ {changed}" if changed else "")


def _column(side: Side | None, name: str, x: float, width: float, height: float) -> str:
    if side is None:
        grey = _rect(x, _HEAD, width, height - _HEAD, " fill='#f6f8fa'")
        return grey + _text(x + width / 2, (height + _HEAD) / 2 + 4, f"not in {name}", "c")
    left, right = x + 10, x + width - _EDGE
    lines = _wrap(side["text"], right - left, 11, int((height - _BODY - 8) // _LINE))
    return (
        _text(left, 47, name, "s")
        + _status(side, left + 14, 47)
        + _text(right, 47, _seconds(side["duration"]), "e")
        + _text(left, 62, _first(side), "")
        + _text(right, 62, _tokens(side["tokens"]), "e")
        + "".join(_text(left, _BODY + 14 + i * _LINE, line, "m") for i, line in enumerate(lines))
    )


def _first(side: Side) -> str:
    return "" if side["first_token"] is None else f"first token {_seconds(side['first_token'])}"
