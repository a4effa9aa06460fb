"""The logs of a gateway in its own process: of runs that are shared from here, and of those that producers bring in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lfwidget.gateway.segments import Segments
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import Archive, SharedLog
from lfwidget.gateway.store import (
    MOST_COMMANDS,
    YOUNG,
    Batch,
    Command,
    NotYoursError,
    Obey,
    Receipt,
    Room,
)

__all__ = ["MemoryStore"]


@dataclass
class _Mailbox:
    """Commands that wait for a producer in another process, and when he was heard of."""

    heard: float = field(default_factory=time.monotonic)
    commands: list[Command] = field(default_factory=list)

    def empty(self) -> list[Command]:
        self.heard = time.monotonic()
        commands, self.commands = self.commands, []
        return commands


@dataclass
class _Kept:
    """A run in memory."""

    log: SharedLog
    owner: str
    lease: bool
    segments: Segments | None = None
    heard: float = field(default_factory=time.monotonic)


class MemoryStore:
    """Logs in this process: of runs that are shared from here, and of those that producers bring in.

    Args:
        settings: of the gateway.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begun = time.monotonic()
        self._runs: dict[str, _Kept] = {}
        self._rooms: dict[str, Room] = {}
        self._producers: dict[str, Obey] = {}
        self._mail: dict[str, _Mailbox] = {}
        self._revoked: dict[str, float] = {}
        self._revoked_listeners: list[Callable[[str], None]] = []
        self._seats: dict[str, set[str]] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin."""
        self._sweeper = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Let go of everything."""
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def is_young(self) -> bool:
        """Whether this process began lately."""
        return time.monotonic() - self._begun < YOUNG * self._settings.lease

    async def log(self, run: str) -> SharedLog | None:
        """The log of a run."""
        return self.attached(run)

    async def room(self, name: str) -> Room | None:
        """The room."""
        return self._rooms.get(name)

    async def owner(self, scope: str) -> str | None:
        """Who brings it in."""
        kind, _, name = scope.partition(":")
        found = self._runs.get(name) if kind == "run" else self._rooms.get(name)
        return None if found is None else found.owner

    async def make_room(self, name: str, owner: str) -> Room:
        """The room; it is made if there is none."""
        room = self._rooms.setdefault(name, Room(name, owner))
        if room.owner != owner:
            raise NotYoursError(name)
        return room

    def opened(self, name: str) -> Room:
        """A room of this process; it is made if there is none."""
        return self._rooms.setdefault(name, Room(name))

    def attached(self, run: str) -> SharedLog | None:
        """The log of a run, without waiting."""
        kept = self._runs.get(run)
        return None if kept is None else kept.log

    def attach(self, run: str, epoch: str, archive: Archive, *, room: str = "", owner: str = "") -> SharedLog:
        """The log of a run of this process, whose older events are read from where they are anyway."""
        log = self._new(run, epoch, room, archive)
        self._runs[run] = _Kept(log, owner, lease=False)
        return log

    def listen(self, where: str, producer: Obey) -> None:
        """Have the commands for a run or a room of this process handed to `producer`, on the gateway's loop."""
        self._producers[where] = producer

    async def publish(self, batch: Batch) -> Receipt:
        """Take in events."""
        kept, room = self._runs.get(batch.run), self._rooms.get(batch.room)
        if kept is not None and kept.owner != batch.owner:
            raise NotYoursError(batch.run)
        if room is not None and room.owner != batch.owner:
            raise NotYoursError(batch.room)
        if kept is None or kept.log.epoch != batch.epoch:
            if batch.first != 1 or not batch.entries:
                return Receipt(0)
            kept = self._begin(batch, kept)
        kept.heard = time.monotonic()
        kept.log.set_alive(alive=True)
        news = batch.entries[kept.log.head + 1 - batch.first :] if batch.first <= kept.log.head + 1 else ()
        if news:
            if kept.segments is not None:
                kept.segments.add(news)
            kept.log.extend(news)
        if batch.room:
            kept.log.room = batch.room
            (await self.make_room(batch.room, batch.owner)).add(batch.run)
        commands = self._mail.setdefault(batch.run, _Mailbox()).empty()
        return Receipt(kept.log.head, self._watchers(kept.log), commands)

    async def tend(self, name: str, owner: str) -> Receipt:
        """Hear of the producer of a room."""
        room = await self.make_room(name, owner)
        return Receipt(0, room.watchers, self._mail.setdefault(name, _Mailbox()).empty())

    def _begin(self, batch: Batch, before: _Kept | None) -> _Kept:
        segments = Segments()
        if before is None:
            log = self._new(batch.run, batch.epoch, batch.room, segments)
        else:
            log = before.log
            log.reset(batch.epoch, segments)
        kept = self._runs[batch.run] = _Kept(log, batch.owner, lease=True, segments=segments)
        return kept

    def _new(self, run: str, epoch: str, room: str, archive: Archive) -> SharedLog:
        settings = self._settings
        return SharedLog(
            run, epoch, room=room, archive=archive, keep=settings.keep_events, period=settings.frame_period
        )

    def _watchers(self, log: SharedLog) -> int:
        room = self._rooms.get(log.room)
        return log.watchers + (room.watchers if room is not None else 0)

    async def withdraw(self, run: str) -> None:
        """Forget a run."""
        kept = self._runs.pop(run, None)
        self._producers.pop(run, None)
        self._mail.pop(run, None)
        if kept is not None:
            kept.log.withdraw()
            room = self._rooms.get(kept.log.room)
            if room is not None:
                room.set_runs([known for known in room.runs if known != run])

    async def command(self, where: str, command: Command) -> bool:
        """Hand a command to the producer."""
        producer = self._producers.get(where)
        if producer is not None:
            producer(command)
            return True
        box = self._mail.get(where)
        if box is None or len(box.commands) >= MOST_COMMANDS or self._silence(box.heard) > self._settings.lease:
            return False
        box.commands.append(command)
        return True

    def _silence(self, heard: float) -> float:
        return time.monotonic() - heard

    async def revoke(self, link: str, until: float) -> None:
        """Refuse a link from now on."""
        now = time.time()
        self._revoked = {known: end for known, end in self._revoked.items() if end > now} | {link: until}
        for listener in self._revoked_listeners:
            listener(link)

    def on_revoked(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with each link that is revoked."""
        self._revoked_listeners.append(listener)

    async def is_revoked(self, link: str) -> bool:
        """Whether a link was revoked."""
        return link in self._revoked

    async def take_seat(self, link: str, holder: str, seats: int) -> bool:
        """Count one more that uses a link."""
        taken = self._seats.setdefault(link, set())
        if holder not in taken and len(taken) >= seats:
            return False
        taken.add(holder)
        return True

    async def free_seat(self, link: str, holder: str) -> None:
        """He left."""
        taken = self._seats.get(link, set())
        taken.discard(holder)
        if not taken:
            self._seats.pop(link, None)

    async def _sweep(self) -> None:
        """Say which producers are lost, and forget what nobody has brought or watched for long."""
        while True:
            await asyncio.sleep(min(1.0, self._settings.lease / 2))
            for run, kept in list(self._runs.items()):
                silent = self._silence(kept.heard) if kept.lease else 0.0
                if silent > self._settings.lease and not kept.log.ended:
                    kept.log.set_alive(alive=False)
                if silent > self._settings.keep_for and not self._watchers(kept.log):
                    await self.withdraw(run)
