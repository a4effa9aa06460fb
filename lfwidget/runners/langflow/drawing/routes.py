"""Ways of edges round the cards between their ends: in LangFlow cards are higher, and lines pass elsewhere."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from lfwidget.model.graph import Node

__all__ = ["Routes"]

_CLEAR = 16.0
"""Pixels between a card and a line that goes round it."""
_MANY = 1500
"""Above so many cards, lines may run behind them."""

_Points = list[list[float]]


class Routes:
    """The cards of a flow that lines have to go round.

    Args:
        nodes: with their places; notes are no obstacles, since they lie below the lines.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._levels: dict[str, list[Node]] = defaultdict(list)
        for node in nodes:
            if "x" in node and node["type"] != "note":
                self._levels[node.get("parent", "")].append(node)
        for level in self._levels.values():
            level.sort(key=lambda node: node["x"])
        self._lefts = {parent: [node["x"] for node in level] for parent, level in self._levels.items()}

    def back(self, source: Node, target: Node) -> _Points:
        """Back to where a loop begins: out to the right, and below both cards and those between them."""
        left, right = sorted((source["x"], target["x"]))
        between = [node for node in self._level(source) if left <= node["x"] <= right]
        below = max(node["y"] + node["height"] for node in between) + _CLEAR
        return [[source["x"] + source["width"] + _CLEAR, below], [target["x"] - _CLEAR, below]]

    def forward(self, source: Node, target: Node, start_y: float, end_y: float) -> _Points:
        """Round the cards that the line from one port to another would pass behind; nothing where there are none.

        Args:
            source: the node it leaves.
            target: the node it leads to.
            start_y: of the port that it leaves.
            end_y: of the port that it leads to.
        """
        points: _Points = []
        start, end = (source["x"] + source["width"], start_y), (target["x"], end_y)
        for node in self._between(source, start[0], end[0]):
            left, right = node["x"], node["x"] + node["width"]
            top, bottom = node["y"] - _CLEAR, node["y"] + node["height"] + _CLEAR
            ways = [_height(start, end, x) for x in (left, (left + right) / 2, right)]
            if any(top < way < bottom for way in ways):
                y = top if ways[1] - top < bottom - ways[1] else bottom
                points += [[round(left, 1), round(y, 1)], [round(right, 1), round(y, 1)]]
                start = (right, y)
        return points

    def _level(self, node: Node) -> Sequence[Node]:
        level = self._levels[node.get("parent", "")]
        return level if len(level) <= _MANY else [node]

    def _between(self, source: Node, start: float, end: float) -> Iterable[Node]:
        parent = source.get("parent", "")
        if end <= start or len(self._levels[parent]) > _MANY:
            return
        last = start
        lefts = self._lefts[parent]
        for node in self._levels[parent][bisect_left(lefts, start) : bisect_right(lefts, end)]:
            # One after the other: where two stand above each other, the line keeps to the way round the first.
            if last <= node["x"] and node["x"] + node["width"] <= end:
                yield node
                last = node["x"]


def _height(start: tuple[float, float], end: tuple[float, float], x: float) -> float:
    """About where a curve that is level at both ends is at `x`."""
    part = min(max((x - start[0]) / ((end[0] - start[0]) or 1.0), 0.0), 1.0)
    return start[1] + (end[1] - start[1]) * part * part * (3 - 2 * part)
