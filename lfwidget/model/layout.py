"""Where cards stand when a flow brings no positions: layers from left to right, frames laid out from inside out.

The usual four steps of Sugiyama's method, each kept plain: break cycles, rank by the longest path, order the layers by
barycentres, place them by least squares. Long edges get a dummy in every layer they cross, so they pass between cards;
edges that go back (the loops of an agent) run underneath.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lfwidget.model.graph import Edge, Graph, Node
from lfwidget.model.measure import text_width

__all__ = ["CARD", "PILL", "WORDS", "WORDS_SIZE", "layout"]

CARD = (230.0, 132.0)
PILL = (64.0, 32.0)
WORDS = 160.0
"""Pixels between two layers that the words at an edge, or the name of a port, may take."""
WORDS_SIZE = 11
_GAP_X = 72.0
_BESIDE_WORDS = 28.0
_GAP_Y = 28.0
_LANE = 18.0
_PADDING = 20.0
_HEADER = 34.0
_DUMMY = 10.0
_ORDER_SWEEPS = 6
_PLACE_SWEEPS = 8
_STRAIGHT_SWEEPS = 4
_STRAIGHT = 1000.0
_GRID_FROM = 4

Size = tuple[float, float]
Point = tuple[float, float]


@dataclass
class _Box:
    """The inside of one frame, or the whole canvas: where its children stand, from its own top left."""

    width: float = 0.0
    height: float = 0.0
    at: dict[str, Point] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)
    lines: list[tuple[Edge, list[Point]]] = field(default_factory=list)


def layout(graph: Graph, *, card: Size = CARD) -> Graph:
    """Give every card a position and a size, and every edge the points it passes.

    A graph whose cards all have positions is returned as it is.

    Args:
        graph: whose nodes may lie in each other.
        card: width and height of a card, pixels; a frame is at least as wide.

    Returns:
        A new graph; pixels at zoom 1, the top left of the flow at (0, 0).
    """
    cards = [node for node in graph["nodes"] if node.get("card", True)]
    if all("x" in node and "y" in node for node in cards):
        return graph
    children: dict[str, list[Node]] = defaultdict(list)
    ids = {node["id"] for node in cards}
    for node in cards:
        parent = node.get("parent", "")
        children[parent if parent in ids else ""].append(node)
    inside = _edges_by_parent(graph["edges"], children)
    boxes: dict[str, _Box] = {}
    _arrange("", children, inside, boxes, card)
    placed, points = _absolute("", (0.0, 0.0), boxes, children)
    return {
        "nodes": [_at(node, placed.get(node["id"])) for node in graph["nodes"]],
        "edges": [_through(edge, points.get(id(edge))) for edge in graph["edges"]],
    }


def _edges_by_parent(edges: Iterable[Edge], children: Mapping[str, Sequence[Node]]) -> dict[str, list[Edge]]:
    parent = {node["id"]: key for key, nodes in children.items() for node in nodes}
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        source, target = parent.get(edge["source"]), parent.get(edge["target"])
        if source is not None and source == target:
            found[source].append(edge)
    return found


def _arrange(
    parent: str,
    children: Mapping[str, list[Node]],
    edges: Mapping[str, list[Edge]],
    boxes: dict[str, _Box],
    card: Size,
) -> None:
    """Lay out the frames inside first: their size is needed here."""
    sizes: dict[str, Size] = {}
    for node in children.get(parent, ()):
        if node["id"] in children:
            _arrange(node["id"], children, edges, boxes, card)
            inner = boxes[node["id"]]
            sizes[node["id"]] = (max(card[0], inner.width + 2 * _PADDING), inner.height + 2 * _PADDING + _HEADER)
        else:
            width, height = PILL if node["type"] in ("start", "end") else card
            sizes[node["id"]] = node.get("width", width), node.get("height", height)
    boxes[parent] = _Layers(sizes, edges.get(parent, [])).box()
    boxes[parent].sizes = sizes


def _absolute(
    parent: str, origin: Point, boxes: Mapping[str, _Box], children: Mapping[str, list[Node]]
) -> tuple[dict[str, tuple[Point, Size]], dict[int, list[Point]]]:
    placed: dict[str, tuple[Point, Size]] = {}
    points: dict[int, list[Point]] = {}
    box = boxes[parent]
    for node in children.get(parent, ()):
        x, y = box.at[node["id"]]
        at = (origin[0] + x, origin[1] + y)
        if node["id"] in boxes:
            below = _absolute(node["id"], (at[0] + _PADDING, at[1] + _PADDING + _HEADER), boxes, children)
            placed |= below[0]
            points |= below[1]
        placed[node["id"]] = (at, box.sizes[node["id"]])
    for edge, line in box.lines:
        points[id(edge)] = [(origin[0] + x, origin[1] + y) for x, y in line]
    return placed, points


def _at(node: Node, place: tuple[Point, Size] | None) -> Node:
    if place is None:
        return node
    (x, y), (width, height) = place
    return {**node, "x": round(x, 1), "y": round(y, 1), "width": round(width, 1), "height": round(height, 1)}


def _through(edge: Edge, points: list[Point] | None) -> Edge:
    return {**edge, "points": [[round(x, 1), round(y, 1)] for x, y in points]} if points else edge


class _Layers:
    """The layers of one box. Nodes are numbers here: first the cards, then the dummies of long edges."""

    def __init__(self, sizes: Mapping[str, Size], edges: Sequence[Edge]) -> None:
        self._names = list(sizes)
        self._sizes = list(sizes.values())
        number = {name: i for i, name in enumerate(self._names)}
        self._edges = [(edge, number[edge["source"]], number[edge["target"]]) for edge in edges]
        self._back = self._back_edges()
        self._forward = [(edge, a, b) for i, (edge, a, b) in enumerate(self._edges) if i not in self._back]
        self._rank = self._ranks()
        self._chains: list[tuple[Edge, list[int]]] = []
        self._before: dict[int, list[int]] = defaultdict(list)
        self._after: dict[int, list[int]] = defaultdict(list)
        self._lay_chains()

    def box(self) -> _Box:
        """Place everything."""
        if not self._edges and len(self._names) > _GRID_FROM:
            return self._grid()
        layers = self._ordered()
        y = self._heights(layers)
        x, widths = self._columns(layers)
        top = min((y[i] - self._sizes[i][1] / 2 for i in range(len(self._names))), default=0.0)
        box = _Box()
        for i, name in enumerate(self._names):
            # Flush left: a line into a narrow card would else run behind the wide frame above it.
            box.at[name] = (x[self._rank[i]], y[i] - self._sizes[i][1] / 2 - top)
        box.width = max((box.at[n][0] + s[0] for n, s in zip(self._names, self._sizes, strict=False)), default=0.0)
        box.height = max((box.at[n][1] + s[1] for n, s in zip(self._names, self._sizes, strict=False)), default=0.0)
        self._route(box, x, widths, {i: at - top for i, at in y.items()})
        return box

    def _grid(self) -> _Box:
        """Cards that no edge joins stand in rows."""
        columns = math.ceil(math.sqrt(len(self._names)))
        width = max(size[0] for size in self._sizes)
        height = max(size[1] for size in self._sizes)
        box = _Box()
        for i, name in enumerate(self._names):
            box.at[name] = (i % columns * (width + _GAP_Y), i // columns * (height + _GAP_Y))
        box.width = columns * (width + _GAP_Y) - _GAP_Y
        box.height = math.ceil(len(self._names) / columns) * (height + _GAP_Y) - _GAP_Y
        return box

    def _back_edges(self) -> set[int]:
        """Edges that close a cycle, found depth first from the nodes in their given order."""
        out: dict[int, list[tuple[int, int]]] = defaultdict(list)
        entered = {b for _, a, b in self._edges if a != b}
        for i, (_, a, b) in enumerate(self._edges):
            out[a].append((i, b))
        back: set[int] = set()
        state = [0] * len(self._names)
        order = sorted(range(len(self._names)), key=lambda n: n in entered)
        for start in order:
            if state[start]:
                continue
            state[start] = 1
            stack = [(start, iter(out[start]))]
            while stack:
                node, rest = stack[-1]
                step = next(rest, None)
                if step is None:
                    state[node] = 2
                    stack.pop()
                elif state[step[1]] == 1:
                    back.add(step[0])
                elif not state[step[1]]:
                    state[step[1]] = 1
                    stack.append((step[1], iter(out[step[1]])))
        return back

    def _ranks(self) -> dict[int, int]:
        """The longest path from a source; a source stands right before what it feeds."""
        waiting = dict.fromkeys(range(len(self._names)), 0)
        out: dict[int, list[int]] = defaultdict(list)
        for _, a, b in self._forward:
            waiting[b] += 1
            out[a].append(b)
        rank = dict.fromkeys(waiting, 0)
        sources = [node for node, count in waiting.items() if not count]
        ready = list(sources)
        while ready:
            node = ready.pop()
            for after in out[node]:
                rank[after] = max(rank[after], rank[node] + 1)
                waiting[after] -= 1
                if not waiting[after]:
                    ready.append(after)
        for node in sources:
            if out[node]:
                rank[node] = min(rank[after] for after in out[node]) - 1
        return rank

    def _lay_chains(self) -> None:
        """Cut every edge into pieces from layer to layer."""
        for edge, a, b in self._forward:
            chain = [a]
            for rank in range(self._rank[a] + 1, self._rank[b]):
                dummy = len(self._sizes)
                self._sizes.append((0.0, _DUMMY))
                self._rank[dummy] = rank
                chain.append(dummy)
            chain.append(b)
            for before, after in pairwise(chain):
                self._after[before].append(after)
                self._before[after].append(before)
            self._chains.append((edge, chain))

    def _ordered(self) -> list[list[int]]:
        layers: list[list[int]] = [[] for _ in range(max(self._rank.values(), default=-1) + 1)]
        for node, rank in self._rank.items():
            layers[rank].append(node)
        place = {node: float(i) for layer in layers for i, node in enumerate(layer)}
        for sweep in range(_ORDER_SWEEPS):
            down = sweep % 2 == 0
            beside = self._before if down else self._after
            for layer in layers if down else reversed(layers):
                layer.sort(key=lambda node: _mean([place[n] for n in beside[node]], place[node]))
                place.update((node, float(i)) for i, node in enumerate(layer))
        return layers

    def _heights(self, layers: Sequence[Sequence[int]]) -> dict[int, float]:
        """The middle of every node: as near to its neighbours' as the order and the gaps allow."""
        y: dict[int, float] = {}
        for layer in layers:
            offsets = self._offsets(layer)
            y.update((node, at - offsets[-1] / 2) for node, at in zip(layer, offsets, strict=True))
        for sweep in range(_PLACE_SWEEPS):
            down = sweep % 2 == 0
            beside = self._before if down else self._after
            for layer in layers if down else reversed(layers):
                wanted = [_mean([y[n] for n in beside[node]], y[node]) for node in layer]
                self._settle(y, layer, wanted, [1.0] * len(layer))
        self._straighten(y, layers)
        return y

    def _straighten(self, y: dict[int, float], layers: Sequence[Sequence[int]]) -> None:
        """Draw each chain at one height where there is room: nodes that only follow each other pull hardest."""
        for sweep in range(_STRAIGHT_SWEEPS):
            down = sweep % 2 == 0
            here, there = (self._before, self._after) if down else (self._after, self._before)
            for layer in layers if down else reversed(layers):
                wanted, weights = [], []
                for node in layer:
                    if len(here[node]) == 1 and len(there[here[node][0]]) == 1:
                        wanted.append(y[here[node][0]])
                        weights.append(_STRAIGHT)
                    elif len(there[node]) == 1 and len(here[there[node][0]]) == 1:
                        wanted.append(y[node])
                        weights.append(_STRAIGHT)
                    else:
                        wanted.append(_mean([y[n] for n in (*here[node], *there[node])], y[node]))
                        weights.append(1.0)
                self._settle(y, layer, wanted, weights)

    def _settle(
        self, y: dict[int, float], layer: Sequence[int], wanted: Sequence[float], weights: Sequence[float]
    ) -> None:
        """Put the nodes of a layer as near as their order and the gaps allow to where they want to be."""
        offsets = self._offsets(layer)
        free = _monotone([want - at for want, at in zip(wanted, offsets, strict=True)], weights)
        y.update((node, base + at) for node, base, at in zip(layer, free, offsets, strict=True))

    def _offsets(self, layer: Sequence[int]) -> list[float]:
        """How far below the first node of a layer each one's middle is at least."""
        offsets = [0.0]
        for above, below in pairwise(layer):
            offsets.append(offsets[-1] + (self._sizes[above][1] + self._sizes[below][1]) / 2 + _GAP_Y)
        return offsets

    def _columns(self, layers: Sequence[Sequence[int]]) -> tuple[list[float], list[float]]:
        x, widths, at = [], [], 0.0
        gaps = self._gaps()
        for rank, layer in enumerate(layers):
            widths.append(max(self._sizes[node][0] for node in layer))
            x.append(at)
            at += widths[-1] + gaps[rank]
        return x, widths

    def _gaps(self) -> dict[int, float]:
        """How far each layer is from the next: what is written there must not run into a card."""
        gaps: dict[int, float] = defaultdict(lambda: _GAP_X)
        for edge, a, b in self._forward:
            words = {self._rank[b] - 1: edge.get("target_port", "")}
            if self._rank[b] - self._rank[a] == 1:
                words[self._rank[a]] = max(edge.get("label", ""), edge.get("target_port", ""), key=len)
            for rank, said in words.items():
                gaps[rank] = max(gaps[rank], min(text_width(said, WORDS_SIZE), WORDS) + _BESIDE_WORDS)
        return gaps

    def _route(self, box: _Box, x: Sequence[float], widths: Sequence[float], y: Mapping[int, float]) -> None:
        for edge, chain in self._chains:
            points = []
            for dummy in chain[1:-1]:
                left = x[self._rank[dummy]]
                points += [(left, y[dummy]), (left + widths[self._rank[dummy]], y[dummy])]
            if points:
                box.lines.append((edge, points))
        for i in sorted(self._back, key=lambda i: abs(self._rank[self._edges[i][1]] - self._rank[self._edges[i][2]])):
            edge, a, b = self._edges[i]
            box.height += _LANE
            right = box.at[self._names[a]][0] + self._sizes[a][0] + _LANE
            box.lines.append((edge, [(right, box.height), (box.at[self._names[b]][0] - _LANE, box.height)]))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _monotone(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest sequence that never falls, by weighted least squares (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, own in zip(wanted, weights, strict=True):
        mean, weight, count = value, own, 1
        while pools and pools[-1][0] > mean:
            before, pull, size = pools.pop()
            mean = (before * pull + mean * weight) / (pull + weight)
            weight += pull
            count += size
        pools.append((mean, weight, count))
    return [mean for mean, _, count in pools for _ in range(count)]
