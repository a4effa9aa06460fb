"""What a gateway needs of whoever keeps the logs: `memory_store.py` does in this process, `redis_store.py` for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from lfwidget.gateway.shared_log import Entry, SharedLog

__all__ = [
    "MOST_COMMANDS",
    "ROOM_RUNS",
    "YOUNG",
    "Batch",
    "Command",
    "NotYoursError",
    "Obey",
    "Receipt",
    "Room",
    "Store",
]

Command: TypeAlias = dict[str, Any]
"""What a watcher with the right to run asks of the producer: a message of the page (`start`, `cancel`, `answer`)."""
Obey: TypeAlias = Callable[[Command], None]
"""Carries one out."""
MOST_COMMANDS = 100
YOUNG = 3
"""Leases after which every producer that is still there has tried again."""
ROOM_RUNS = 20
"""Runs of a room that are remembered."""


class NotYoursError(Exception):
    """Another producer brings in this run, or this room."""


@dataclass(frozen=True)
class Batch:
    """Events from a producer.

    Attributes:
        run: their run.
        epoch: of the producer's log.
        first: `seq` of the first event; without events, of the next one.
        entries: the events, in order.
        room: of which the run is one; "" for none.
        owner: who brings them in.
    """

    run: str
    epoch: str
    first: int
    entries: Sequence[Entry] = ()
    room: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Receipt:
    """What the producer is told.

    Attributes:
        have: up to which `seq` the store has the log; the producer goes on from there, wherever it thought it was.
        watchers: how many watch.
        commands: what they ask for.
    """

    have: int
    watchers: int = 0
    commands: Sequence[Command] = ()


class Room:
    """A door that leads to the newest run of a flow.

    Args:
        name: its id.
        owner: who may bring runs in.

    Attributes:
        runs: ids of its runs, the newest last.
        watchers: how many wait in it.
    """

    def __init__(self, name: str, owner: str = "") -> None:
        self.name, self.owner = name, owner
        self.runs: list[str] = []
        self.watchers = 0
        self._listeners: set[Callable[[], None]] = set()

    @property
    def watched(self) -> bool:
        """Whether anybody would hear of a run."""
        return bool(self._listeners)

    def add(self, run: str) -> None:
        """A run began."""
        if run not in self.runs:
            self.set_runs([*self.runs[1 - ROOM_RUNS :], run])

    def set_runs(self, runs: Sequence[str]) -> None:
        """Say which runs it has."""
        if runs != self.runs:
            self.runs = list(runs)
            self.tell()

    def tell(self) -> None:
        """Wake those who wait in it."""
        for listener in list(self._listeners):
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called when a run begins; what is returned ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)


class Store(Protocol):
    """What the gateway needs of a store. All of it is called on the gateway's loop."""

    async def open(self) -> None:
        """Begin; called once, before anything else."""

    async def close(self) -> None:
        """Let go of everything."""

    async def is_young(self) -> bool:
        """Whether it began so lately, or lost all it had, that producers may not have brought their runs again yet."""

    async def log(self, run: str) -> SharedLog | None:
        """The log of a run, if there is one."""

    async def room(self, name: str) -> Room | None:
        """The room, if there is one."""

    async def owner(self, scope: str) -> str | None:
        """Who brings in what a scope stands for, `run:<id>` or `room:<id>`; None where that is not there."""

    async def make_room(self, name: str, owner: str) -> Room:
        """The room; it is made if there is none.

        Raises:
            NotYoursError: it has another owner.
        """

    async def tend(self, name: str, owner: str) -> Receipt:
        """Hear of the producer of a room, which is made if there is none; `have` says nothing here.

        Raises:
            NotYoursError: it has another owner.
        """

    async def publish(self, batch: Batch) -> Receipt:
        """Take in events; those that are known already are passed over, and so is what would leave a gap.

        Raises:
            NotYoursError: the run, or its room, has another owner.
        """

    async def withdraw(self, run: str) -> None:
        """Forget a run."""

    async def command(self, where: str, command: Command) -> bool:
        """Hand a command to the producer of a run or of a room; whether one was heard of lately.

        Raises:
            LfwidgetError: he is in this process, and cannot do it.
        """

    async def revoke(self, link: str, until: float) -> None:
        """Refuse a link from now on. It is forgotten when it has expired."""

    def on_revoked(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with each link that is revoked, here or at another gateway."""

    async def is_revoked(self, link: str) -> bool:
        """Whether a link was revoked."""

    async def take_seat(self, link: str, holder: str, seats: int) -> bool:
        """Count one more that uses a link, and keep counting it; False if all its seats are taken."""

    async def free_seat(self, link: str, holder: str) -> None:
        """He left."""
