"""Two runs as one picture: the graph once, on every card A to the left and B to the right."""

from __future__ import annotations

from lfwidget.comparison.data import Comparison, NodeComparison, Side
from lfwidget.comparison.words import only_in, time_change
from lfwidget.model.graph import Node
from lfwidget.model.measure import fit
from lfwidget.record.draw import LINE, at, draw, number, rect, status_text, stripe, text, tokens, wrap
from lfwidget.record.words import seconds

__all__ = ["compare_svg"]

_HEAD = 30
_BODY = 68
_EDGE = 12
_GREY = "#d1d9e0"


def compare_svg(comparison: Comparison, title: str) -> str:
    """Draw two runs.

    Args:
        comparison: its graph has positions, for cards of the size `CARD`.
        title: for screen readers, as `<title>`.

    Returns:
        A whole SVG document. Everything that came from a model or a user is escaped.
    """
    nodes = comparison["nodes"]

    def frame(node: Node) -> str:
        return _frame(node, nodes[node["id"]])

    def card(node: Node) -> str:
        return _card(node, nodes[node["id"]])

    return draw(comparison["graph"], title, frame, card)


def _frame(node: Node, both: NodeComparison) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    dash = " class='f' rx='10' stroke-dasharray='4 3'"
    right = x + width - _EDGE
    signs = "".join(
        text(right - room, y + 22, name, "s") + status_text(side, right - room + 14, y + 22)
        for name, side, room in (("A", both["a"], 190), ("B", both["b"], 92))
        if side
    )
    lacking = text(right - (92 if both["a"] else 190), y + 22, only_in(both), "")
    title = text(x + 12, y + 22, fit(node["title"], width - 230, 13), "h")
    return rect(x, y, width, height, dash) + title + signs + lacking


def _card(node: Node, both: NodeComparison) -> str:
    width, height = node["width"], node["height"]
    half = width / 2
    return (
        f"<g transform='translate({at((node['x'], node['y']))})'>"
        + rect(0, 0, width, height, " rx='6' fill='#fff'")
        + _column(both["a"], "A", 4, half - 4, height)
        + _column(both["b"], "B", half, half, height)
        + rect(0, 0, width, height, " rx='6' fill='none' stroke='#8c959f'")
        + rect(0, 0, 4, height, f" rx='2' fill='{stripe(node)}'")
        + text(14, 20, fit(node["title"], width - 190, 13), "h")
        + text(width - _EDGE, 20, _aside(both), "e")
        + f"<path d='M4 {_HEAD}H{number(width)}M{number(half)} {_HEAD}V{number(height)}' stroke='{_GREY}'/>"
        + "</g>"
    )


def _aside(both: NodeComparison) -> str:
    """What stands beside the title: the difference in time, or that one of the runs lacks the node."""
    changed = time_change(both)
    return only_in(both) or (f"Δ {changed}" if changed else "")


def _column(side: Side | None, name: str, x: float, width: float, height: float) -> str:
    if side is None:
        grey = rect(x, _HEAD, width, height - _HEAD, " fill='#f6f8fa'")
        return grey + text(x + width / 2, (height + _HEAD) / 2 + 4, f"not in {name}", "c")
    left, right = x + 10, x + width - _EDGE
    lines = wrap(side["text"], right - left, 11, int((height - _BODY - 8) // LINE))
    return (
        text(left, 47, name, "s")
        + status_text(side, left + 14, 47)
        + text(right, 47, seconds(side["duration"], 1), "e")
        + text(left, 62, _first(side), "")
        + text(right, 62, tokens(side["tokens"]), "e")
        + "".join(text(left, _BODY + 14 + i * LINE, line, "m") for i, line in enumerate(lines))
    )


def _first(side: Side) -> str:
    return "" if side["first_token"] is None else f"first token {seconds(side['first_token'], 1)}"
