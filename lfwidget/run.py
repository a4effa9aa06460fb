"""`Run`: one execution of a flow, as a handle to wait for it, to read it, to answer it and to stop it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lfwidget import display, runtime
from lfwidget.capture import capturing
from lfwidget.errors import InputRequiredError, RunCancelledError, RunDeadlockError
from lfwidget.exits import holding_exits, original
from lfwidget.failure import failure
from lfwidget.model.events import FORMAT
from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.nodes import Nodes
from lfwidget.questions import Desk, in_words
from lfwidget.runners.base import Execution, Question, Runner
from lfwidget.ticker import ticker

if TYPE_CHECKING:
    from lfwidget.table import Table
    from lfwidget.widget.widget import FlowWidget

__all__ = ["Request", "Run"]

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


class Run:
    """One execution of a flow. It goes on in the background, whether or not anybody holds this.

    `await run` and `run.result()` give the flow's own output and raise its own error; as the last line of a cell a
    run is shown live.

    Attributes:
        id: of this run, everywhere.
        name: what the widget calls it.
        log: its events.
        nodes: what is known of each node, by id or unique title.
        input: what was given to `flow.run()`.
    """

    def __init__(self, runner: Runner, request: Request, watched: Callable[[], bool] = bool) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.name = request.name
        self.input = request.typed
        self.log = RunLog()
        self.nodes = Nodes(self)
        self.output: Any = None
        self.error: BaseException | None = None
        self._runner = runner
        self._watched = watched
        self._changes = runtime.Signal()
        self._desk = Desk(self.log, self._changes.notify)
        self._kept: dict[str, Any] = {}
        self._state = RunState()
        self._state_lock = threading.RLock()
        self._traceback: TracebackType | None = None
        self._finished = False
        self._over = False
        self._reason: str | None = None
        self._widget: FlowWidget | None = None
        self._start(request)

    def _start(self, request: Request) -> None:
        started = self.log.append(
            "run.started",
            run_id=self.id,
            flow=request.flow,
            name=request.name,
            input=request.typed,
            started_at=datetime.now(UTC).astimezone().isoformat(timespec="milliseconds"),
            graph=self._runner.graph,
            format=FORMAT,
            tags=list(request.tags),
        )
        # What was asked may hold a key: from here on its name is as the log has it.
        self.name = started["name"]
        loop = runtime.home()
        ticker.follow(self.log, loop)
        context = contextvars.copy_context()
        context.run(_inside.set, (*_inside.get(), self.id))
        self._job = runtime.Job(loop, self._live(request), context, self._end)

    async def _live(self, request: Request) -> None:
        """The run itself. It keeps what the flow raises, for whoever asks; nothing here may reach the loop."""
        with capturing(self.log), holding_exits(asyncio.get_running_loop()):
            try:
                self.output = await self._runner.execute(self._execution(request))
            except asyncio.CancelledError:
                self._reason = self._reason or "its task was cancelled"
            except GeneratorExit:
                # The loop was thrown away with the run in it: `_end_if_lost` will tell whoever asks.
                raise
            except BaseException as raised:  # noqa: BLE001 - a `sys.exit()` in a node must not end the kernel
                self.error = original(raised)
                self._traceback = self.error.__traceback__
            else:
                self._finished = True
        self._end()

    def _execution(self, request: Request) -> Execution:
        return Execution(
            log=self.log,
            input=request.input,
            ask=self._desk.ask,
            keep=self._kept.__setitem__,
            run_id=self.id,
            config=request.config,
            session_id=request.session_id,
            stream_nodes=request.stream_nodes,
            tweaks=request.tweaks,
        )

    def _end(self) -> None:
        """Say how it ended, and wake who waits. Also called for a task that was cancelled before it began."""
        if self._over:
            return
        if self._finished:
            usage = self.usage
            self.log.append("run.finished", output=self.output, **({} if usage is None else {"usage": usage}))
        elif self.error is not None:
            self.log.append("run.failed", **failure(self.error, self.log.since(0)))
        else:
            self._reason = self._reason or "its task was cancelled"
            self.log.append("run.cancelled", reason=self._reason)
        self._over = True
        self._changes.notify()

    def _end_if_lost(self) -> None:
        """A loop that was closed takes its runs with it, without a word to them."""
        if self._job.loop.is_closed() and not self._over:
            self._reason = "its event loop was closed"
            self._job.abandon()
            self._end()

    # What it did so far

    @property
    def status(self) -> str:
        """`running`, `waiting`, `finished`, `failed` or `cancelled`."""
        return str(self.read(lambda state: state.status))

    @property
    def text(self) -> str:
        """What the last model said."""
        return str(self.read(lambda state: state.text))

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens of the whole run: input_tokens, output_tokens, total_tokens."""
        usage: dict[str, int] | None = self.read(lambda state: state.usage)
        return usage

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None until it ends."""
        duration: float | None = self.read(lambda state: state.duration)
        return duration

    @property
    def pending(self) -> list[Question]:
        """What nodes ask a person and nobody has answered yet."""
        return self._desk.pending

    def table(self) -> Table:
        """One row a node: status, duration, first_token (seconds), tokens, tokens/s, cost."""
        from lfwidget.table import Table

        table: Table = self.read(Table.of)
        return table

    def read(self, question: Callable[[RunState], Any]) -> Any:
        """The answer of `question` from the state after the newest event; the state must not leave it."""
        with self._state_lock:
            for event in self.log.since(self._state.seq):
                self._state.apply(event)
            return question(self._state)

    def live_output(self, span: str) -> tuple[bool, Any]:
        """Whether the object that a span returned was kept, and the object."""
        return span in self._kept, self._kept.get(span)

    # What can be done with it

    def cancel(self, reason: str = "you cancelled it") -> None:
        """Stop it. From any thread; it has stopped when `status` is `cancelled`."""
        if not self._over:
            self._reason = reason
            self._job.cancel()

    def answer(self, value: Any, request: str | None = None) -> None:
        """Answer what a node asks.

        Args:
            value: the answer, as the node expects it.
            request: which question, where several are open: `run.pending[0].request`.

        Raises:
            InputError: nothing is asked, it is not clear which question is meant, or the value does not fit.
            UnknownNameError: there is no such question.
        """
        self._desk.answer(value, request)

    def answer_typed(self, typed: Any, request: str) -> None:
        """Answer by what a person typed or chose: text is understood as what the node wants, where that is another
        type, and as JSON where it is an object or a list.

        Raises:
            InputError: the value does not fit.
            UnknownNameError: there is no such question.
        """
        self._desk.answer(typed, request, typed=True)

    def show(self) -> Run:
        """Display it here, and give it back: `await flow.run(x).show()` draws and waits in one line."""
        display.show(self)
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        return self._outcome().__await__()

    async def _outcome(self) -> Any:
        self._refuse_inside()
        self._end_if_lost()
        try:
            await self._changes.until(lambda: self._over or self._stuck())
        except asyncio.CancelledError:
            # As with a task: who stops waiting for it stops it, and learns so when it has stopped.
            self.cancel("the code that awaited it was cancelled")
            await self._changes.until(lambda: self._over or not self._job.loop.is_running())
            raise
        return self._result()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end in synchronous code, also inside a notebook's running loop. Ctrl-C cancels the run.

        Args:
            timeout: seconds to wait at most; the run goes on after that.

        Returns:
            The flow's own output.

        Raises:
            TimeoutError: it has not ended by then.
            InputRequiredError: a node asks a person and there is nobody here. `run.answer()`, then call this again.
            RunCancelledError: it was cancelled.
            RunDeadlockError: this code is itself a part of the run.
            NestedLoopError: the loop cannot wait inside itself (uvloop): use `await run`.
        """
        self._refuse_inside()
        deadline = None if timeout is None else time.monotonic() + timeout
        # While the main thread waits, no answer from the page gets through.
        here = threading.current_thread() is threading.main_thread()
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                self.wait(left, lambda: self._over or (self._asks() if here else self._stuck()))
            except TimeoutError:
                raise TimeoutError(f"the run {self.name!r} did not end within {timeout} s; it goes on") from None
            if self._over or not display.asks_here():
                return self._result()
            display.ask(self)

    def wait(self, timeout: float | None, ready: Callable[[], bool]) -> None:
        """Wait in synchronous code until `ready()`, which is asked again after each end, question and answer."""
        self._end_if_lost()
        runtime.wait(self._changes, ready, self._job.loop, timeout, lambda: self.cancel("Ctrl-C was pressed"))

    def _result(self) -> Any:
        if not self._over:
            raise InputRequiredError(_question_text(self.pending), self.pending)
        if self.error is not None:
            # Raised as it came, or each time somebody asks would add to its traceback.
            raise self.error.with_traceback(self._traceback)
        if not self._finished:
            raise RunCancelledError(f"the run {self.name!r} was cancelled: {self._reason}", self._reason)
        return self.output

    def _stuck(self) -> bool:
        """Whether a node asks a person and there is nobody who could answer."""
        return self._asks() and (runtime.is_batch() or not self._is_shown())

    def _asks(self) -> bool:
        # One that was told to stop is about to take its questions back.
        return bool(self.pending) and self._reason is None

    def _is_shown(self) -> bool:
        mine = self._widget is not None and self._widget.comm is not None
        return runtime.kernel() is not None and (mine or self._watched())

    def _refuse_inside(self) -> None:
        if self.id in _inside.get():
            raise RunDeadlockError(
                f"this code is part of the run {self.name!r}, so that run would wait for itself for ever"
            )

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Every event from the first, those to come as they come, until the run has ended."""
        news = runtime.Signal()
        unsubscribe = self.log.subscribe(news.notify)
        seen = 0
        try:
            while not (self.log.ended and seen >= self.log.last_seq):
                await news.until(lambda: self.log.last_seq > seen)  # noqa: B023 - it is awaited here and now
                for event in self.log.since(seen):
                    seen = event["seq"]
                    yield event
        finally:
            unsubscribe()

    # How it looks

    @property
    def widget(self) -> FlowWidget:
        """This one run as an ipywidgets widget, without an input box."""
        from lfwidget.widget.widget import FlowWidget

        if self._widget is None or self._widget.comm is None:
            self._widget = FlowWidget(
                graph=self._runner.graph, title=self.name, cancel=self._cancel_named, answer=self._answer_named
            )
            self._widget.add(self.id, self.name, self.log)
        return self._widget

    def _cancel_named(self, _run: str) -> None:
        self.cancel("Stop was pressed")

    def _answer_named(self, _run: str, request: str, value: Any) -> None:
        self.answer_typed(value, request)

    def __repr__(self) -> str:
        from lfwidget.text import run_text

        text: str = self.read(run_text)
        return text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if runtime.is_batch():
            from lfwidget.record.html import run_html

            display.settle(self)
            html = self.read(lambda state: run_html(state.to_json(), f"{state.flow}: {self.name}"))
            return {"text/plain": repr(self), "text/html": html}
        if runtime.kernel() is None:
            return {"text/plain": repr(self)}
        return display.bundle(self.widget, repr(self))


def _question_text(pending: list[Question]) -> str:
    question = pending[0]
    return (
        f"{question.node} asks: {in_words(question)!r}, and there is nobody here to answer. "
        f"Answer with run.answer(...), then wait again."
    )
