"""The gateway inside a kernel: the logs of its runs are read where they are, and are copied nowhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.memory_store import MemoryStore
from lfwidget.gateway.serve import BackgroundServer
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import Entry, SharedLog, encode
from lfwidget.gateway.store import Obey, Room
from lfwidget.gateway.tokens import Grant
from lfwidget.model.log import RunLog

__all__ = ["Embedded", "EmbeddedDoor"]

_running: dict[tuple[Any, ...], Embedded] = {}
_lock = threading.Lock()


class _InKernel:
    """The older events of a run of this process: they are in its log."""

    def __init__(self, log: RunLog) -> None:
        self._log = log

    async def read(self, after: int, most: int) -> tuple[int, Sequence[Entry]]:
        """As `Archive.read`."""
        return after + 1, encode(self._log.since(after)[:most])


class Embedded:
    """A gateway on a thread of this process. Those with the same address are one.

    Args:
        origins: of pages that may connect besides its own.
        options: of `BackgroundServer`: host, port, tls_cert, tls_key.

    Raises:
        GatewayError: it cannot listen there.
    """

    def __init__(self, origins: tuple[str, ...] = (), **options: Any) -> None:
        self._settings = Settings(origins=origins)
        self._store = MemoryStore(self._settings)
        self.gateway = Gateway(self._settings, self._store)
        self.server = BackgroundServer(self.gateway, **options)
        self._shared: dict[str, Callable[[], None]] = {}

    @classmethod
    def at(cls, **options: Any) -> Embedded:
        """The one that listens there; it is started if there is none."""
        key = tuple(sorted((name, str(value)) for name, value in options.items()))
        with _lock:
            if key not in _running or not _running[key].server.is_running:
                _running[key] = cls(**options)
            return _running[key]

    def share(self, run: str, log: RunLog, obey: Obey, *, room: str = "") -> None:
        """Let a run be watched. Once is enough, however many links lead to it."""
        if run in self._shared and not room:
            return
        self._shared.setdefault(run, lambda: None)
        ready = threading.Event()

        def attach() -> None:
            shared = self._store.attached(run) or self._attach(run, log, obey, room)
            if room:
                shared.room = room
                self._room(room).add(run)
            ready.set()

        self.server.call(attach)
        ready.wait(5)

    def _attach(self, run: str, log: RunLog, obey: Obey, room: str) -> SharedLog:
        """On the gateway's loop."""
        shared = self._store.attach(run, log.epoch, _InKernel(log), room=room)
        # Of a long run that is over, only the end is taken into memory.
        shared.begin_at(max(0, log.last_seq - self._settings.keep_events), ended=log.ended)

        def push() -> None:
            shared.extend(encode(log.since(shared.head)))

        self._store.listen(run, obey)
        self._shared[run] = log.subscribe(lambda: self.server.call(push))
        push()
        return shared

    def open_room(self, room: str, obey: Obey) -> None:
        """Make a room, in which runs will be."""
        self.server.call(self._room, room)
        self.server.call(self._store.listen, room, obey)

    def _room(self, room: str) -> Room:
        return self._store.opened(room)

    def count(self, run: str, room: str) -> int:
        """How many watch now."""
        shared = self._store.attached(run) if run else None
        found = self._store.opened(room) if room else None
        return (shared.watchers if shared is not None else 0) + (found.watchers if found is not None else 0)

    def close(self, grant: Grant) -> None:
        """Refuse a link from now on, and send away who came by it."""
        self.server.wait_for(self._store.revoke(grant.link, grant.expires))
        self.server.call(self.gateway.close_link, grant.link, "this link was closed by whoever shared it")


class EmbeddedDoor:
    """What one link leads to, in a gateway of this process.

    Args:
        embedded: the gateway.
        base: its address.
    """

    trouble = None

    def __init__(self, embedded: Embedded, base: str) -> None:
        self.base = base
        self._embedded = embedded
        self._run = self._room = ""
        self._grant = Grant("")

    def open_room(self, room: str, obey: Obey) -> None:
        """Make a room."""
        self._room = room
        self._embedded.open_room(room, obey)

    def bring(self, run: str, log: RunLog, obey: Obey, room: str = "") -> None:
        """Let a run be watched."""
        self._run = "" if room else run
        self._embedded.share(run, log, obey, room=room)

    def mint(self, grant: Grant, lifetime: float) -> str:
        """The token of the link."""
        token = self._embedded.gateway.signer.mint(grant, lifetime)
        self._grant = self._embedded.gateway.signer.check(token)
        return token

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return self._embedded.count(self._run, self._room)

    def close(self) -> None:
        """Let nobody in any more."""
        self._embedded.close(self._grant)
