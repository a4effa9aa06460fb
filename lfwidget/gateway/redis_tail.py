"""What a gateway reads of Redis: one task follows all runs and rooms that are open here. `redis_store.py` writes.

While Redis is away, nobody is sent away: watchers are told why nothing comes, and what they missed follows.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from redis.exceptions import RedisError

from lfwidget.gateway import redis_scripts as names
from lfwidget.gateway.redis_scripts import BEGUN, CLOSED, key
from lfwidget.gateway.refused import StoreAwayError
from lfwidget.gateway.segments import SEGMENT, unpack
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import Entry, SharedLog
from lfwidget.gateway.store import Room

__all__ = ["LOST", "RedisArchive", "Tail", "entries", "is_cancelled", "reaching"]

LOST = (RedisError, OSError)
"""What a command raises while Redis is away, starts, or has no room left."""
_AWAY = "the gateway cannot reach its store just now. What happens meanwhile will follow"
_AT_ONCE = 2_000
"""Events that are read at once, and that are taken into memory of a log that is opened."""
_BLOCK = 100
"""Milliseconds that a read waits for something new: as long as that, a log that was just opened may stand still."""
_LOOK = 0.3
"""Seconds between two looks at what streams do not say: rooms, leases, other epochs."""
_LONGEST_PAUSE = 1.0
_log = logging.getLogger("lfwidget.gateway")

T = TypeVar("T", SharedLog, Room)


@contextmanager
def reaching() -> Iterator[None]:
    """Says that the store is away where Redis does not do what it is asked."""
    try:
        yield
    except LOST as error:
        _log.debug("Redis: %s", error)
        raise StoreAwayError from error


def is_cancelled() -> bool:
    """Whether this task was told to end. Before Python 3.12, `asyncio.wait_for`, by which the client of Redis sends,
    may keep that for itself (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def entries(rows: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[Entry]:
    """The events of a stretch of a stream."""
    return [Entry(row[b"e"].decode(), row[b"n"].decode(), row[b"k"].decode()) for _, row in rows]


def _seq(row: tuple[bytes, Any]) -> int:
    return int(row[0].split(b"-")[0])


class RedisArchive:
    """The events of one log that are not in the memory of this gateway.

    Args:
        redis: has them.
        run: whose log it is.
        epoch: of the log.
    """

    def __init__(self, redis: Any, run: str, epoch: str) -> None:
        self._redis, self._run, self._epoch = redis, run, epoch

    async def read(self, after: int, most: int) -> tuple[int, Sequence[Entry]]:
        """As `Archive.read`: from a segment, else from the stream."""
        number, skip = divmod(after, SEGMENT)
        try:
            segment = await self._redis.hget(names.packed(self._run, self._epoch), str(number))
            if segment is not None:
                return after + 1, unpack(segment)[skip : skip + most]
            rows = await self._redis.xrange(names.events(self._run, self._epoch), f"{after + 1}-0", count=most)
            if rows and _seq(rows[0]) == after + 1:
                return after + 1, entries(rows)
            epoch, count = await self._redis.hmget(key("run", self._run), ["epoch", "packed"])
        except ValueError:
            _log.exception("events %d to %d of %s", number * SEGMENT + 1, (number + 1) * SEGMENT, self._run)
            return (number + 1) * SEGMENT + 1, ()
        except LOST:
            return after + 1, ()
        if epoch == self._epoch.encode() and number < int(count):
            return (number + 1) * SEGMENT + 1, ()
        return (_seq(rows[0]), entries(rows)) if rows else (after + 1, ())


@dataclass
class _Open(Generic[T]):
    """A log or a room that this gateway follows.

    Attributes:
        asked: when somebody last asked for it, or watched it.
        seen: when it was last there in Redis.
    """

    it: T
    asked: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)


class Tail:
    """Follows the logs and the rooms that are open here.

    Args:
        redis: to read.
        settings: of the gateway.
        revoked: is told each link that was revoked.

    Attributes:
        logs: that are open, by run.
        rooms: that are open, by name.
    """

    def __init__(self, redis: Any, settings: Settings, revoked: Callable[[str], None]) -> None:
        self._redis, self._settings, self._revoked = redis, settings, revoked
        self.logs: dict[str, _Open[SharedLog]] = {}
        self.rooms: dict[str, _Open[Room]] = {}
        self._opening: dict[str, asyncio.Task[SharedLog | None]] = {}
        self._closed_at: bytes | None = None
        self._looked = 0.0
        self._away = False

    # What is open

    async def log(self, run: str) -> SharedLog | None:
        """The log of a run, if there is one.

        Raises:
            StoreAwayError: Redis is away, and the log is not open here.
        """
        known = self.logs.get(run)
        if known is not None:
            known.asked = time.monotonic()
            return known.it
        # Hundreds may ask for it at the same time, after another gateway has ended.
        task = self._opening.get(run)
        if task is None:
            task = self._opening[run] = asyncio.create_task(self._open(run))
            task.add_done_callback(lambda _: self._opening.pop(run))
        with reaching():
            return await asyncio.shield(task)

    async def _open(self, run: str) -> SharedLog | None:
        epoch = await self._redis.hget(key("run", run), "epoch")
        if epoch is None:
            return None
        stream = names.events(run, epoch.decode())
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(key("run", run), ["epoch", "gone", "ended", "room"])
            pipe.exists(key("lease", run))
            pipe.xrevrange(stream, count=_AT_ONCE)
            (now, gone, ended, room), alive, rows = await pipe.execute()
        if now != epoch or gone or not rows:
            return None
        archive = RedisArchive(self._redis, run, epoch.decode())
        keep, period = self._settings.keep_events, self._settings.frame_period
        log = SharedLog(run, epoch.decode(), room=(room or b"").decode(), archive=archive, keep=keep, period=period)
        log.begin_at(_seq(rows[-1]) - 1, ended=bool(ended))
        log.extend(entries(rows[::-1]))
        log.set_alive(alive=bool(alive or ended))
        self.logs[run] = _Open(log)
        return log

    async def room(self, name: str) -> Room | None:
        """The room, if there is one.

        Raises:
            StoreAwayError: Redis is away, and the room is not open here.
        """
        if name not in self.rooms:
            with reaching():
                owner = await self._redis.hget(key("room", name), "owner")
                runs = await self._redis.lrange(key("runs", name), 0, -1)
            if owner is None:
                return None
            room = self.rooms.setdefault(name, _Open(Room(name, owner.decode()))).it
            room.set_runs([run.decode() for run in runs])
        known = self.rooms[name]
        known.asked = time.monotonic()
        return known.it

    def drop(self, run: str) -> None:
        """Say that a run is gone."""
        known = self.logs.pop(run, None)
        if known is not None:
            known.it.withdraw()

    # What is new

    async def follow(self) -> None:
        """Until it is cancelled. When Redis is away, it is tried again after a while, and again."""
        pause = _LONGEST_PAUSE / 32
        while not is_cancelled():
            try:
                if self._closed_at is None:
                    last = await self._redis.xrevrange(CLOSED, count=1)
                    self._closed_at = last[0][0] if last else b"0-0"
                if time.monotonic() - self._looked >= _LOOK:
                    await self._look()
                await self._read()
            except LOST as error:
                self._lose(error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - gateways come back one by one
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _LONGEST_PAUSE / 32
                self._find()

    async def _read(self) -> None:
        logs = {names.events(known.it.run, known.it.epoch).encode(): known.it for known in self.logs.values()}
        wanted: dict[Any, Any] = {stream: f"{log.head}-0" for stream, log in logs.items()}
        wanted[CLOSED] = self._closed_at
        found = await self._redis.xread(wanted, count=_AT_ONCE, block=_BLOCK)
        for stream, rows in found:
            if stream in logs:
                _feed(logs[stream], rows)
            else:
                self._closed_at = rows[-1][0]
                for _, row in rows:
                    self._revoked(row[b"link"].decode())
        if found:
            # Many small batches are read as a few large ones.
            await asyncio.sleep(self._settings.frame_period / 2)

    async def _look(self) -> None:
        runs, rooms = list(self.logs), list(self.rooms)
        async with self._redis.pipeline(transaction=False) as pipe:
            for run in runs:
                pipe.hmget(key("run", run), ["epoch", "gone", "head", "room"])
                pipe.exists(key("lease", run))
            for name in rooms:
                pipe.hexists(key("room", name), "owner")
                pipe.lrange(key("runs", name), 0, -1)
            pipe.set(BEGUN, time.time(), nx=True)
            found = iter(await pipe.execute())
        for run in runs:
            self._see(run, next(found), alive=bool(next(found)))
        for name in rooms:
            there, listed = next(found), next(found)
            # A store that lost its rooms gets them back from those who share; meanwhile nobody is sent out of one.
            if there and name in self.rooms:
                self.rooms[name].it.set_runs([run.decode() for run in listed])
        _forget(self.logs, 3 * self._settings.lease)
        _forget(self.rooms, 3 * self._settings.lease)
        self._looked = time.monotonic()

    def _see(self, run: str, facts: Sequence[bytes | None], *, alive: bool) -> None:
        known = self.logs.get(run)
        if known is None:
            return
        epoch, gone, head, room = facts
        log, now = known.it, time.monotonic()
        if gone or (epoch is None and now - known.seen > self._settings.lease):
            self.drop(run)
            return
        log.set_alive(alive=alive or log.ended)
        if epoch is None or head is None:
            # The store lost it. Whoever shares the run has it all, and brings it again.
            return
        known.seen = now
        if epoch.decode() != log.epoch:
            log.reset(epoch.decode(), RedisArchive(self._redis, run, epoch.decode()))
        elif int(head) < log.head:
            log.tell()
        log.room = (room or b"").decode()

    # Whether Redis is there

    def _lose(self, error: Exception) -> None:
        if not self._away:
            _log.warning("Redis is away: %s", error)
        self._away = True
        for known in self.logs.values():
            known.seen = time.monotonic()
            if not known.it.ended:
                known.it.set_alive(alive=False, reason=_AWAY)

    def _find(self) -> None:
        if self._away:
            _log.warning("Redis is back")
            self._away = False
            self._looked = 0.0
            for log in self.logs.values():
                log.it.tell()
            for room in self.rooms.values():
                room.it.tell()


def _forget(opened: dict[str, _Open[T]], longest: float) -> None:
    """Let go of what nobody has watched for so long."""
    now = time.monotonic()
    for name, known in list(opened.items()):
        if known.it.watched:
            known.asked = now
        elif now - known.asked > longest:
            del opened[name]


def _feed(log: SharedLog, rows: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> None:
    first = _seq(rows[0])
    if first > log.head + 1:
        # This gateway stood still for long: what is no longer in the stream is in the archive.
        log.begin_at(first - 1, ended=log.ended)
    log.extend(entries(rows))
