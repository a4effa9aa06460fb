"""One run's log as all its watchers share it: each event encoded once, each frame joined once, a cursor per watcher.

A queue per watcher costs memory for each one that is slow, and one frame per event costs 4 to 100 times the CPU of
frames at 30 Hz; here a watcher that is behind only takes larger frames.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from lfwidget.model.log import ENDS

__all__ = ["Archive", "Entry", "Except", "Frame", "Nodes", "SharedLog", "encode"]

Nodes: TypeAlias = Container[str] | None
_LARGEST_FRAME = 256_000
"""Characters of a frame of more than one event."""
_MOST_FRAMES = 64
_OLDER = 2_000
"""Events that are read from the archive at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it is relayed.

    Attributes:
        text: its JSON.
        node: which node it concerns; "" for the whole run.
        kind: of event.
    """

    text: str
    node: str
    kind: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent to a watcher at once.

    Attributes:
        text: JSON of one message.
        last: the `seq` the watcher has after it.
        count: events in it.
        gap: whether it says that events are missing.
    """

    text: str
    last: int
    count: int
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Except:
    """All nodes but these."""

    nodes: Container[str]

    def __contains__(self, node: object) -> bool:
        return node not in self.nodes


class Archive(Protocol):
    """Keeps the events that are no longer in memory."""

    async def read(self, after: int, most: int) -> tuple[int, Sequence[Entry]]:
        """At most so many events after `after`, and the `seq` of the first: a later one where some are lost.

        No events, and no later `seq`, if they cannot be had just now.
        """


class SharedLog:
    """The events of one run.

    Args:
        run: its id.
        epoch: of this log: positions in another one mean nothing here.
        room: of which the run is one; "" for none.
        archive: gives older events; None where all are kept in memory.
        keep: events to keep in memory; 0 for all.
        period: seconds between two frames, at least.

    Attributes:
        ended: whether the run has ended.
        alive: whether its producer is heard of.
        reason: why he is not, where that is not his doing.
        gone: whether it was withdrawn, or forgotten.
        watchers: how many watch.
    """

    def __init__(  # noqa: PLR0913 - it is made in one place of each store
        self,
        run: str,
        epoch: str,
        *,
        room: str = "",
        archive: Archive | None = None,
        keep: int = 0,
        period: float = 0.033,
    ) -> None:
        self.run, self.epoch, self.room = run, epoch, room
        self.ended = False
        self.alive = True
        self.reason = ""
        self.gone = False
        self.watchers = 0
        self._archive, self._keep, self._period = archive, keep, period
        self._entries: list[Entry] = []
        self._base = 0
        self._frames: dict[tuple[int, Nodes], tuple[Frame, int]] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._due: asyncio.TimerHandle | None = None
        self._told = 0.0

    @property
    def head(self) -> int:
        """`seq` of the newest event; 0 while there is none."""
        return self._base + len(self._entries)

    @property
    def watched(self) -> bool:
        """Whether anybody would hear of something new."""
        return bool(self._listeners)

    @property
    def started(self) -> bool:
        """Whether it has its first event."""
        return self.head > 0

    # What comes in, on the gateway's loop

    def begin_at(self, seq: int, *, ended: bool = False) -> None:
        """Leave everything up to `seq` to the archive."""
        self._base, self._entries = seq, []
        self.ended = ended

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add what follows the newest event, and tell the watchers, at most once in a period."""
        for entry in entries:
            self._entries.append(entry)
            self.ended = self.ended or entry.kind in ENDS
        if self._keep and len(self._entries) > self._keep:
            gone = len(self._entries) - self._keep
            del self._entries[:gone]
            self._base += gone
        self.tell()

    def reset(self, epoch: str, archive: Archive | None = None) -> None:
        """Begin again: another log has taken the place of this one."""
        self.epoch, self._archive = epoch, archive
        self._frames.clear()
        self.begin_at(0)
        self.tell()

    def withdraw(self) -> None:
        """Say that it is gone."""
        self.gone = True
        self.tell()

    def set_alive(self, *, alive: bool, reason: str = "") -> None:
        """Say whether the producer is heard of."""
        if (alive, reason) != (self.alive, self.reason):
            self.alive, self.reason = alive, reason
            self.tell()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called when there is something new.

        Returns:
            A function that ends the subscription.
        """
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def tell(self) -> None:
        """Wake the watchers: now, or when the period since the last time is over."""
        if self._due is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._told + self._period - loop.time()
        if wait <= 0:
            self._tell_now()
        else:
            self._due = loop.call_later(wait, self._tell_now)

    def _tell_now(self) -> None:
        self._due = None
        self._told = asyncio.get_running_loop().time()
        for listener in list(self._listeners):
            listener()

    # What goes out

    async def after(self, seq: int, nodes: Nodes = None, upto: int | None = None) -> Frame | None:
        """The next frame for somebody who has the events up to `seq`; None if that is all there is just now.

        Args:
            seq: what the watcher has.
            nodes: ids of the nodes to tell of; None for all. "" stands for what concerns the whole run.
            upto: events after this one are not wanted.
        """
        head = self.head if upto is None else min(upto, self.head)
        if seq >= head:
            return None
        known = self._frames.get((seq, nodes)) if upto is None else None
        if known is not None and known[1] in (0, head):
            return known[0]
        if seq < self._base:
            return await self._older(seq, nodes, min(head, self._base))
        frame, full = self._frame(seq, self._entries[seq - self._base : head - self._base], nodes)
        if upto is None:
            if len(self._frames) >= _MOST_FRAMES:
                self._frames.clear()
            # A frame that is full stays what it is; the others are for those who ask before the next event.
            self._frames[seq, nodes] = (frame, 0 if full else head)
        return frame

    async def _older(self, seq: int, nodes: Nodes, upto: int) -> Frame | None:
        first, entries = (upto + 1, ()) if self._archive is None else await self._archive.read(seq, _OLDER)
        if first > seq + 1:
            return self.gap(seq, min(upto, first - 1))
        entries = entries[: upto - seq]
        # Who reads through a long log is not alone here.
        await asyncio.sleep(0)
        return self._frame(seq, entries, nodes)[0] if entries else None

    def gap(self, seq: int, upto: int, reason: str = "these events are kept no longer") -> Frame:
        """Says that events after `seq` are missing."""
        words = {"kind": "gap", "run": self.run, "epoch": self.epoch, "from": seq + 1, "to": upto, "reason": reason}
        return Frame(json.dumps(words), upto, 0, gap=True)

    def _frame(self, seq: int, entries: Sequence[Entry], nodes: Nodes) -> tuple[Frame, bool]:
        texts: list[str] = []
        size, last = 0, seq
        for entry in entries:
            if nodes is None or entry.node in nodes:
                if texts and size + len(entry.text) > _LARGEST_FRAME:
                    break
                texts.append(entry.text)
                size += len(entry.text)
            last += 1
        run = json.dumps(self.run)
        text = f'{{"kind":"frame","run":{run},"seq":{last},"events":[{",".join(texts)}]}}'
        return Frame(text, last, len(texts)), last < seq + len(entries)


def encode(events: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Events as they are relayed.

    Raises:
        ValueError: there is a number in one that JSON does not have.
    """
    return [
        Entry(
            json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
            _node_of(event),
            event["kind"],
        )
        for event in events
    ]


def _node_of(event: Mapping[str, Any]) -> str:
    """In an event of a kind that nobody knows yet, it may be anything."""
    node = event.get("node")
    return node if isinstance(node, str) else ""
