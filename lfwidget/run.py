"""`Run`: one execution of a flow, as a handle to wait for it, to read it, to answer it, to stop it and to keep it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lfwidget import display, runtime
from lfwidget.errors import InputError, InputRequiredError
from lfwidget.keeper import RunKeeper
from lfwidget.nodes import Nodes, find_node
from lfwidget.questions import in_words
from lfwidget.record.about import About
from lfwidget.runners.base import Question
from lfwidget.work import Work

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lfwidget.gateway.link import Link
    from lfwidget.model.state import RunState
    from lfwidget.sharing import ShareOptions
    from lfwidget.table import Table
    from lfwidget.widget.widget import FlowWidget

__all__ = ["Run"]


class Run:
    """One execution of a flow. It goes on in the background, whether or not anybody holds this.

    `await run` and `run.result()` give the flow's own output and raise its own error; as the last line of a cell a
    run is shown live, and is a record there when it has ended. `lf.open()` makes a Run of a record.

    Attributes:
        id: of this run, everywhere.
        name: what the widget calls it.
        log: its events.
        nodes: what is known of each node, by id or unique title.
        input: what was given to `flow.run()`.
        about: what a record of it says of itself: flow, date, models, packages.
    """

    def __init__(self, work: Work, typed: Any, watched: Callable[[], bool] = bool, about: About | None = None) -> None:
        self.id = work.id
        self.name = work.name
        self.input = typed
        self.log = work.log
        self.nodes = Nodes(self)
        self.about = about or About.of(self.log.since(0)[0])
        self._work = work
        self._watched = watched
        self._widget: FlowWidget | None = None
        self._keeper = RunKeeper(self)
        self._others: list[Callable[[], bool]] = []

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
    def output(self) -> Any:
        """What the flow returned: the very object in the kernel that ran it, its JSON form in a record."""
        return self._work.output

    @property
    def error(self) -> BaseException | None:
        """What the flow raised; a RecordedError where only the record of it is left."""
        return self._work.error

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens of the whole run: input_tokens, output_tokens, total_tokens."""
        usage: dict[str, int] | None = self.read(lambda state: state.usage)
        return usage

    @property
    def cost(self) -> float | None:
        """What its models cost by `lf.options.prices`, in that currency; None where no price is known."""
        from lfwidget.table import Table

        cost: float | None = self.read(lambda state: Table.of(state).cost)
        return cost

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None until it ends."""
        duration: float | None = self.read(lambda state: state.duration)
        return duration

    @property
    def pending(self) -> list[Question]:
        """What nodes ask a person and nobody has answered yet."""
        return self._work.desk.pending

    def table(self) -> Table:
        """One row a node: status, duration, first_token (seconds), tokens, tokens/s, cost."""
        from lfwidget.table import Table

        table: Table = self.read(Table.of)
        return table

    def read(self, question: Callable[[RunState], Any]) -> Any:
        """The answer of `question` from the state after the newest event; the state must not leave it."""
        return self._work.read(question)

    def live_output(self, span: str) -> tuple[bool, Any]:
        """Whether the object that a span returned was kept, and the object."""
        return span in self._work.kept, self._work.kept.get(span)

    # What can be done with it

    def cancel(self, reason: str = "you cancelled it") -> None:
        """Stop it. From any thread; it has stopped when `status` is `cancelled`."""
        self._work.cancel(reason)

    def answer(self, value: Any, request: str | None = None) -> None:
        """Answer what a node asks.

        Args:
            value: the answer, as the node expects it.
            request: which question, where several are open: `run.pending[0].request`.

        Raises:
            InputError: nothing is asked, it is not clear which question is meant, or the value does not fit.
            UnknownNameError: there is no such question.
        """
        self._work.desk.answer(value, request)

    def answer_typed(self, typed: Any, request: str) -> None:
        """Answer by what a person typed or chose: text is understood as what the node wants, where that is another
        type, and as JSON where it is an object or a list.

        Raises:
            InputError: the value does not fit.
            UnknownNameError: there is no such question.
        """
        self._work.desk.answer(typed, request, typed=True)

    def note(self, *words: str, at: float | None = None) -> None:
        """Add a teacher's note: `run.note("look here")`, or on a node: `run.note("model", "look here", at=1.2)`.

        It is kept with the run, and shown when playback gets there.

        Args:
            *words: the note, or a node's id or title and the note.
            at: the moment it belongs to, in seconds of the run; by default the node's start, or now.

        Raises:
            InputError: there is no text, or `at` is no moment.
            UnknownNameError: there is no such node.
        """
        *node, text = words or ("",)
        if len(node) > 1 or not str(text).strip():
            raise InputError('a note is text: run.note("look here"), or run.note("model", "look here")')
        if at is not None and not 0 <= at < float("inf"):
            raise InputError(f"at= is a moment of the run, in seconds from its start, not {at!r}")
        titles: dict[str, str] = self.read(lambda state: {key: node.title for key, node in state.nodes.items()})
        fields: dict[str, Any] = {"node": find_node(node[0], titles)} if node else {}
        if at is not None:
            fields["moment"] = float(at)
        self.log.append("note", text=text, **fields)

    def show(self) -> Run:
        """Display it here, and give it back: `await flow.run(x).show()` draws and waits in one line."""
        display.show(self)
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        return self._outcome().__await__()

    async def _outcome(self) -> Any:
        await self._work.until(lambda: self._work.over or self._stuck())
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
        self._work.refuse_inside()
        deadline = None if timeout is None else time.monotonic() + timeout
        # While the main thread waits, no answer from the page gets through.
        here = threading.current_thread() is threading.main_thread()
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                self.wait(left, lambda: self._work.over or (self._asks() if here else self._stuck()))
            except TimeoutError:
                raise TimeoutError(f"the run {self.name!r} did not end within {timeout} s; it goes on") from None
            if self._work.over or not display.asks_here():
                return self._result()
            display.ask(self)

    def wait(self, timeout: float | None, ready: Callable[[], bool]) -> None:
        """Wait in synchronous code until `ready()`, which is asked again after each end, question and answer."""
        self._work.wait(timeout, ready)

    def _result(self) -> Any:
        if not self._work.over:
            raise InputRequiredError(_question_text(self.pending), self.pending)
        return self._work.outcome()

    def _stuck(self) -> bool:
        """Whether a node asks a person and there is nobody who could answer."""
        here = not runtime.is_batch() and self._is_shown()
        return self._asks() and not here and not any(may_answer() for may_answer in self._others)

    def _asks(self) -> bool:
        # One that was told to stop is about to take its questions back.
        return bool(self.pending) and self._work.reason is None

    def _is_shown(self) -> bool:
        mine = self._widget is not None and self._widget.comm is not None
        return runtime.kernel() is not None and (mine or self._watched())

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

    # How it is kept

    def share(self, **how: Unpack[ShareOptions]) -> Link:
        """Let others watch it, live or afterwards: in their notebook (`lf.join(link)`) or in a browser.

        Args:
            **how: `can="run"` lets them also stop it and answer its questions (by default they watch, "view"); `seats=`
                how many at a time (300); `expires=` seconds until the link ends (8 hours); `host=` an address of this
                machine that others can reach (by default only this machine itself can), with `tls_cert=` and
                `tls_key=`, or with `insecure=True` on a network that you trust; `port=`; or `gateway=` a gateway
                elsewhere and `token=` the right to publish there.

        Raises:
            GatewayError: it cannot be shared so.
            InputError: a keyword has an impossible value.
            MissingExtraError: `pip install 'lfwidget[gateway]'` is missing.
            UnknownNameError: a keyword that does not exist.
        """
        from lfwidget.sharing import share_run

        return share_run(self, how)

    def answered_by(self, others: Callable[[], bool]) -> None:
        """Wait on when it asks something, while `others()`: somebody elsewhere may answer."""
        self._others.append(others)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a record file, which `lf.open()` reads: JSON lines, by convention named `.lfrun`.

        Returns:
            The path.
        """
        from lfwidget.record.file import Record, write_record

        write_record(path, Record(self.about, self.log.since(0)))
        return Path(path)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """One page with the picture, the table and the player in it: it opens from disk, without any network.

        Args:
            path: where to write it; None only returns it.
        """
        from lfwidget.record.page import run_page

        state = self.read(lambda state: state.to_json())
        return _written(run_page(self.about, self.log.since(0), state), path)

    def to_svg(self, path: str | os.PathLike[str] | None = None, *, at: float | None = None) -> str:
        """The graph with the state of each node, as a picture.

        Args:
            path: where to write it; None only returns it.
            at: as it was then: seconds of the run; None for as it is.
        """
        from lfwidget.model.state import RunState
        from lfwidget.record.svg import to_svg

        if at is None:
            state = self.read(lambda state: state.to_json())
        else:
            first, *others = self.log.since(0)
            state = RunState([first, *(event for event in others if event["t"] <= at)]).to_json()
        title = f"{state['flow']}: {self.name}"
        return _written(to_svg(state["graph"], state["nodes"], title=title), path)

    def replay(self, speed: float = 1.0) -> Run:
        """The same run again as a live one: for a class, a gateway, a test.

        Args:
            speed: 2.0 is twice as fast; `float("inf")` does not wait at all.

        Returns:
            A new run, which has the same events with the same times in them.

        Raises:
            InputError: `speed` is no number above 0, or the run has not ended.
        """
        from lfwidget.runners.replay import replay

        return Run(replay(self.log.since(0), speed), self.input, about=self.about)

    # How it looks

    @property
    def widget(self) -> FlowWidget:
        """This one run as an ipywidgets widget, without an input box."""
        from lfwidget.widget.widget import FlowWidget

        if self._widget is None or self._widget.comm is None:
            self._widget = FlowWidget(
                graph=self.log.since(0)[0]["graph"],
                title=self.name,
                cancel=lambda _run: self.cancel("Stop was pressed"),
                answer=lambda _run, request, value: self.answer_typed(value, request),
                note=lambda _run, words, at: self.note(*words, at=at),
            )
            self._widget.add(self.id, self.name, self.log)
        return self._widget

    def tell_page(self, token: str) -> None:
        """Let the page know that a record with this token should be where this run was live."""
        if self._widget is not None and self._widget.comm is not None:
            self._widget.kept(self.id, token)

    def __repr__(self) -> str:
        from lfwidget.text import run_text

        text: str = self.read(run_text)
        return text

    def _ipython_display_(self) -> None:
        """Live where somebody watches, then the record in its place; at once the record where nobody does."""
        self._keeper.show()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """For whoever asks for a form of it instead of displaying it: what a notebook would keep of it now."""
        if runtime.kernel() is None:
            return {"text/plain": repr(self)}
        return self._keeper.bundle()


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _question_text(pending: list[Question]) -> str:
    question = pending[0]
    return (
        f"{question.node} asks: {in_words(question)!r}, and there is nobody here to answer. "
        f"Answer with run.answer(...), then wait again."
    )
