"""The work behind a run: started, waited for and ended here, whatever its runner does. What people hold is `run.py`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from lfwidget import runtime
from lfwidget.capture import capturing
from lfwidget.errors import RunCancelledError, RunDeadlockError
from lfwidget.exits import holding_exits, original
from lfwidget.failure import failure
from lfwidget.model.events import FORMAT
from lfwidget.model.log import RunLog
from lfwidget.model.redact import Redactor, known_secrets, secrets_in
from lfwidget.model.state import RunState
from lfwidget.questions import Desk
from lfwidget.runners.base import Execution, Runner
from lfwidget.ticker import ticker

__all__ = ["Request", "Work", "start"]

_inside: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("lfwidget_inside", default=())
"""Ids of the runs this code is a part of, the outermost first."""


@dataclass(frozen=True)
class Request:
    """What was asked of a flow: the arguments of `flow.run()`, checked."""

    flow: str
    typed: Any
    input: Any
    name: str
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    tweaks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    session_id: str | None = None
    stream_nodes: frozenset[str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    model: Any = None


def start(runner: Runner, request: Request) -> Work:
    """Start a run of a flow; it goes on in the background.

    Args:
        runner: of the flow.
        request: what was asked of it.
    """
    run_id, log = uuid.uuid4().hex[:12], RunLog(redactor=_redactor(runner, request))
    started = log.append(
        "run.started",
        run_id=run_id,
        flow=request.flow,
        name=request.name,
        input=request.typed,
        started_at=datetime.now(UTC).astimezone().isoformat(timespec="milliseconds"),
        graph=runner.graph,
        format=FORMAT,
        tags=list(request.tags),
    )
    # What was asked may hold a key: from here on its name is as the log has it.
    work = Work(log, run_id, started["name"])
    execution = Execution(
        log=log,
        input=request.input,
        ask=work.desk.ask,
        keep=work.kept.__setitem__,
        run_id=run_id,
        config=request.config,
        session_id=request.session_id,
        stream_nodes=request.stream_nodes,
        tweaks=request.tweaks,
        variables=request.variables,
        model=request.model,
    )
    work.start(lambda: runner.execute(execution))
    return work


def _redactor(runner: Runner, request: Request) -> Redactor:
    """Knows the keys of this process, of the flow's models, and whatever was given under a secret name."""
    given = (request.typed, request.input, dict(request.config), dict(request.tweaks))
    known = (*known_secrets(), *getattr(runner, "secrets", ()), *request.variables.values())
    return Redactor({*known, *secrets_in(given)})


class Work:
    """One execution, from its start to its end.

    Args:
        log: where its events go.
        run_id: of the run.
        name: of the run, for messages.

    Attributes:
        output: what the flow returned.
        error: what the flow raised.
        over: whether it has ended.
        reason: why it was cancelled, or is about to be.
        desk: what its nodes ask a person.
        kept: the live objects that spans returned.
        changes: wakes who waits, after each end, question and answer.
    """

    def __init__(self, log: RunLog, run_id: str, name: str) -> None:
        self.log = log
        self.id = run_id
        self.name = name
        self.output: Any = None
        self.error: BaseException | None = None
        self.over = False
        self.reason: str | None = None
        self.kept: dict[str, Any] = {}
        self.changes = runtime.Signal()
        self.desk = Desk(log, self.changes.notify)
        self._state = RunState()
        self._state_lock = threading.RLock()
        self._finished = False
        self._traceback: TracebackType | None = None
        self._job: runtime.Job | None = None

    @classmethod
    def done(cls, log: RunLog, outcome: Callable[[], Any]) -> Work:
        """That of a run that is known from its log alone.

        Args:
            log: with all its events.
            outcome: gives what the run returned, or raises as it did.
        """
        started = log.since(0)[0]
        work = cls(log, started["run_id"], started.get("name") or started["flow"])
        work.over = True
        try:
            work.output = outcome()
            work._finished = True
        except asyncio.CancelledError as cancelled:
            work.reason = str(cancelled)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the run's
            work.error = error
        return work

    def start(self, perform: Callable[[], Awaitable[Any]]) -> None:
        """Begin; what `perform` returns or raises is the outcome."""
        loop = runtime.home()
        ticker.follow(self.log, loop)
        context = contextvars.copy_context()
        context.run(_inside.set, (*_inside.get(), self.id))
        self._job = runtime.Job(loop, self._live(perform), context, self._end)

    async def _live(self, perform: Callable[[], Awaitable[Any]]) -> None:
        """The run itself. It keeps what the flow raises, for whoever asks; nothing here may reach the loop."""
        with capturing(self.log), holding_exits(asyncio.get_running_loop()):
            try:
                self.output = await perform()
            except asyncio.CancelledError as cancelled:
                self.reason = self.reason or str(cancelled) or "its task was cancelled"
            except GeneratorExit:
                # The loop was thrown away with the run in it: `end_if_lost` will tell whoever asks.
                raise
            except BaseException as raised:  # noqa: BLE001 - a `sys.exit()` in a node must not end the kernel
                self.error = original(raised)
                self._traceback = self.error.__traceback__
            else:
                self._finished = True
        self._end()

    def _end(self) -> None:
        """Say how it ended, and wake who waits. Also called for a task that was cancelled before it began."""
        if self.over:
            return
        # A replay brings its end along.
        if not self.log.ended:
            self._say_how()
        self.over = True
        self.changes.notify()

    def _say_how(self) -> None:
        if self._finished:
            usage = self.read(lambda state: state.usage)
            self.log.append("run.finished", output=self.output, **({} if usage is None else {"usage": usage}))
        elif self.error is not None:
            self.log.append("run.failed", **failure(self.error, self.log.since(0)))
        else:
            self.reason = self.reason or "its task was cancelled"
            self.log.append("run.cancelled", reason=self.reason)

    def cancel(self, reason: str) -> None:
        """Ask it to stop, from any thread."""
        if not self.over and self._job is not None:
            self.reason = reason
            self._job.cancel()

    def read(self, question: Callable[[RunState], Any]) -> Any:
        """The answer of `question` from the state after the newest event; the state must not leave it."""
        with self._state_lock:
            for event in self.log.since(self._state.seq):
                self._state.apply(event)
            return question(self._state)

    # Waiting for it

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready()`. As with a task, who stops waiting for it stops it, and learns so when it has."""
        self.refuse_inside()
        self.end_if_lost()
        try:
            await self.changes.until(ready)
        except asyncio.CancelledError:
            self.cancel("the code that awaited it was cancelled")
            await self.changes.until(lambda: self.over or self._job is None or not self._job.loop.is_running())
            raise

    def wait(self, timeout: float | None, ready: Callable[[], bool]) -> None:
        """Wait in synchronous code until `ready()`, which is asked again after each end, question and answer.

        Args:
            timeout: seconds to wait at most.
            ready: whether to go on.

        Raises:
            TimeoutError: it did not come about by then.
        """
        self.end_if_lost()
        if self._job is not None:
            stop = lambda: self.cancel("Ctrl-C was pressed")  # noqa: E731 - the one thing to do
            runtime.wait(self.changes, ready, self._job.loop, timeout, stop)

    def outcome(self) -> Any:
        """What the flow returned; what it raised is raised.

        Raises:
            RunCancelledError: it was cancelled.
        """
        if self.error is not None:
            # Raised as it came, or each time somebody asks would add to its traceback.
            raise self.error.with_traceback(self._traceback)
        if not self._finished:
            raise RunCancelledError(f"the run {self.name!r} was cancelled: {self.reason}", self.reason)
        return self.output

    def refuse_inside(self) -> None:
        """Raise RunDeadlockError in code that is itself a part of this run."""
        if self.id in _inside.get():
            raise RunDeadlockError(
                f"this code is part of the run {self.name!r}, so that run would wait for itself for ever"
            )

    def end_if_lost(self) -> None:
        """A loop that was closed takes its runs with it, without a word to them."""
        if self._job is not None and self._job.loop.is_closed() and not self.over:
            self.reason = "its event loop was closed"
            self._job.abandon()
            self._end()
