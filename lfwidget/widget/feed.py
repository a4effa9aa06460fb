"""One run as frames for the page. Lives on the ticker's thread: whatever is asked of it must be asked there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState

__all__ = ["Feed", "frames"]

Event = dict[str, Any]
Send = Callable[[dict[str, Any], list[bytes] | None], None]

_LARGEST_FRAME = 1_000_000
"""Bytes of JSON in a frame of more than one event."""


class Feed:
    """Sends what is new in a log, and again what a page has missed.

    Args:
        run: the run's id.
        log: its events.
        send: takes a message to the page, and the buffers that go with it.
        changed: called after new events have been sent.

    Attributes:
        state: the run after the last event that was sent.
        touched: ids of the nodes that changed since somebody emptied it.
    """

    def __init__(self, run: str, log: RunLog, send: Send, changed: Callable[[], None]) -> None:
        self.run = run
        self.state = RunState()
        self.touched: set[str] = set()
        self._log = log
        self._send = send
        self._changed = changed
        self._unsubscribe = log.subscribe(self.push)

    def push(self) -> None:
        """Send what is new."""
        events = self._log.since(self.state.seq)
        if not events:
            return
        for event in events:
            self.state.apply(event)
            self.touched.add(event.get("node") or "")
        self._send_events(events)
        self._changed()

    def resync(self, have: int) -> None:
        """Send everything after `have`, and how far the log goes. All pages get it: they drop what they know."""
        self._send_events(self._log.since(have))
        self._send({"kind": "head", "run": self.run, "seq": self._log.last_seq}, None)

    def stop(self) -> None:
        """Send nothing more."""
        self._unsubscribe()

    def _send_events(self, events: list[Event]) -> None:
        for part in frames(events):
            # As a buffer: jupyter_client would visit every number of every delta before it packs them, which cost 30 %
            # of the CPU of a streamed token.
            self._send({"kind": "frame", "run": self.run}, [part])


def frames(events: list[Event], largest: int = _LARGEST_FRAME) -> Iterator[bytes]:
    """The events as JSON arrays of about `largest` bytes; an event that is larger is one by itself."""
    part: list[bytes] = []
    size = 0
    for event in events:
        packed = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if part and size + len(packed) > largest:
            yield b"[" + b",".join(part) + b"]"
            part, size = [], 0
        part.append(packed)
        size += len(packed) + 1
    if part:
        yield b"[" + b",".join(part) + b"]"
