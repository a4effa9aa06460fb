"""What a flow prints and logs becomes `log` events of its run, and still goes where it went before.

Which run a print belongs to is a context variable, so runs that overlap do not mix, and the user's own cells are left
alone. `sys.stdout` and the factory of log records are replaced only while a run is active.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TextIO

from lfwidget.errors import EventError
from lfwidget.model.log import RunLog

__all__ = ["capturing"]

_LONGEST_LINE = 8_192
"""Characters of one line that are held back in the hope of its end."""


class _Sink:
    """Where the prints of one run go, line by line."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._line = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        with self._lock:
            *lines, self._line = (self._line + text).split("\n")
            if len(self._line) > _LONGEST_LINE:
                lines.append(self._line)
                self._line = ""
        for line in lines:
            self.add("info", line, "print")

    def close(self) -> None:
        """What has no end of line yet is a line too."""
        with self._lock:
            line, self._line = self._line, ""
        if line:
            self.add("info", line, "print")

    def add(self, level: str, message: str, source: str) -> None:
        # A thread that a node left behind may print after the end; nobody waits for that any more.
        with suppress(EventError):
            if message:
                self._log.append("log", level=level, message=message, source=source)


_sink: ContextVar[_Sink | None] = ContextVar("lfwidget_sink", default=None)


class _Tee:
    """Stands in for `sys.stdout`: writes go there, and to the sink of the run they come from. It is a stream in
    everything else too, since it asks the one behind it.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        sink = _sink.get()
        if sink is None:
            return self.stream.write(text)
        # There may be another of us further behind, where somebody put a stream of their own between.
        token = _sink.set(None)
        try:
            sink.write(text)
            return self.stream.write(text)
        finally:
            _sink.reset(token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stream)


class _Taps:
    """The two replacements: in place from the start of the first run to the end of the last."""

    def __init__(self) -> None:
        # A run may be collected, and so closed, in the midst of anything this thread does.
        self._lock = threading.RLock()
        self._runs = 0
        self._factory: Any = logging.LogRecord

    def open(self) -> None:
        with self._lock:
            self._runs += 1
            if not isinstance(sys.stdout, _Tee):
                sys.stdout = _Tee(sys.stdout)
            if logging.getLogRecordFactory() != self._record:
                self._factory = logging.getLogRecordFactory()
                logging.setLogRecordFactory(self._record)

    def close(self) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs:
                return
            # Where somebody has put a stream or a factory of their own over ours it stays, and ours lets pass.
            if isinstance(sys.stdout, _Tee):
                sys.stdout = sys.stdout.stream
            if logging.getLogRecordFactory() == self._record:
                logging.setLogRecordFactory(self._factory)

    def _record(self, *args: Any, **keywords: Any) -> logging.LogRecord:
        """A handler on the root logger would be simpler, and would switch off `logging.basicConfig` and the last resort
        that shows warnings.
        """
        record: logging.LogRecord = self._factory(*args, **keywords)
        sink = _sink.get()
        if sink is not None and record.name:
            sink.add(_level(record.levelno), _message(record), record.name)
        return record


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Arguments that do not fit the format: `logging` itself complains about them, where it always does.
        return str(record.msg)


_taps = _Taps()


@contextmanager
def capturing(log: RunLog) -> Iterator[None]:
    """While this is open, what is printed and logged in this context (and what it starts) goes to `log` as well. The
    context belongs to the run and ends with it.
    """
    sink = _Sink(log)
    _sink.set(sink)
    _taps.open()
    try:
        yield
    finally:
        sink.close()
        _taps.close()
