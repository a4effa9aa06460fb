"""Stretches of a log, packed: what a store keeps of the events that are no longer at hand. Nothing of it is lost."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from lfwidget.gateway.shared_log import Entry

__all__ = ["SEGMENT", "Segments", "pack", "unpack"]

SEGMENT = 2_000
"""Events in a segment: the first one has the events 1 to 2,000. Their JSON shrinks to a tenth or less."""


def pack(entries: Sequence[Entry]) -> bytes:
    """A segment as bytes: a line of nodes and kinds, and a line for each event."""
    head = json.dumps([[entry.node for entry in entries], [entry.kind for entry in entries]])
    return zlib.compress("\n".join([head, *(entry.text for entry in entries)]).encode())


# Watchers who come back together read the same ones.
@lru_cache(maxsize=8)
def unpack(packed: bytes) -> tuple[Entry, ...]:
    """The events of a segment.

    Raises:
        ValueError: it is damaged.
    """
    try:
        head, *texts = zlib.decompress(packed).decode().split("\n")
        nodes, kinds = json.loads(head)
        return tuple(Entry(text, node, kind) for text, node, kind in zip(texts, nodes, kinds, strict=True))
    except (zlib.error, TypeError) as error:
        raise ValueError(f"a packed stretch of the log is damaged: {error}") from error


class Segments:
    """The segments of one log, in memory."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}
        self._open: list[Entry] = []

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in what follows."""
        self._open += entries
        while len(self._open) >= SEGMENT:
            self._packed[len(self._packed)] = pack(self._open[:SEGMENT])
            del self._open[:SEGMENT]

    async def read(self, after: int, most: int) -> tuple[int, Sequence[Entry]]:
        """As `Archive.read`."""
        return after + 1, read(self._packed, self._open, after, most)


def read(packed: Mapping[int, bytes], rest: Sequence[Entry], after: int, most: int) -> Sequence[Entry]:
    """At most so many events after `after`, from one segment or from what follows the segments.

    Args:
        packed: segments by their number, from 0.
        rest: the events after the last segment.
        after: `seq` of the event before.
        most: events to give.
    """
    number, skip = divmod(after, SEGMENT)
    entries = unpack(packed[number]) if number in packed else rest
    return entries[skip : skip + most]
