"""Calls found inside opaque functions while a flow runs: nodes without a card, announced when they are first seen."""

from __future__ import annotations

from collections.abc import Iterable

from lfwidget.model.graph import Node, NodeType
from lfwidget.model.log import RunLog
from lfwidget.runners.langchain.slots import Slot

__all__ = ["Discoveries"]

_HOLDS_TOGETHER = ("RunnableSequence", "RunnableWithFallbacks", "RunnableEach", "RunnableAssign", "RunnableParallel")
_TYPES: dict[str, NodeType] = {
    "model": "model",
    "prompt": "prompt",
    "parser": "parser",
    "retriever": "retriever",
    "tool": "tool",
}


class Discoveries:
    """The nodes that one run has found. Its owner holds the lock.

    Args:
        log: gets a `graph.changed` for each new node.
        taken: the ids that the graph has already.
    """

    def __init__(self, log: RunLog, taken: Iterable[str]) -> None:
        self._log = log
        self._slots: dict[tuple[str | None, str, str], Slot] = {}
        self._ids = set(taken)

    def slot(self, host: str | None, kind: str, name: str) -> Slot:
        """The slot of a call that no graph foresees; calls of the same kind and name in one node share it.

        Args:
            host: id of the node it happens in.
            kind: `model`, `prompt`, `parser`, `tool`, `retriever` or `chain`.
            name: LangChain's name for it.
        """
        if kind == "chain" and name.startswith(_HOLDS_TOGETHER):
            return Slot(None, "tries" if name.startswith("RunnableWithFallbacks") else "opaque")
        key = (host, kind, name)
        if key not in self._slots:
            self._slots[key] = Slot(self._announce(host, kind, name), "opaque")
        return self._slots[key]

    def _announce(self, host: str | None, kind: str, name: str) -> str:
        word = kind if kind in ("model", "prompt", "parser", "retriever") else name
        wanted = f"{host}/{word}" if host else word
        node_id, count = wanted, 1
        while node_id in self._ids:
            count += 1
            node_id = f"{wanted}-{count}"
        self._ids.add(node_id)
        node: Node = {"id": node_id, "title": name, "type": _TYPES.get(kind, "function"), "card": False}
        if host:
            node["parent"] = host
        self._log.append("graph.changed", nodes=[node], edges=[])
        return node_id
