"""Where a run of LangChain belongs: a tree of slots beside the graph, and how a child run finds its slot.

LangChain says of a run only its parent, its name and its tags (`seq:step:2`, `map:key:joke`, `branch:default`,
`retry:attempt:2`), LangGraph adds metadata (`langgraph_node`, `langgraph_path`). Neither names nor objects are
unique, so a run is placed by its parent's slot and its own tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Slot"]


@dataclass
class Slot:
    """One place of a flow that LangChain makes a run for.

    Args:
        node: id of the node its runs are shown on; None for what only holds others together (a sequence, a retry).
        role: how untagged children are placed: `step` by tag only, `graph` by LangGraph's metadata, `one` all in the
            same slot, `each` the same and counted as items, `retry` the same and counted as attempts, `tries` one after
            the other (fallbacks), `opaque` as calls found inside a function.
        tagged: child slots by LangChain's tag, or by node name where the role is `graph`.
        rest: the slots of untagged children.
        sync: whether it is a plain function that cannot be stopped once it runs in its thread.
    """

    node: str | None
    role: Literal["step", "graph", "one", "each", "retry", "tries", "opaque"] = "step"
    tagged: dict[str, Slot] = field(default_factory=dict)
    rest: list[Slot] = field(default_factory=list)
    sync: bool = False

    def place(self, tags: Sequence[str], metadata: Mapping[str, Any], ordinal: int) -> tuple[Slot | None, int | None]:
        """The slot of a child run, and its place among several runs of it: an item of a map, an attempt, a fan-out.

        Args:
            tags: the child's tags.
            metadata: the child's metadata.
            ordinal: how many untagged children the parent run had before.

        Returns:
            (None, None) for a call that no graph foresees.
        """
        if self.role == "graph":
            return self.tagged.get(str(metadata.get("langgraph_node"))), _fan_out(metadata)
        for tag in tags:
            if tag in self.tagged:
                return self.tagged[tag], None
        if not self.rest:
            return None, None
        if self.role == "tries":
            return self.rest[min(ordinal, len(self.rest) - 1)], None
        return self.rest[0], ordinal if self.role == "each" else None

    def nodes(self) -> Iterator[str]:
        """The ids of the nodes of this slot and all below it."""
        if self.node is not None:
            yield self.node
        for slot in [*self.tagged.values(), *self.rest]:
            yield from slot.nodes()


def _fan_out(metadata: Mapping[str, Any]) -> int | None:
    """The index of a `Send`, which LangGraph keeps in the path of the task."""
    path: Sequence[Any] = metadata.get("langgraph_path") or ()
    if len(path) > 1 and path[0] == "__pregel_push" and isinstance(path[1], int):
        return path[1]
    return None
