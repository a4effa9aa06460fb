"""What a gateway says, as events of our own logs: in order, each once, with a word where some are missing. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lfwidget.errors import EventError
from lfwidget.model.check import check_event
from lfwidget.model.log import RunLog

__all__ = ["OutOfStepError", "Track", "Tracks"]

Event = dict[str, Any]


class OutOfStepError(Exception):
    """Events are missing and nobody said so: ask again from where we are."""


class Track:
    """One run that is followed.

    Args:
        run: its id.
        log: gets its events. Its numbers are its own, since remarks of ours are in it, too.

    Attributes:
        epoch: of the gateway's log.
        have: up to which `seq` of that log we are.
        alive: whether the gateway hears from the producer.
    """

    def __init__(self, run: str, log: RunLog) -> None:
        self.run, self.log = run, log
        self.epoch, self.have = "", 0
        self.alive = True
        # Up to which `seq` our log goes: `have` begins again when the gateway's log does.
        self._seen = 0

    def remark(self, message: str, level: str = "warning") -> None:
        """Say something to whoever watches here."""
        if not self.log.ended:
            self._add({"kind": "log", "level": level, "message": message, "source": "lfwidget"}, self._now())

    def hello(self, epoch: str) -> None:
        """The gateway has this log of the run."""
        if self.epoch and epoch != self.epoch:
            # The producer brings all of it again after its gateway lost it: what is the same is passed over.
            self.have = 0
        self.epoch = epoch

    def take(self, events: list[Any]) -> None:
        """Add what is new.

        Raises:
            OutOfStepError: some are missing.
            EventError: something is no event, or the log is another one than before.
        """
        for found in events:
            event = check_event(found)
            if event["seq"] <= self.have:
                continue
            if event["seq"] != self.have + 1:
                raise OutOfStepError
            self.have += 1
            if event["seq"] == 1 and self.log.last_seq:
                self._compare(event)
            elif self.have > self._seen:
                self._add(event, event["t"])

    def gap(self, first: int, last: int) -> None:
        """Events are missing for good: their places are kept, so that what follows is not lost as well."""
        if last > self.have:
            self.remark(
                f"{last - max(first, self.have + 1) + 1} events of this run are kept no longer: it is not whole"
            )
            self.have = self._seen = last

    def _compare(self, event: Event) -> None:
        mine = self.log.since(0)[0]
        if (mine["run_id"], mine["started_at"]) != (event.get("run_id"), event.get("started_at")):
            raise EventError("the gateway has another run under this name by now", event, "run_id")

    def _add(self, event: Mapping[str, Any], t: float) -> None:
        self.log.extend([{**event, "seq": self.log.last_seq + 1, "t": max(t, self._now())}])
        self._seen = max(self._seen, self.have)

    def _now(self) -> float:
        newest = self.log.since(self.log.last_seq - 1)
        return float(newest[-1]["t"]) if newest else 0.0


class Tracks:
    """All runs that are followed over one connection.

    Attributes:
        over: whether the gateway said that the run has ended and nothing is left.
        can: what the link allows: "view" or "run".
    """

    def __init__(self) -> None:
        self.runs: dict[str, Track] = {}
        self.over = False
        self.can = "view"

    def add(self, run: str) -> Track:
        """The track of a run; a new one if it is not followed yet."""
        if run not in self.runs:
            self.runs[run] = Track(run, RunLog())
        return self.runs[run]

    @property
    def position(self) -> str:
        """What is said when the connection is made anew."""
        return ",".join(f"{track.epoch}:{track.have}" for track in self.runs.values() if track.epoch)

    def take(self, message: Any) -> Iterator[Track]:
        """Take in a message; gives the run it was about, if any. Unknown kinds are a newer gateway's: passed over.

        Raises:
            OutOfStepError: events are missing.
            EventError: it is not what a gateway says.
        """
        if not isinstance(message, dict):
            raise EventError("a message of a gateway is an object", message)
        kind, run = message.get("kind"), message.get("run")
        if kind in ("hello", "room"):
            self.can = str(message.get("can") or self.can)
        if not isinstance(run, str):
            return
        if kind == "hello":
            self.add(run).hello(str(message.get("epoch") or ""))
        track = self.runs.get(run)
        if track is None:
            return
        if kind == "frame" and isinstance(message.get("events"), list):
            track.take(message["events"])
        elif kind == "gap":
            track.gap(_number(message, "from"), _number(message, "to"))
        elif kind == "producer":
            track.alive = message.get("alive") is True
            lost = str(message.get("reason") or "whoever runs this is not heard of: it may come back")
            track.remark(
                "whoever runs this is back" if track.alive else lost,
                "info" if track.alive else "warning",
            )
        elif kind == "end":
            self.over = message.get("room") is not True
        yield track


def _number(message: Mapping[str, Any], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise EventError(f"{name} is a number", message, name)
    return value
