"""The few figures per node that observers in Python see: `FlowWidget.nodes`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lfwidget.model.node_state import NodeState
from lfwidget.model.state import RunState
from lfwidget.widget.feed import Feed

__all__ = ["Board"]


class Board:
    """{node id: {status, tokens, duration}} of one run at a time; only what changed is worked out again."""

    def __init__(self) -> None:
        self._feed: Feed | None = None
        self._nodes: dict[str, dict[str, Any]] = {}

    def of(self, feed: Feed | None) -> dict[str, dict[str, Any]]:
        """The figures after the newest event that was sent."""
        if feed is None:
            return {}
        touched, feed.touched = feed.touched, set()
        if feed is not self._feed or "" in touched:
            self._feed, self._nodes = feed, {}
            cards: Iterable[NodeState] = feed.state.nodes.values()
        else:
            cards = filter(None, (_card(node, feed.state) for node in touched))
        self._nodes = {**self._nodes, **{node.id: _figures(node) for node in cards if node.has_card}}
        return self._nodes


def _card(node_id: str, state: RunState) -> NodeState | None:
    """The card on which a node shows: its own, or that of the nearest node around it that has one."""
    node = state.nodes.get(node_id)
    while node is not None and not node.has_card:
        node = state.nodes.get(node.parent or "")
    return node


def _figures(node: NodeState) -> dict[str, Any]:
    return {"status": node.status, "tokens": node.tokens, "duration": node.duration}
