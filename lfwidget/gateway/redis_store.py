"""Logs in Redis, for any number of gateways that share nothing else. What they read of it is `redis_tail.py`.

Redis may lose all it has: whoever shares a run has its whole log, and sends again what `have` says is missing. So a log
keeps its epoch, and watchers their positions in it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from lfwidget.gateway import redis_scripts as scripts
from lfwidget.gateway.redis_scripts import BEGUN, CLOSED, key
from lfwidget.gateway.redis_tail import LOST, Tail, entries, is_cancelled, reaching
from lfwidget.gateway.segments import SEGMENT, pack
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import SharedLog
from lfwidget.gateway.store import MOST_COMMANDS, ROOM_RUNS, YOUNG, Batch, Command, NotYoursError, Receipt, Room
from lfwidget.model.log import ENDS

__all__ = ["RedisStore"]

_CONNECTIONS = 16
_TIMEOUT = 5.0
_REVOKED = 1_000
"""Links that were revoked lately, for gateways that were busy."""


class RedisStore:
    """The store of a gateway among others.

    Args:
        settings: of the gateway; `redis` says where.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lease, self._keep = int(settings.lease * 1000), int(settings.keep_for * 1000)
        # A connection that Redis closed while nobody used it is opened again, once; who waits longer asks again.
        pool = BlockingConnectionPool.from_url(
            settings.redis,
            max_connections=_CONNECTIONS,
            timeout=_TIMEOUT,
            socket_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1),
        )
        # Its annotations speak of str and bytes, and of two protocols, at once.
        self._redis: Any = Redis.from_pool(pool)
        self._publish = self._redis.register_script(scripts.PUBLISH)
        self._pack = self._redis.register_script(scripts.PACK)
        self._tend = self._redis.register_script(scripts.TEND)
        self._withdraw = self._redis.register_script(scripts.WITHDRAW)
        self._send = self._redis.register_script(scripts.SEND)
        self._seat = self._redis.register_script(scripts.SEAT)
        self._count = self._redis.register_script(scripts.COUNT)
        self._revoked_listeners: list[Callable[[str], None]] = []
        self._tail = Tail(self._redis, settings, self._tell_revoked)
        self._me = secrets.token_hex(8)
        self._seats: dict[str, set[str]] = {}
        self._counted: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin. Redis need not be there yet."""
        self._tasks = [asyncio.create_task(self._tail.follow()), asyncio.create_task(self._beat())]

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    async def is_young(self) -> bool:
        """Whether Redis was empty lately."""
        with reaching():
            begun = await self._redis.get(BEGUN)
        return begun is None or time.time() - float(begun) < YOUNG * self._settings.lease

    async def log(self, run: str) -> SharedLog | None:
        """The log of a run."""
        return await self._tail.log(run)

    async def room(self, name: str) -> Room | None:
        """The room."""
        return await self._tail.room(name)

    # From producers

    async def owner(self, scope: str) -> str | None:
        """Who brings it in."""
        kind, _, name = scope.partition(":")
        with reaching():
            found = await self._redis.hget(key(kind, name), "owner")
        return None if found is None else found.decode()

    async def make_room(self, name: str, owner: str) -> Room:
        """The room; it is made if there is none."""
        await self._hear(name, owner)
        room = await self._tail.room(name)
        if room is None:
            raise NotYoursError(name)
        return room

    async def tend(self, name: str, owner: str) -> Receipt:
        """Hear of the producer of a room."""
        watchers, commands = await self._hear(name, owner)
        return Receipt(0, watchers, commands)

    async def publish(self, batch: Batch) -> Receipt:
        """Take in events."""
        run, room = batch.run, batch.room
        stream, segments = scripts.events(run, batch.epoch), scripts.packed(run, batch.epoch)
        of_room = [key("room", room), key("runs", room), key("watching", f"room:{room}")] if room else []
        ends = int(any(entry.kind in ENDS for entry in batch.entries))
        texts = [text for entry in batch.entries for text in (entry.text, entry.node, entry.kind)]
        with reaching():
            answer = await self._publish(
                [key("run", run), stream, segments, *_mailbox(run), key("watching", f"run:{run}"), *of_room],
                [run, batch.epoch, batch.first, batch.owner, room, ends, self._lease, self._keep, ROOM_RUNS, *texts],
            )
        if answer[0]:
            raise NotYoursError(room if answer[0] == b"room" else run)
        head, watchers, packed, commands = answer[1:]
        # The events are taken in: what is not packed now, the next batch will be the occasion to.
        with suppress(*LOST):
            await self._pack_all(run, batch.epoch, packed, head)
        return Receipt(head, watchers, [json.loads(command) for command in commands])

    async def _pack_all(self, run: str, epoch: str, packed: int, head: int) -> None:
        keys = [key("run", run), scripts.events(run, epoch), scripts.packed(run, epoch)]
        for number in range(packed, head // SEGMENT):
            first = number * SEGMENT + 1
            rows = await self._redis.xrange(keys[1], f"{first}-0", f"{first + SEGMENT - 1}-0")
            if len(rows) < SEGMENT:
                return
            segment = pack(entries(rows))
            await self._pack(keys, [epoch, number, segment, SEGMENT, self._settings.keep_events, self._keep])

    async def withdraw(self, run: str) -> None:
        """Forget a run, at all gateways."""
        log = await self.log(run)
        runs = key("runs", log.room if log is not None else "")
        with reaching():
            await self._withdraw([key("run", run), *_mailbox(run), runs], [run, self._lease])
        self._tail.drop(run)

    # From watchers

    async def command(self, where: str, command: Command) -> bool:
        """Hand a command to the producer."""
        with reaching():
            return bool(await self._send(_mailbox(where), [json.dumps(command), MOST_COMMANDS, self._keep]))

    async def revoke(self, link: str, until: float) -> None:
        """Refuse a link from now on, at all gateways."""
        with reaching():
            await self._redis.set(key("revoked", link), 1, pxat=int(max(until, time.time() + 1) * 1000))
            await self._redis.xadd(CLOSED, {"link": link}, maxlen=_REVOKED)

    def on_revoked(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with each link that is revoked."""
        self._revoked_listeners.append(listener)

    def _tell_revoked(self, link: str) -> None:
        for listener in self._revoked_listeners:
            listener(link)

    async def is_revoked(self, link: str) -> bool:
        """Whether a link was revoked."""
        with reaching():
            return bool(await self._redis.exists(key("revoked", link)))

    async def take_seat(self, link: str, holder: str, seats: int) -> bool:
        """Count one more that uses a link."""
        with reaching():
            taken = bool(await self._seat([key("seats", link)], [seats, self._lease, holder]))
        if taken:
            self._seats.setdefault(link, set()).add(holder)
        return taken

    async def free_seat(self, link: str, holder: str) -> None:
        """He left. If Redis is away, his seat ends by itself."""
        taken = self._seats.get(link, set())
        taken.discard(holder)
        if not taken:
            self._seats.pop(link, None)
        with suppress(*LOST):
            await self._redis.zrem(key("seats", link), holder)

    # What is said again and again, so that it ends with this gateway

    async def _beat(self) -> None:
        while not is_cancelled():
            await asyncio.sleep(min(1.0, self._settings.lease / 3))
            with suppress(*LOST):
                await self._tell_counts()
                for link, holders in list(self._seats.items()):
                    await self._seat([key("seats", link)], [0, self._lease, *holders])
                await self._keep_watched()

    async def _tell_counts(self) -> None:
        counts = {f"run:{run}": known.it.watchers for run, known in self._tail.logs.items()}
        counts |= {f"room:{name}": known.it.watchers for name, known in self._tail.rooms.items()}
        told = {where: counts.get(where, 0) for where in {where for where in counts if counts[where]} | self._counted}
        if told:
            await self._count([key("watching", where) for where in told], [self._me, self._lease, *told.values()])
        self._counted = {where for where, count in told.items() if count}

    async def _keep_watched(self) -> None:
        """What somebody watches is not forgotten, also when its producer has left."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for run, log in self._tail.logs.items():
                if log.it.watched:
                    for name in (key("run", run), scripts.events(run, log.it.epoch), scripts.packed(run, log.it.epoch)):
                        pipe.pexpire(name, self._keep)
            for name, room in self._tail.rooms.items():
                if room.it.watched:
                    pipe.pexpire(key("room", name), self._keep)
                    pipe.pexpire(key("runs", name), self._keep)
            await pipe.execute()

    async def _hear(self, room: str, owner: str) -> tuple[int, list[Any]]:
        keys = [key("room", room), key("runs", room), *_mailbox(room), key("watching", f"room:{room}")]
        with reaching():
            answer = await self._tend(keys, [owner, self._lease, self._keep])
        if answer[0]:
            raise NotYoursError(room)
        return answer[1], [json.loads(command) for command in answer[2]]


def _mailbox(where: str) -> list[str]:
    return [key("lease", where), key("commands", where)]
