"""Graphs for the page: as many cards as asked, in columns, joined as flows are: mostly forward, now and then far."""

from __future__ import annotations

import math
import random
from typing import Any

__all__ = ["grid"]

WIDTH, HEIGHT, GAP_X, GAP_Y = 230, 132, 90, 40
TYPES = ("prompt", "model", "parser", "tool", "function")


def grid(count: int) -> dict[str, Any]:
    """Positions come with the graph, as from the kernel: what is measured is drawing, not layout."""
    rows = max(1, round(math.sqrt(count * 0.9)))
    return {"nodes": [_node(index, rows) for index in range(count)], "edges": _edges(count, rows)}


def _node(index: int, rows: int) -> dict[str, Any]:
    column, row = divmod(index, rows)
    return {
        "id": f"node-{index}",
        "title": f"Step number {index}",
        "subtitle": "ChatSomething",
        "type": TYPES[index % len(TYPES)],
        "x": column * (WIDTH + GAP_X),
        "y": row * (HEIGHT + GAP_Y),
        "width": WIDTH,
        "height": HEIGHT,
    }


def _edges(count: int, rows: int) -> list[dict[str, str]]:
    """About 1.4 edges a node, from the same generator each time."""
    source_of = random.Random(7)
    pairs = set()
    for target in range(rows, count):
        column = target // rows
        pairs.add(((column - 1) * rows + source_of.randrange(rows), target))
        if source_of.random() < 0.4:
            pairs.add((source_of.randrange(column * rows), target))
    return [{"source": f"node-{source}", "target": f"node-{target}"} for source, target in sorted(pairs)]
