"""`lf.open()` and `lf.records()`: from a file to a Run that has ended."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lfwidget.errors import InputError, RecordError, RecordWarning, UnknownNameError
from lfwidget.model.log import RunLog
from lfwidget.model.preview import preview
from lfwidget.model.state import RunState
from lfwidget.record.about import About
from lfwidget.record.file import Record, read_record
from lfwidget.record.found import in_notebook, in_page
from lfwidget.run import Run
from lfwidget.runners.replay import outcome
from lfwidget.work import Work

__all__ = ["RecordInfo", "open", "records"]

_LONGEST = 60


@dataclass(frozen=True)
class RecordInfo:
    """A record in a file, as `lf.records()` lists it.

    Attributes:
        position: its place in the file, from 0: `lf.open(path, run=position)`.
        name: of the run.
        flow: name of the flow.
        input: what the flow was given.
        started_at: ISO 8601 with the offset.
        models: names of the models in the flow.
        status: `finished`, `failed` or `cancelled`; `running` where the end is missing.
        duration: seconds; None where the end is missing.
    """

    position: int
    name: str
    flow: str
    input: Any
    started_at: str
    models: tuple[str, ...]
    status: str
    duration: float | None

    def __repr__(self) -> str:
        parts = (
            f"{self.position}: {self.name}",
            self.flow,
            self.started_at[:16].replace("T", " "),
            self.status,
            ", ".join(self.models),
            preview(self.input, _LONGEST) if self.input != self.name else "",
        )
        return f"<record {' · '.join(filter(None, parts))}>"


def open(path: str | os.PathLike[str], run: str | int | None = None) -> Run:  # noqa: A001 - it is lf.open
    """Open a record: a `.lfrun` file, a saved notebook or an exported page that holds one.

    Args:
        path: of the file.
        run: which one, where there are several: a position from 0 (-1 is the last), or a name.

    Returns:
        A run that has ended: read it, show it, `replay()` it. Of a file that was cut off, as far as it goes.

    Raises:
        OSError: the file cannot be read.
        RecordError: it holds no record, or one that was changed or comes from a newer lfwidget; what could be read is
            in `.run` and `.events`.
        InputError: there are several, and `run` does not say which.
        UnknownNameError: there is none of this name or position.

    Warns:
        RecordWarning: the end of the record is missing.
    """
    try:
        record = _pick(_read(path), run, str(path))
    except RecordError as error:
        if error.events:
            error.run = _run(Record(About.from_json(error.events[0]), error.events, str(error)))
        raise
    if record.cut:
        warnings.warn(f"{path}: {record.cut}", RecordWarning, stacklevel=2)
    return _run(record)


def records(path: str | os.PathLike[str]) -> list[RecordInfo]:
    """List the records in a file: name, input, date, models.

    Raises:
        OSError: the file cannot be read.
        RecordError: it cannot hold a record, or one in it is damaged.
    """
    return [_info(position, record) for position, record in enumerate(_read(path))]


def _read(path: str | os.PathLike[str]) -> list[Record]:
    """By what is in the file, not by what it is called."""
    start = _start(path)
    if start.startswith(b'{"lfwidget"') or not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"<")):
        return [read_record(path)]
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        found = in_page(text) if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else in_notebook(text)
    except UnicodeDecodeError as error:
        raise RecordError(f"this is no text: {error}", str(path)) from error
    except RecordError as error:
        raise RecordError(str(error), str(path)) from error
    return found


def _start(path: str | os.PathLike[str]) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(200)


def _pick(found: Sequence[Record], run: str | int | None, path: str) -> Record:
    if not found:
        raise RecordError("no record of a run is in here", path)
    names = [record.about.name for record in found]
    if run is None:
        if len(found) > 1:
            listed = ", ".join(f"{position}: {name!r}" for position, name in enumerate(names))
            raise InputError(f"{path} holds {len(found)} records: say which, as in run=0 ({listed})")
        return found[0]
    if isinstance(run, int):
        if not -len(found) <= run < len(found):
            raise UnknownNameError("record at position", str(run), map(str, range(len(found))))
        return found[run]
    of_that_name = [record for record, name in zip(found, names, strict=True) if name == run]
    if len(of_that_name) > 1:
        raise InputError(f"{len(of_that_name)} records are named {run!r}: pick one by its position, as in run=0")
    if not of_that_name:
        raise UnknownNameError("record", str(run), names)
    return of_that_name[0]


def _run(record: Record) -> Run:
    log = RunLog()
    log.extend(record.events)
    if not log.ended:
        log.append("run.cancelled", reason=record.cut or "the record ends here: it was made while the run went on")
    state = RunState(log.since(0))
    return Run(Work.done(log, lambda: outcome(log.since(0))), state.input, about=record.about)


def _info(position: int, record: Record) -> RecordInfo:
    state = RunState(record.events)
    about = record.about
    return RecordInfo(
        position, about.name, about.flow, state.input, about.started_at, about.models, state.status, state.duration
    )
