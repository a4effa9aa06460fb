"""One run of a LangFlow server, as its watchers see it. Nothing of LangFlow is imported here.

A run that nobody watches costs an append for each event: what LangFlow sends is kept as the bytes that it is. When
somebody comes, they are read from the beginning, by the fold that `lf.connect` uses; from then on as they come, until
the last watcher has left.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from lfwidget.errors import ComponentError
from lfwidget.failure import error_info
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import Entry, SharedLog, encode
from lfwidget.model.events import FORMAT
from lfwidget.model.graph import Graph
from lfwidget.model.log import RunLog
from lfwidget.model.redact import Redactor, known_secrets
from lfwidget.model.state import RunState
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import Export, read_export
from lfwidget.runners.langflow.server.fold import CANCELLED, Fold
from lfwidget.runners.langflow.server.tap import TAP
from lfwidget.runners.langflow.server.vocabulary import said
from lfwidget.runners.langflow.tweak import secrets_of

__all__ = ["LARGEST", "About", "TappedRun"]

LARGEST = 16_000_000
"""Bytes that are kept of a run while nobody watches it; a token takes about 200."""
_SLICE = 0.005
"""Seconds for which what has piled up keeps LangFlow's loop to itself."""

Outcome = Literal["finished", "failed", "cancelled"]
_logger = logging.getLogger("lfwidget")


@dataclass(frozen=True)
class About:
    """What is known of a run when it begins.

    Attributes:
        run: its id: the job's, where it is one.
        owner: id of the user who started it.
        flow_id: of the flow.
        name: of the flow.
        input: what went into its Chat Input.
        data: `nodes` and `edges` that run.
    """

    run: str
    owner: str
    flow_id: str = ""
    name: str = ""
    input: Any = None
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class _Start:
    """A node begins."""


@dataclass(frozen=True)
class _End:
    """The run is over."""

    outcome: Outcome
    error: dict[str, str] | None = None


_START = _Start()
_Payload = bytes | _Start | _End


class _Log(SharedLog):
    """Says when the first watcher comes, and the last one goes.

    Args:
        wanted: is called at each change.
    """

    def __init__(self, run: str, epoch: str, settings: Settings, archive: _Archive, wanted: Callable[[], None]) -> None:
        super().__init__(run, epoch, archive=archive, keep=settings.keep_events, period=settings.frame_period)
        self._wanted = wanted

    @property
    def is_watched(self) -> bool:
        """Whether anybody is there."""
        return bool(self._listeners)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called when there is something new."""
        leave = super().subscribe(listener)
        self._wanted()

        def unsubscribe() -> None:
            leave()
            self._wanted()

        return unsubscribe


class _Archive:
    """The older events of a run: all are in its log."""

    def __init__(self) -> None:
        self.log: RunLog | None = None

    async def read(self, after: int, most: int) -> tuple[int, Sequence[Entry]]:
        """As `Archive.read`."""
        events = [] if self.log is None else self.log.since(after)[:most]
        return after + 1, encode(events)


class TappedRun:
    """A run; made on the loop that it lives on.

    Args:
        about: what is known of it; of one that is queued only who it belongs to.
        settings: of the gateway.

    Attributes:
        about: what is known of it.
        outcome: how it ended; "" while it goes on, or waits.
        begun: whether it has begun.
        shared: what its watchers read.
        size: bytes that are kept and have not been read.
    """

    def __init__(self, about: About, settings: Settings) -> None:
        self.about = about
        self.outcome: Outcome | Literal[""] = ""
        self.begun = False
        self.size = 0
        self._loop = asyncio.get_running_loop()
        self._period = settings.frame_period
        self._archive = _Archive()
        self.shared = _Log(about.run, secrets.token_hex(6), settings, self._archive, self._wanted)
        self._raw: deque[tuple[float, str, _Payload]] = deque()
        self._lost = 0
        self._asks = False
        self._question: dict[str, Any] = {}
        self._clock = self._merged = 0.0
        self._log: RunLog | None = None
        self._fold: Fold | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._told = False

    # What LangFlow says

    def begin(self, about: About) -> None:
        """It begins; or goes on, with an answer that a node had asked for."""
        self._asks = False
        if not self.begun:
            self.about, self.begun = about, True
            self.began = time.perf_counter()
            self.began_at = datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")
            self._tell()

    def note(self, payload: bytes, node: str = "") -> None:
        """Something happened: LangFlow's event as it is sent. Called for each token, it does next to nothing."""
        self._keep(payload, node)
        # It begins so where LangFlow itself writes it; nothing is parsed for that.
        self._asks = payload.startswith(b'{"event": "human_input_required"')

    def note_start(self, node: str) -> None:
        """A node begins."""
        self._keep(_START, node)

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """It is over, unless it has stopped to ask a person."""
        if not (self._asks and outcome == "finished"):
            self.outcome = outcome
            self._keep(_End(outcome, None if error is None else error_info(error, trace=False)), "")

    def forget(self) -> None:
        """Let go of it."""
        self._raw.clear()
        self.size = 0
        self.shared.withdraw()

    def _keep(self, payload: _Payload, node: str) -> None:
        self._raw.append((time.perf_counter(), node, payload))
        self.size += sys.getsizeof(payload)
        while self.size > LARGEST and len(self._raw) > 1:
            self.size -= sys.getsizeof(self._raw.popleft()[2])
            self._lost += 1
        self._tell()

    def _tell(self) -> None:
        if self._reader is not None and not self._told:
            self._told = True
            # A component may send its events from a thread without a loop.
            self._loop.call_soon_threadsafe(self._news.set)

    # What its watchers see

    def _wanted(self) -> None:
        if self._reader is not None:
            self._news.set()
        elif self.shared.is_watched and not self.shared.ended:
            self._reader = self._loop.create_task(self._read())

    async def _read(self) -> None:
        """While anybody watches."""
        try:
            while self.shared.is_watched and not self.shared.ended:
                self._news.clear()
                self._told = False
                if self.begun:
                    await self._take_in()
                began = time.perf_counter()
                await self._news.wait()
                # A frame holds what came since the last one; the first token after a silence waits for nothing.
                await asyncio.sleep(max(0.0, self._period - (time.perf_counter() - began)))
        except Exception:
            # What LangFlow said could not be read: those who watch are told that it is over for them.
            _logger.exception("lfwidget: the run %s can no longer be watched", self.about.run)
            self.forget()
        finally:
            self._reader = None

    async def _take_in(self) -> None:
        if self._fold is None:
            self._open(*await asyncio.to_thread(_drawn, self.about))
        if self._lost:
            words = f"{self._lost} events of this run were not kept, since nobody watched it"
            self._append("log", level="warning", message=words, source="server")
            self._lost = 0
        began = time.perf_counter()
        while self._raw:
            at, node, payload = self._raw.popleft()
            self.size -= sys.getsizeof(payload)
            self._turn_to(at)
            self._take(node, payload)
            if time.perf_counter() - began > _SLICE:
                await asyncio.sleep(0)
                began = time.perf_counter()
        if not self.shared.ended and self._log is not None and not self._log.ended:
            self._turn_to(time.perf_counter())
        self._publish()

    def _open(self, export: Export, graph: Graph, hidden: frozenset[str]) -> None:
        self._clock = self._merged = self.began
        redactor = Redactor({*known_secrets(), *secrets_of(export)})
        log = self._log = self._archive.log = RunLog(lambda: self._clock, redactor)
        self._fold = Fold(export, log, _keep_nothing, hidden=hidden, exact=True, clock=lambda: self._clock)
        self._append(
            "run.started",
            run_id=self.about.run,
            flow=self.about.name,
            input=self.about.input,
            started_at=self.began_at,
            graph=graph,
            format=FORMAT,
        )

    def _turn_to(self, at: float) -> None:
        """Go on to a moment. What is read late shall be as what is read at once: merged when it would have been."""
        if self._log is not None and at - self._merged >= self._period:
            self._clock = max(self._clock, min(at, self._merged + self._period))
            self._log.merge()
            self._merged = at
        self._clock = max(self._clock, at)

    def _take(self, node: str, payload: _Payload) -> None:
        assert self._fold is not None  # noqa: S101 - opened before anything is read
        if self._question:
            self._append("input.given", **self._question, value="(in LangFlow)")
            self._question = {}
        if isinstance(payload, _Start):
            self._fold.take({"event": "build_start", "data": {"id": node}})
        elif isinstance(payload, _End):
            self._finish(self._fold, payload)
        else:
            event = json.loads(payload)
            if isinstance(event, dict):
                self._fold.take({**event, "node": node} if node else event)
                self._look_at_question(self._fold, event)

    def _look_at_question(self, fold: Fold, event: Mapping[str, Any]) -> None:
        """A node asks a person, who answers in LangFlow."""
        if not fold.asks:
            return
        fold.asks = False
        data = event.get("data")
        request = said(data.get("request_id")) if isinstance(data, Mapping) else ""
        node = request.partition(":")[0]
        if span := fold.running(node):
            self._question = {"node": node, "span": span, "request": request}
            self._append("input.requested", **self._question, prompt="It is answered in LangFlow.")

    def _finish(self, fold: Fold, end: _End) -> None:
        reasons = {"finished": "", "failed": "the run failed", "cancelled": CANCELLED}
        cancelled = end.outcome == "cancelled" or fold.cancelled
        fold.close(CANCELLED if cancelled else reasons[end.outcome])
        failed = fold.failure
        if cancelled:
            self._append("run.cancelled", reason=CANCELLED)
        elif isinstance(failed, ComponentError):
            where = {"node": failed.node} if failed.node else {}
            self._append("run.failed", error={"type": failed.type or "Exception", "message": failed.message}, **where)
        elif end.error is not None:
            self._append("run.failed", error=end.error)
        else:
            usage = self._usage()
            self._append("run.finished", output=fold.output, **({} if usage is None else {"usage": usage}))

    def _usage(self) -> Any:
        state = RunState()
        for event in () if self._log is None else self._log.since(0):
            state.apply(event)
        return state.usage

    def _append(self, kind: str, **fields: Any) -> None:
        assert self._log is not None  # noqa: S101 - opened before anything is read
        if not self._log.ended:
            self._log.append(kind, **fields)

    def _publish(self) -> None:
        if self._log is not None and (news := self._log.since(self.shared.head)):
            self.shared.extend(encode(news))


def _drawn(about: About) -> tuple[Export, Graph, frozenset[str]]:
    """The flow, without the nodes that lfwidget added to make its models stream."""
    nodes = [node for node in about.data.get("nodes") or () if not _is_tap(node.get("id"))]
    edges = [edge for edge in about.data.get("edges") or () if not _is_tap(edge.get("target"))]
    hidden = frozenset(str(node["id"]) for node in about.data.get("nodes") or () if _is_tap(node.get("id")))
    with warnings.catch_warnings():
        # What cannot be drawn is seen by who draws it; in a server's log it is of no use.
        warnings.simplefilter("ignore")
        export = read_export({"name": about.name, "data": {"nodes": nodes, "edges": edges}})
        return export, draw(export), hidden


def _is_tap(node: Any) -> bool:
    return said(node).startswith(TAP)


def _keep_nothing(_span: str, _value: Any) -> None:
    """The live objects are LangFlow's."""
