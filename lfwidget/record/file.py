"""The record file, `.lfrun`: JSON lines that can be written while a run goes on, and read wherever they break off.

The first line is the head (`{"lfwidget": "run", "format": 1, "flow": ...}`), then one event a line, at the end a
trailer (`{"end": {"events": 12, "status": "finished"}}`). The last field of each line is `crc`: the CRC-32 of the UTF-8
text of the line without it, as eight hexadecimal digits. Notes may follow a trailer, and then another trailer.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lfwidget.errors import EventError, RecordError
from lfwidget.model.check import check_event
from lfwidget.model.events import FORMAT
from lfwidget.model.log import ENDS, RunLog
from lfwidget.record.about import About

__all__ = ["Record", "RecordWriter", "read_record", "write_record"]

Event = dict[str, Any]

MAGIC = "run"
_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}$')


@dataclass(frozen=True)
class Record:
    """A run as data.

    Attributes:
        about: what it says of itself.
        events: in order.
        cut: why the end is missing; "" for a whole record.
    """

    about: About
    events: Sequence[Event]
    cut: str = ""


class RecordWriter:
    """Writes a record as it comes. What was written survives the end of the process, however that comes.

    Args:
        path: of the file; one that exists is replaced.
        about: the head.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], about: About) -> None:
        self.path = Path(path)
        self._count = 0
        self._status = "running"
        # Without a buffer: one that could not be written would be written again when the file is closed.
        self._file = self.path.open("wb", buffering=0)
        try:
            self._write(_line({"lfwidget": MAGIC, **about.to_json()}))
        except OSError:
            self.close()
            raise

    def write(self, events: Iterable[Event]) -> None:
        """Add events, and hand them to the operating system."""
        lines = []
        for event in events:
            lines.append(_line(event))
            self._count = event["seq"]
            if event["kind"] in ENDS:
                self._status = event["kind"].removeprefix("run.")
        self._write(b"".join(lines))

    def end(self) -> None:
        """Write the trailer. Notes may still follow."""
        self._write(_line({"end": {"events": self._count, "status": self._status}}))
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


def write_record(path: str | os.PathLike[str], record: Record) -> None:
    """Write a whole record; the file is there whole, or as it was before."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        writer = RecordWriter(beside, record.about)
        try:
            writer.write(record.events)
            writer.end()
        finally:
            writer.close()
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def read_record(path: str | os.PathLike[str]) -> Record:
    """Read a record, as far as it goes.

    Returns:
        The record; where the file breaks off, up to the last whole event, and `cut` says so.

    Raises:
        OSError: it cannot be read.
        RecordError: it is no record, was made by a newer version, or was changed; `.line` and `.events`.
    """
    return _Reader(str(path)).read(Path(path).read_bytes())


class _Reader:
    """Reads line by line and keeps what it has, for whoever is told that a line is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._log = RunLog()
        self._number = 0
        self._ended = False

    def read(self, data: bytes) -> Record:
        *lines, rest = data.split(b"\n")
        if not lines and not _is_whole(rest):
            raise RecordError("this is no record of lfwidget" if data else "the file is empty", self._path, 1)
        about = self._head(lines[0] if lines else rest)
        for self._number, line in enumerate(lines[1:], 2):
            self._take(line)
        if rest and lines:
            self._number = len(lines) + 1
            # The newline is what a write that was cut off lacks at the least.
            if _is_whole(rest):
                self._take(rest)
        events = self._log.since(0)
        if not events:
            raise RecordError("the file was cut off before its first event", self._path, self._number or 1)
        return Record(about, events, "" if self._ended else f"the file was cut off after event {len(events)}")

    def _head(self, line: bytes) -> About:
        self._number = 1
        head = self._object(line)
        if head.get("lfwidget") != MAGIC:
            raise self._error("this is no record of lfwidget")
        version = head.get("format")
        if not isinstance(version, int) or version > FORMAT:
            raise self._error(
                f"the record has format {version}, this lfwidget reads up to {FORMAT}: pip install -U lfwidget"
            )
        self._check_sum(line)
        return About.from_json(head)

    def _take(self, line: bytes) -> None:
        value = self._object(line)
        self._check_sum(line)
        value.pop("crc")
        end = value.get("end")
        if isinstance(end, dict) and "kind" not in value:
            if end.get("events") != self._log.last_seq:
                raise self._error(
                    f"there should be {end.get('events')} events here, and there are {self._log.last_seq}"
                )
            self._ended = True
            return
        self._ended = False
        try:
            self._log.extend([check_event(value)])
        except EventError as error:
            raise self._error(str(error)) from error

    def _object(self, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError as error:
            what = "this is no record of lfwidget" if self._number == 1 else f"not JSON: {error}"
            raise self._error(what) from error
        if not isinstance(value, dict):
            raise self._error("a line of a record is a JSON object")
        return value

    def _check_sum(self, line: bytes) -> None:
        if not _is_whole(line):
            raise self._error("the checksum is wrong: the line was changed or damaged")

    def _error(self, message: str) -> RecordError:
        return RecordError(message, self._path, self._number, self._log.since(0))


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return b'%s,"crc":"%08x"}\n' % (text[:-1], zlib.crc32(text))


def _is_whole(line: bytes) -> bool:
    """Whether a line agrees with its checksum."""
    found = _CRC.search(line)
    return found is not None and zlib.crc32(line[: found.start()] + b"}") == int(found[1], 16)
