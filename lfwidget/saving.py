"""A record file that is written while its run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable

from lfwidget.model.log import RunLog
from lfwidget.record.about import About
from lfwidget.record.file import RecordWriter

__all__ = ["save_while_running"]


def save_while_running(log: RunLog, path: str | os.PathLike[str], about: About) -> None:
    """Write the events of a log to a file as they come, thirty times a second. A file that cannot be written (a full
    disk) costs the file, never the run.
    """
    _Saver(log, path, about)


class _Saver:
    """Follows a log to its end. Notes that come later are for `run.save()`."""

    def __init__(self, log: RunLog, path: str | os.PathLike[str], about: About) -> None:
        self._log = log
        self._path = path
        self._about = about
        self._writer: RecordWriter | None = None
        self._written = 0
        self._unsubscribe: Callable[[], None] = log.subscribe(self._push)

    def _push(self) -> None:
        events = self._log.since(self._written)
        self._written += len(events)
        try:
            self._writer = self._writer or RecordWriter(self._path, self._about)
            self._writer.write(events)
            if self._log.ended:
                self._writer.end()
                self._stop()
        except OSError as error:
            self._stop()
            message = f"{self._path} cannot be written: {error}; the run goes on, run.save() writes it whole"
            if not self._log.ended:
                self._log.append("log", level="warning", source="lfwidget", message=message)

    def _stop(self) -> None:
        self._unsubscribe()
        if self._writer is not None:
            self._writer.close()
