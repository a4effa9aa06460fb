"""What one watcher follows: a run, or the runs of a room, each from a position of its own. No socket lives here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lfwidget.gateway.refused import StoreAwayError
from lfwidget.gateway.shared_log import Except, SharedLog
from lfwidget.gateway.store import Room, Store

__all__ = ["Following", "Position", "positions"]

Position = tuple[str, int]
"""An epoch, and the `seq` of the last event somebody has of it; the epoch is "" where he does not say."""
_LONGEST_EPOCH = 64


def positions(text: str) -> list[Position]:
    """What `since=` and `Last-Event-ID` say: `<epoch>:<seq>`, or only `<seq>`; several, for a room, between commas.

    Raises:
        ValueError: it says something else.
    """
    return [_position(part) for part in text.split(",") if part]


def _position(part: str) -> Position:
    epoch, _, seq = part.rpartition(":")
    if not (seq.isascii() and seq.isdecimal() and len(seq) < len(str(2**53)) and len(epoch) <= _LONGEST_EPOCH):
        raise ValueError("since= is <epoch>:<seq>, as the last frame had it, or a number of events")
    return epoch, int(seq)


@dataclass
class _Cursor:
    log: SharedLog
    epoch: str
    seq: int = 0
    alive: bool = True
    reason: str = ""
    greeted: bool = False
    ended: bool = False


class Following:
    """The cursors of one watcher.

    Args:
        store: has the logs.
        log: the run to follow; None to follow the room.
        room: the room to follow.
        since: what the watcher has already.
        nodes: ids of the nodes to tell of; None for all.
        can: what the watcher may do; it is told.

    Attributes:
        news: is set when there is something new.
        sent: how many events were given out.
        told: how many messages were, besides greetings.
        closed: why the watcher is sent away; "" while he is not.
    """

    def __init__(  # noqa: PLR0913 - it is made in one place
        self,
        store: Store,
        log: SharedLog | None,
        room: Room | None,
        *,
        since: Iterable[Position] = (),
        nodes: Iterable[str] | None = None,
        can: str = "view",
    ) -> None:
        self.news = asyncio.Event()
        self.closed = ""
        self.sent = self.told = 0
        self._store, self._room, self._can = store, room, can
        self._since = list(since)
        self._nodes = _chosen(nodes)
        self._choice: list[frozenset[str] | None] = []
        self._cursors: dict[str, _Cursor] = {}
        self._seen: set[str] = set()
        self._greeted = False
        self._leave = [] if room is None else [room.subscribe(self.news.set)]
        if log is not None:
            self._follow(log)
        if room is not None:
            room.watchers += 1

    def close(self) -> None:
        """Follow nothing more."""
        for leave in self._leave:
            leave()
        self._leave = []
        if self._room is not None:
            self._room.watchers -= 1
        else:
            for cursor in self._cursors.values():
                cursor.log.watchers -= 1
        self._cursors = {}

    @property
    def position(self) -> str:
        """Where the watcher is: what it says when it comes back."""
        return ",".join(f"{cursor.epoch}:{cursor.seq}" for cursor in self._cursors.values())

    @property
    def behind(self) -> int:
        """How many events it has not got yet."""
        return max((cursor.log.head - cursor.seq for cursor in self._cursors.values()), default=0)

    @property
    def over(self) -> bool:
        """Whether it followed a run that has ended, to its end."""
        return self._room is None and all(cursor.ended for cursor in self._cursors.values())

    @property
    def complete(self) -> bool:
        """Whether the watcher had all of a run that has ended when he came."""
        at_end = (
            cursor.log.ended and cursor.epoch == cursor.log.epoch and cursor.seq >= cursor.log.head > 0
            for cursor in self._cursors.values()
        )
        return self._room is None and all(at_end)

    @property
    def gone(self) -> bool:
        """Whether the run it followed is there no more."""
        return self._room is None and any(cursor.log.gone for cursor in self._cursors.values())

    def send_away(self, reason: str) -> None:
        """Have whoever serves the watcher end it."""
        self.closed = reason
        self.news.set()

    def choose(self, nodes: Iterable[str] | None) -> None:
        """Tell of other nodes from now on; of those that are new, also what they did before."""
        # Between two frames: what is in the one that is made just now would come twice, or not at all.
        self._choice = [_chosen(nodes)]
        self.news.set()

    async def ready(self) -> AsyncGenerator[str]:
        """The messages that can be sent now, each as JSON."""
        self.news.clear()
        if self._room is not None and not self._greeted:
            self._greeted = True
            yield json.dumps({"kind": "room", "room": self._room.name, "can": self._can})
        await self._enter()
        while self._choice:
            before, self._nodes = self._nodes, self._choice.pop()
            added = _added(before, self._nodes)
            for cursor in list(self._cursors.values()):
                async for text in self._before(cursor, added):
                    yield text
        for cursor in list(self._cursors.values()):
            async for text in self._new(cursor):
                yield text

    async def _enter(self) -> None:
        """Begin to follow the runs of the room that the watcher does not know: the newest, and those after it."""
        if self._room is None:
            return
        # One that was withdrawn may be shared again.
        self._seen.intersection_update(self._room.runs)
        for run in _unseen(self._room.runs, self._seen):
            try:
                log = await self._store.log(run)
            except StoreAwayError:
                return
            self._seen.add(run)
            wanted = log is not None and any(epoch == log.epoch for epoch, _ in self._since)
            if log is not None and (self._cursors or wanted or run == self._room.runs[-1]):
                self._follow(log)

    def _follow(self, log: SharedLog) -> None:
        before = self._cursors.get(log.run)
        if before is not None and before.log is log:
            return
        cursor = self._cursors[log.run] = _Cursor(log, log.epoch)
        for epoch, seq in self._since if before is None else [(before.epoch, before.seq)]:
            # It may be ahead of this log: another gateway was faster, or the store lost the end, which comes again.
            if epoch in ("", log.epoch):
                cursor.epoch, cursor.seq = log.epoch, seq
                break
            if self._room is None or before is not None:
                cursor.epoch = epoch
        self._leave.append(log.subscribe(self.news.set))
        if self._room is None:
            log.watchers += 1

    async def _before(self, cursor: _Cursor, nodes: Container[str]) -> AsyncIterator[str]:
        if nodes == frozenset():
            return
        seq = 0
        while seq < cursor.seq and (frame := await cursor.log.after(seq, nodes, upto=cursor.seq)) is not None:
            seq = frame.last
            if frame.count or frame.gap:
                self.sent += frame.count
                self.told += 1
                yield frame.text

    async def _new(self, cursor: _Cursor) -> AsyncIterator[str]:
        log = cursor.log
        if cursor.epoch != log.epoch:
            cursor.epoch, cursor.seq, cursor.ended, cursor.greeted = log.epoch, 0, False, False
            self.told += 1
            yield log.gap(0, 0, "the log was lost, and begins again").text
        if not cursor.greeted:
            cursor.greeted = True
            facts = {"epoch": log.epoch, "head": log.head, "ended": log.ended, "room": log.room, "can": self._can}
            yield _message("hello", log, **facts)
        # While a frame is fetched or sent, another log may take the place of this one, and other nodes may be chosen.
        # The next turn sees to it.
        while cursor.epoch == log.epoch and not self._choice:
            frame = await log.after(cursor.seq, self._nodes)
            if frame is None:
                break
            cursor.seq = frame.last
            self.sent += frame.count
            if frame.count or frame.gap:
                self.told += 1
                yield frame.text
        if (cursor.alive, cursor.reason) != (log.alive, log.reason):
            cursor.alive, cursor.reason = log.alive, log.reason
            self.told += 1
            yield _message("producer", log, alive=log.alive, **({"reason": log.reason} if log.reason else {}))
        if log.ended and not cursor.ended and cursor.epoch == log.epoch and cursor.seq >= log.head:
            cursor.ended = True
            self.told += 1
            yield _message("end", log, room=self._room is not None)


def _chosen(nodes: Iterable[str] | None) -> frozenset[str] | None:
    """The nodes with "", which stands for what concerns the whole run."""
    return None if nodes is None else frozenset({"", *nodes})


def _added(before: frozenset[str] | None, chosen: frozenset[str] | None) -> Container[str]:
    """Which nodes are told of that were not."""
    if before is None:
        return frozenset()
    return Except(before) if chosen is None else chosen - before


def _unseen(runs: list[str], seen: set[str]) -> list[str]:
    return [run for run in runs if run not in seen]


def _message(kind: str, log: SharedLog, **fields: Any) -> str:
    words: Mapping[str, Any] = {"kind": kind, "run": log.run, **fields}
    return json.dumps(words)
