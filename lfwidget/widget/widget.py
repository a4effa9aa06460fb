"""The widget: traits and messages. It is given a graph, logs by run id and what to call; it knows no flow, no run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anywidget
import traitlets
from ipywidgets import Layout  # type: ignore[import-untyped]  # it has no stubs

from lfwidget import runtime
from lfwidget.errors import EventError, InputError, LfwidgetError
from lfwidget.model.graph import Graph
from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.page_files import page_file
from lfwidget.runners.base import Form
from lfwidget.ticker import ticker
from lfwidget.widget.board import Board
from lfwidget.widget.feed import Feed
from lfwidget.widget.messages import Answer, Cancel, Keep, Message, Note, Ping, Player, Resync, Start, parse

__all__ = ["FlowWidget"]

_TRAIT_PERIOD = 0.1
"""Seconds between two updates of the traits that observers see."""

_logger = logging.getLogger("lfwidget")


class FlowWidget(anywidget.AnyWidget):
    """A flow and its runs in a page. Tokens travel as frames on the ticker's thread; traits are set where cells run.

    Args:
        graph: what is drawn before the first run.
        title: the name of the flow.
        form: what the page asks for; None for a page that only watches.
        start: starts a run of what was typed, and gives its id.
        cancel: stops a run, by id.
        answer: takes a run's id, the request that is answered, and the value.
        note: adds a note to a run: takes its id, the words of the note (after the node's id, where it is on one), and
            the moment in seconds, or None.
        keep: puts the record of a run into the notebook, and gives the token by which the page finds it.

    Attributes:
        runs: [{id, name, status}], the newest last.
        shown: id of the run that every view shows.
        nodes: {node id: {status, tokens, duration}} of the run that is shown, at most ten times a second.
        height: of a view, in pixels.
    """

    _esm = property(lambda _self: page_file("widget.js"))
    _css = property(lambda _self: page_file("widget.css"))

    graph = traitlets.Dict().tag(sync=True)
    form = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    runs: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    shown = traitlets.Unicode().tag(sync=True, echo_update=False)
    nodes = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(420).tag(sync=True, echo_update=False)

    def __init__(  # noqa: PLR0913 - it has no flow that it could ask instead
        self,
        *,
        graph: Graph,
        title: str,
        cancel: Callable[[str], None],
        answer: Callable[[str, str, Any], None],
        note: Callable[[str, Sequence[str], float | None], None],
        form: Form | None = None,
        start: Callable[[Any], str] | None = None,
        keep: Callable[[str], str] | None = None,
    ) -> None:
        self._start_run, self._cancel_run, self._answer_run = start, cancel, answer
        self._note_run, self._keep_run = note, keep
        self._feeds: dict[str, Feed] = {}
        # Without a kernel there is no thread on which all traits are set.
        self._runs_lock = threading.RLock()
        self._board = Board()
        self._next_update = 0.0
        self._update_due = False
        self._news: tuple[list[dict[str, Any]], dict[str, Any]] | None = None
        self._stop_beats: Callable[[], object] = bool
        # In an HBox a widget is as wide as its content, and a canvas has no width of its own.
        layout = Layout(width="100%")
        super().__init__(graph=dict(graph), title=title, form=None if form is None else dict(form), layout=layout)
        self._stop_beats = ticker.on_beat(self._beat)
        self.on_msg(self._receive)

    def add(self, run: str, name: str, log: RunLog) -> None:
        """Show this run, and keep it to choose from."""
        # The page hears of the run before its first frame, or it would take that for a run it need not keep.
        status = RunState(log.since(0)).status if log.ended else "running"
        with self._runs_lock:
            self.runs = [*self.runs, {"id": run, "name": name, "status": status}]
        self.shown = run
        feed = self._feeds[run] = Feed(run, log, self.send, self._changed)
        ticker.call(feed.push)

    def drop(self, run: str) -> None:
        """Forget a run."""
        feed = self._feeds.pop(run, None)
        if feed is not None:
            feed.stop()
            with self._runs_lock:
                self.runs = [other for other in self.runs if other["id"] != run]

    def kept(self, run: str, token: str) -> None:
        """Say that the record of a run was put into the notebook: a page that does not see it says how to keep it."""
        self._say({"kind": "kept", "run": run, "token": token})

    def close(self) -> None:
        """Send nothing more, and let the page know."""
        self._stop_beats()
        for feed in self._feeds.values():
            feed.stop()
        super().close()

    def _send(self, msg: dict[str, Any], buffers: Any = None) -> None:
        with runtime.speaking_from_main_shell():
            super()._send(msg, buffers)

    # On the ticker's thread

    def _beat(self, busy: bool) -> None:  # noqa: FBT001 - the one fact of a beat
        if any(not feed.state.ended for feed in list(self._feeds.values())):
            self.send({"kind": "beat", "busy": busy})

    def _changed(self) -> None:
        if not self._update_due:
            self._update_due = True
            self._update()

    def _update(self) -> None:
        """Tell the observers, now or as soon as it is time again."""
        now = time.monotonic()
        if now < self._next_update:
            ticker.call(self._update)
            return
        self._next_update = now + _TRAIT_PERIOD
        self._update_due = False
        feeds = dict(self._feeds)
        runs = [{**run, "status": feeds[run["id"]].state.status} for run in self.runs if run["id"] in feeds]
        self._news = (runs, self._board.of(feeds.get(self.shown)))
        runtime.call_where_cells_run(self._take_news)

    # Where cells run

    def _take_news(self) -> None:
        """Set the traits here and not on the sender's thread: observers are the user's code."""
        news, self._news = self._news, None
        if news is None:
            return
        statuses = {run["id"]: run["status"] for run in news[0]}
        with self._runs_lock:
            self.runs = [{**run, "status": statuses.get(run["id"], run["status"])} for run in self.runs]
        self.nodes = news[1]

    @traitlets.observe("shown")
    def _show(self, _change: Any) -> None:
        ticker.call(self._changed)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take what a page says. Nothing that goes wrong here may end in the kernel's log."""
        try:
            message = parse(content)
        except EventError as error:
            request = content.get("request") if isinstance(content, dict) else None
            self._refuse(request if isinstance(request, str) else None, error)
            return
        try:
            self._obey(message)
        except Exception as error:  # noqa: BLE001 - the user's own code ran: the page says what it raised
            self._refuse(getattr(message, "request", None), error)

    def _obey(self, message: Message) -> None:
        match message:
            case Ping():
                self._say({"kind": "pong"})
            case Resync(run, have):
                self._resync(run, have)
            case Start(request, typed):
                if self._start_run is None:
                    raise InputError("this display only watches one run: start another where the flow is displayed")
                self._say({"kind": "started", "request": request, "run": self._start_run(typed)})
            case Cancel(run):
                self._cancel_run(run)
            case Answer(_, run, question, value):
                self._answer_run(run, question, value)
            case _:
                self._tend(message)

    def _tend(self, message: Message) -> None:
        """What is asked about a run that was, mostly."""
        match message:
            case Note(_, run, words, moment):
                self._note_run(run, words, moment)
            case Keep(_, run):
                if self._keep_run is None:
                    raise InputError("this display becomes a record by itself")
                self.kept(run, self._keep_run(run))
            case Player():
                ticker.call(partial(self.send, {"kind": "player"}, [page_file("record.js").encode()]))

    def _resync(self, run: str, have: int) -> None:
        feed = self._feeds.get(run)
        if feed is None:
            self._say({"kind": "head", "run": run, "seq": 0})
        else:
            ticker.call(partial(feed.resync, have))

    def _refuse(self, request: str | None, error: Exception) -> None:
        if request is None:
            _logger.debug("a message of the page was passed over: %s", error)
            return
        text = str(error) if isinstance(error, LfwidgetError) else f"{type(error).__name__}: {error}"
        fields = list(error.fields) if isinstance(error, InputError) else []
        self._say({"kind": "refused", "request": request, "message": text, "fields": fields})

    def _say(self, message: dict[str, Any]) -> None:
        ticker.call(partial(self.send, message))
