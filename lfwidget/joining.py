"""`lf.join()`: somebody else's run as a run here, live by the link they shared; and `Room`, for every run of a flow."""

from __future__ import annotations

import asyncio
import contextvars
import uuid
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from lfwidget import display, runtime
from lfwidget.errors import GatewayError, InputError, UnknownNameError
from lfwidget.model.graph import Graph
from lfwidget.record.about import About
from lfwidget.run import Run
from lfwidget.runners.base import Question
from lfwidget.runners.replay import outcome
from lfwidget.runners.socket.address import Address, way_to
from lfwidget.runners.socket.client import Client, refused
from lfwidget.runners.socket.track import OutOfStepError, Track, Tracks
from lfwidget.work import Work

if TYPE_CHECKING:
    from lfwidget.widget.widget import FlowWidget

__all__ = ["Room", "join"]

_PATIENCE = 15.0
_PAUSE = 0.2
_LEFT = "you stopped watching: the run itself may go on"


def join(link: str) -> Run | Room:
    """Watch somebody else's run, live, by the link they shared. Who comes late gets everything.

    Args:
        link: as `link.url` of whoever shared it gives it, with what follows the `#`.

    Returns:
        The run: it shows, waits, and becomes a record like one of your own. For a link to a flow, the room in which its
        runs appear.

    Raises:
        GatewayError: the gateway refuses, cannot be reached, or has no such run.
        InputError: this is no link to a shared run.
    """
    watching = _Watching(Address.of(link))
    watching.look()
    if watching.address.kind == "flows":
        return Room(watching)
    for track in watching.tracks.runs.values():
        if track.log.last_seq and track.log.since(0)[0]["kind"] == "run.started":
            work = watching.work_of(track)
            work.start(partial(watching.follow_one, track))
            run = Run(work, _input(track), about=About.of(track.log.since(0)[0]))
            run.answered_by(lambda: True)
            return run
    raise GatewayError(f"{watching.address.url}: the beginning of this run is kept no longer", watching.address.url)


class _Watching:
    """One connection, and the runs that come over it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.tracks = Tracks()
        self.client = Client(address, lambda: self.tracks.position, self._say)
        self.began: Callable[[Track], None] = lambda _track: None
        self.ends = runtime.Signal()
        self.trouble: GatewayError | None = None
        self._announced: set[str] = set()
        self._works: list[_JoinedWork] = []

    @property
    def may_run(self) -> bool:
        """Whether the link allows more than watching."""
        return self.tracks.can == "run"

    def look(self) -> None:
        """What there is already, before anything goes on in the background.

        Raises:
            GatewayError: the gateway refuses, or cannot be reached.
        """
        headers = {"Authorization": f"Bearer {self.address.token}"}
        try:
            with httpx.Client(timeout=_PATIENCE, headers=headers, transport=way_to(self.address.url)) as client:
                response = client.get(self.address.events, params={"wait": "0"})
        except httpx.HTTPError as error:
            words = str(error) or type(error).__name__
            raise GatewayError(f"cannot reach {self.address.url}: {words}", self.address.url) from None
        if response.status_code != 200:  # noqa: PLR2004 - HTTP
            raise refused(self.address, response.status_code, response.content)
        try:
            for message in response.json()["messages"]:
                list(self.tracks.take(message))
        except (ValueError, KeyError, TypeError, OutOfStepError) as error:
            raise GatewayError(f"{self.address.url} is no gateway of lfwidget: {error}", self.address.url) from None

    def work_of(self, track: Track) -> _JoinedWork:
        """What is behind the run that is followed on this track."""
        started = track.log.since(0)[0]
        self._works.append(_JoinedWork(self, track, started.get("name") or started["flow"]))
        return self._works[-1]

    async def follow(self) -> None:
        """Take in what comes, until nothing more will."""
        while not self.tracks.over:
            try:
                async with aclosing(self.client.messages()) as messages:
                    async for message in messages:
                        self._take(message)
                        if self.tracks.over:
                            return
            except OutOfStepError:
                # Ask again from where we are; a gateway that is broken for good must not be asked without a pause.
                await asyncio.sleep(_PAUSE)

    def _take(self, message: dict[str, Any]) -> None:
        for track in self.tracks.take(message):
            self._announce(track)
        if message.get("kind") == "refused":
            self._remark(f"the gateway refuses: {message.get('message')}")
        self._notify()

    async def follow_one(self, track: Track) -> Any:
        """The one run that the link is for."""
        await self.follow()
        return outcome(track.log.since(0))

    async def until_ended(self, track: Track) -> Any:
        """One of many: somebody else follows."""
        await self.ends.until(lambda: track.log.ended or self.trouble is not None)
        if not track.log.ended and self.trouble is not None:
            raise self.trouble
        return outcome(track.log.since(0))

    def announce(self) -> None:
        """Tell of the runs that are known."""
        for track in list(self.tracks.runs.values()):
            self._announce(track)

    def _announce(self, track: Track) -> None:
        if track.log.last_seq and track.run not in self._announced:
            self._announced.add(track.run)
            self.began(track)

    def _notify(self) -> None:
        """A question came, or an end."""
        self.ends.notify()
        for work in self._works:
            work.changes.notify()

    def _say(self, trouble: str) -> None:
        if trouble:
            self._remark(f"connection lost, reconnecting ({trouble})")
        else:
            self._remark("connected again", "info")

    def _remark(self, words: str, level: str = "warning") -> None:
        for track in self.tracks.runs.values():
            track.remark(words, level)


class _JoinedWork(Work):
    """What is behind a run that is followed: its producer does the work."""

    def __init__(self, watching: _Watching, track: Track, name: str) -> None:
        super().__init__(track.log, track.run, name)
        self._watching = watching
        self.desk = _RemoteDesk(self, watching)  # type: ignore[assignment]  # it has the same two doors

    def cancel(self, reason: str) -> None:
        """Stop the run, where the link allows that; else stop watching."""
        if self._watching.may_run:
            self._watching.client.post({"kind": "cancel", "run": self.id})
        else:
            super().cancel(_LEFT if reason == "you cancelled it" else reason)


class _RemoteDesk:
    """The questions of a run that goes on elsewhere."""

    def __init__(self, work: Work, watching: _Watching) -> None:
        self._work, self._watching = work, watching

    @property
    def pending(self) -> list[Question]:
        """What is asked, as far as we may answer it."""
        if not self._watching.may_run:
            return []
        open_ones: list[dict[str, Any]] = self._work.read(
            lambda state: [dict(asked) for asked in state.pending.values()]
        )
        return [_question(asked) for asked in open_ones]

    def answer(self, value: Any, request: str | None, *, typed: bool = False) -> None:  # noqa: ARG002 - the producer reads it
        """Send an answer: the producer looks whether it fits."""
        questions = {question.request: question for question in self.pending}
        if not self._watching.may_run:
            raise InputError("this link lets you watch: whoever shared it answers")
        if not questions:
            raise InputError("nothing is asked here: `run.pending` is empty")
        if request is None and len(questions) > 1:
            raise InputError(
                f"several questions are open, so say which: run.answer(value, request) of {list(questions)}"
            )
        request = request or next(iter(questions))
        if request not in questions:
            raise UnknownNameError("open question", request, questions)
        self._watching.client.post(
            {"kind": "answer", "request": request, "run": self._work.id, "question": request, "value": value}
        )


class Room:
    """Every run of a flow that somebody shares: the newest, and then the next ones. As the last line of a cell it shows
    them live.

    Attributes:
        url: of the room, without the token.
        runs: those that were seen, the newest last.
    """

    def __init__(self, watching: _Watching) -> None:
        self.url = watching.address.url
        self.runs: list[Run] = []
        self._watching = watching
        self._widget: FlowWidget | None = None
        self._news = runtime.Signal()
        watching.began = self._add
        watching.announce()
        self._job = runtime.Job(runtime.home(), self._follow(), contextvars.copy_context(), self._news.notify)

    @property
    def run(self) -> Run | None:
        """The newest run; None before any."""
        return self.runs[-1] if self.runs else None

    async def next(self) -> Run:
        """Wait for the next run to begin.

        Raises:
            GatewayError: the gateway refuses, or the link was closed.
        """
        count = len(self.runs)
        await self._news.until(lambda: len(self.runs) > count or self._watching.trouble is not None)
        if len(self.runs) == count and self._watching.trouble is not None:
            raise self._watching.trouble
        return self.runs[count]

    def start(self, typed: Any = None) -> None:
        """Have a run started where the flow is, if the link allows that; it appears here by itself.

        Args:
            typed: text, or a dict by the fields of the flow's form.

        Raises:
            InputError: the link lets you watch only.
        """
        if not self._watching.may_run:
            raise InputError("this link lets you watch: whoever shared it starts the runs, or shares with can='run'")
        self._watching.client.post({"kind": "start", "request": uuid.uuid4().hex, "input": typed})

    def leave(self) -> None:
        """Watch nothing more."""
        self._job.cancel()

    async def _follow(self) -> None:
        try:
            await self._watching.follow()
        except GatewayError as error:
            self._watching.trouble = error
        except asyncio.CancelledError:
            self._watching.trouble = GatewayError(_LEFT, self.url)
        self._watching.ends.notify()
        self._news.notify()

    def _add(self, track: Track) -> None:
        work = self._watching.work_of(track)
        work.start(lambda: self._watching.until_ended(track))
        run = Run(work, _input(track), lambda: self._widget is not None, About.of(track.log.since(0)[0]))
        run.answered_by(lambda: True)
        self.runs.append(run)
        if self._widget is not None:
            self._widget.title = self._title
            self._widget.add(run.id, run.name, run.log)
        self._news.notify()

    @property
    def widget(self) -> FlowWidget:
        """The room as an ipywidgets widget."""
        from lfwidget.widget.widget import FlowWidget

        if self._widget is None or self._widget.comm is None:
            self._widget = FlowWidget(
                graph=self.runs[-1].log.since(0)[0]["graph"] if self.runs else Graph(nodes=[], edges=[]),
                title=self._title,
                cancel=lambda run: self._find(run).cancel("Stop was pressed"),
                answer=lambda run, request, value: self._find(run).answer_typed(value, request),
                note=lambda run, words, at: self._find(run).note(*words, at=at),
            )
            for run in self.runs:
                self._widget.add(run.id, run.name, run.log)
        return self._widget

    @property
    def _title(self) -> str:
        return self.runs[-1].about.flow if self.runs else "Waiting for the first run"

    def _find(self, run_id: str) -> Run:
        for run in self.runs:
            if run.id == run_id:
                return run
        raise UnknownNameError("run", run_id, [run.id for run in self.runs])

    def __repr__(self) -> str:
        return f"<room {self.url} · {len(self.runs)} runs>" + (f"\n{self.runs[-1]!r}" if self.runs else "")

    def _ipython_display_(self) -> None:
        if runtime.kernel() is None:
            raise NotImplementedError
        from IPython.display import publish_display_data

        publish_display_data(self._repr_mimebundle_())  # type: ignore[no-untyped-call]  # IPython has no types here

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if runtime.kernel() is None or runtime.is_batch():
            return {"text/plain": repr(self)}
        return display.bundle(self.widget, repr(self))


def _input(track: Track) -> Any:
    return track.log.since(0)[0].get("input")


def _question(asked: dict[str, Any]) -> Question:
    return Question(
        asked["request"],
        asked["node"],
        asked["span"],
        asked.get("prompt"),
        asked.get("schema"),
        choices=asked.get("choices") or (),
        hint=asked.get("hint") or "",
    )
