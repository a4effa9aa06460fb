"""The runs of LangChain as the watch knows them, and whose attempt or item one is where LangChain does not say it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lfwidget.runners.langchain.slots import Slot

__all__ = ["Call", "Items", "attempt_of"]

_ATTEMPT = "retry:attempt:"


@dataclass(slots=True, eq=False)
class Call:
    """One run of LangChain. `span` is None for what only holds others together.

    Attributes:
        wrappers: the calls of which this is an attempt, or lies in one.
        owner: the innermost of them, where this is the attempt itself.
        item: what holds others together in the same item of a map, outermost first.
        items: the items, where this is a map.
        children: how many runs began in it.
        tried: how many attempts it had, where it is a wrapper.
        lost: whether the last of them failed.
        attempted: (node, span) of all that the last of them told.
        tries: the fallbacks in it by their slots, the tasks of a graph by their names.
        taken: the slots of its children.
        parent: the call it began in.
        value: its input.
        streams: whether it is a sequence whose steps are streamed, all at once.
        last: what the last of its children gave that ended; `left`: when.
    """

    slot: Slot
    name: str = ""
    host: str | None = None
    span: str | None = None
    within: str | None = None
    attempt: int = 1
    index: int | None = None
    wrappers: tuple[Call, ...] = ()
    owner: Call | None = None
    item: list[Call] | None = None
    items: Items | None = None
    children: int = 0
    tried: int = 0
    lost: bool = False
    ended: bool = False
    started: float = field(default_factory=time.perf_counter)
    said: bool = False
    called: bool = False
    mute: bool = False
    tries: dict[Any, Call] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    attempted: list[tuple[str, str]] = field(default_factory=list)
    parent: Call | None = None
    value: Any = None
    streams: bool = False
    last: Any = None
    left: float = 0.0

    def bear(self, child: Call) -> None:
        """Another run begins in this one."""
        child.parent = self
        child.host = child.slot.node or self.host
        child.within = self.span or self.within
        child.attempt, child.wrappers = self.attempt, self.wrappers
        child.index = self.index if child.index is None else child.index
        self.children += 1
        self.taken.add(id(child.slot))
        if child.slot.role == "tries":
            self.tries[id(child.slot)] = child
        if self.items is not None:
            self.items.begin(child)
        elif self.item is not None and child.slot.node is None:
            child.item = self.item
            child.item.append(child)

    def over(self, output: Any = None, *, failed: bool = False) -> None:
        """It ended."""
        self.ended = True
        if self.parent is not None:
            self.parent.last, self.parent.left = output, time.perf_counter()
        if failed and self.owner is not None:
            self.owner.lost = True
        if self.item is not None and self in self.item:
            self.item.remove(self)

    def task(self, metadata: Mapping[str, Any]) -> Call | None:
        """A task of a graph, by itself: LangGraph begins it anew where its node has a retry policy."""
        key = metadata.get("langgraph_checkpoint_ns")
        if key is None:
            return None
        if key not in self.tries:
            self.tries[key] = Call(self.slot, attempt=self.attempt, index=self.index, wrappers=self.wrappers)
        return self.tries[key]

    def hidden_owner(self, name: str, tags: Sequence[str]) -> Call | None:
        """The retry or the fallback inside a function that a child of it is an attempt of.

        A retry has the name of what it retries. `with_fallbacks` hands its attempts the config of its own parent, so
        they arrive as its siblings.
        """
        if self.slot.role != "opaque":
            return None
        if self.name == name and attempt_of(tags) == self.tried + 1:
            return self
        # Nothing tells these from each other or from other calls of the function: with several at once it is a guess.
        going = [call for call in self.tries.values() if not call.ended and (call.lost or not call.tried)]
        return min(going, key=lambda call: call.tried, default=None)


class Items:
    """The items of one map, and to which of them a run belongs that arrives as the map's own child.

    In `abatch` LangChain hands a runnable that is bound (`bind`, `with_config`, `with_retry`) the callbacks of the map
    in place of those of its item: `merge_configs` begins with the config of the context. Such runs start in the order
    of the items.

    Args:
        count: how many items there are.
    """

    def __init__(self, count: int) -> None:
        self.chains: list[list[Call]] = []
        self._count = count

    def begin(self, call: Call) -> None:
        """The next item starts with this call."""
        call.item = [call]
        self.chains.append(call.item)

    def owner(self, tags: Sequence[str]) -> Call | None:
        """The call that a child of the map is really a child of; None for an item itself."""
        if len(self.chains) < self._count:
            return None
        # All items begin at one level before any goes deeper, and with one fallback before any begins with the next.
        found = [
            (chain.index(call), call.tried if call.slot.role == "tries" else 0, call)
            for chain in self.chains
            if (call := _owner_in(chain, tags)) is not None
        ]
        return min(found, key=lambda it: it[:2])[2] if found else None


def _owner_in(chain: Sequence[Call], tags: Sequence[str]) -> Call | None:
    """The innermost call of an item that has a free place for a child with these tags."""
    for call in reversed(chain):
        slot = next((call.slot.tagged[tag] for tag in tags if tag in call.slot.tagged), None)
        if slot is not None:
            return None if id(slot) in call.taken else call
    for call in reversed(chain):
        if call.slot.role == "retry" and call.tried != attempt_of(tags) - 1:
            return None
        if call.slot.role in ("retry", "tries"):
            return call if call.lost or not call.tried else None
    return None


def attempt_of(tags: Iterable[str]) -> int:
    """Which attempt of a retry these tags tell of: LangChain tags all but the first."""
    return next((int(tag.removeprefix(_ATTEMPT)) for tag in tags if tag.startswith(_ATTEMPT)), 1)
