"""What LangFlow sends while a flow runs, read from bytes as they come. No socket lives here.

LangFlow has three ways to write the same events, and none says which by its content type: server-sent events (`data:`
and `id:` lines, https://html.spec.whatwg.org/multipage/server-sent-events.html), a JSON object on a line of its own
(NDJSON), and one JSON object as the whole answer. The first character of a line tells them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["LARGEST", "Frame", "FrameTooLargeError", "Parser"]

LARGEST = 64_000_000
"""Bytes of one event. What a node gives out comes whole in it, files too; what is larger would not fit a record."""


class FrameTooLargeError(ValueError):
    """One event has more bytes than the limit."""


@dataclass(frozen=True)
class Frame:
    """One event.

    Attributes:
        data: the JSON object; None where it was something else.
        id: of the server-sent event, for `Last-Event-ID`; None where it had none.
        raw: what was there instead of a JSON object, shortened.
    """

    data: dict[str, Any] | None
    id: str | None = None
    raw: str = ""


class Parser:
    """Makes frames of bytes. However the bytes are split, the frames are the same.

    Args:
        largest: bytes that one event may have.
    """

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._rest = bytearray()
        self._searched = 0
        self._data: list[str] = []
        self._id: str | None = None
        self._size = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that this chunk completes.

        Raises:
            FrameTooLargeError: an event is larger than the limit.
        """
        self._rest += chunk
        frames: list[Frame] = []
        start = 0
        while (end := self._rest.find(b"\n", max(start, self._searched))) >= 0:
            self._refuse_more_than_limit(end - start)
            frames += self._line(bytes(self._rest[start:end]).removesuffix(b"\r"))
            start = end + 1
        # What was searched once is not searched again: a large event comes in thousands of chunks.
        del self._rest[:start]
        self._searched = len(self._rest)
        self._refuse_more_than_limit(len(self._rest))
        return frames

    def close(self) -> list[Frame]:
        """The frames that the end of the bytes completes: a JSON object needs no line end, half an event is dropped."""
        line, self._rest = bytes(self._rest), bytearray()
        self._searched = 0
        self._data.clear()
        found = _json(line.decode("utf-8", "replace")) if line.lstrip()[:1] == b"{" else None
        return [] if found is None else [Frame(found)]

    def _refuse_more_than_limit(self, size: int) -> None:
        if size + self._size > self._largest:
            raise FrameTooLargeError(
                f"one event has more than {self._largest:,} bytes: some node of the flow gives out that much"
            )

    def _line(self, line: bytes) -> Iterator[Frame]:
        # Bytes that are no UTF-8 become U+FFFD, as the standard wants: one broken character is not worth a run.
        text = line.decode("utf-8", "replace")
        if not text.strip():
            yield from self._dispatch()
        elif text.lstrip()[0] in "{[":
            yield _frame(text.strip(), None)
        else:
            self._field(text)

    def _field(self, text: str) -> None:
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value)
            self._refuse_more_than_limit(0)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name and name not in ("event", "retry", "id"):
            self._data.append(text)

    def _dispatch(self) -> Iterator[Frame]:
        data, self._data, self._size = "\n".join(self._data), [], 0
        if data:
            yield _frame(data, self._id)
        self._id = None


def _frame(text: str, event_id: str | None) -> Frame:
    found = _json(text)
    return Frame(found, event_id) if found is not None else Frame(None, event_id, text[:200])


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
