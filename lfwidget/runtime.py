"""On which loop a run lives, how to wait for it, in a notebook, a script or a thread."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from lfwidget.errors import NestedLoopError
from lfwidget.options import options

__all__ = [
    "Job",
    "Signal",
    "call_where_cells_run",
    "home",
    "is_batch",
    "kernel",
    "kernel_loop",
    "running_loop",
    "speaking_from_main_shell",
    "stop_background",
    "wait",
]

_GOODBYE = 1.0
"""Seconds that the end of the process waits for cancelled runs."""

_tasks: set[asyncio.Task[Any]] = set()
"""A loop refers to its tasks weakly; a run that nobody holds must go on all the same."""


def kernel() -> Any | None:
    """The Jupyter kernel that this process is, if it is one."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return getattr(get_ipython(), "kernel", None) if get_ipython is not None else None


def is_batch() -> bool:
    """Whether this is a kernel that nobody watches (nbclient, papermill, nbconvert): they cannot answer `input()`."""
    current = kernel()
    return current is not None and not getattr(current, "_allow_stdin", True)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The kernel's own loop: the one on which cells run and messages of the page arrive."""
    loop = getattr(getattr(kernel(), "io_loop", None), "asyncio_loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running() else None


def call_where_cells_run(function: Callable[[], None]) -> None:
    """Call it on the kernel's loop, as soon as that is free; where there is no kernel, here and now."""
    loop = kernel_loop()
    if loop is None:
        function()
    else:
        loop.call_soon_threadsafe(function)


def home() -> asyncio.AbstractEventLoop:
    """The loop on which a run that is started here will live.

    Async clients are shared by provider packages and bound to the loop that used them first, so it is the loop of the
    user's own code wherever there is one (a second one failed 20 times out of 20).
    """
    if options.loop == "thread":
        return _background.loop()
    running = running_loop()
    if running is not None and not _in_subshell():
        return running
    return kernel_loop() or _background.loop()


def _in_subshell() -> bool:
    """Whether this thread is one of the kernel's side shells, whose loops end with them."""
    subshells = sys.modules.get("ipykernel.subshell")
    return subshells is not None and isinstance(threading.current_thread(), subshells.SubshellThread)


@contextmanager
def speaking_from_main_shell() -> Iterator[None]:
    """What is sent to a page inside it counts as sent by the main shell, whichever request it answers.

    ipykernel 7.4 hands what a page says to the subshell whose request was answered last by that comm, and drops it if
    there is no such subshell any more; a page's subshells go with its reload, or as soon as its last comm of a kind is
    closed (ipykernel `Comm._reply_subshell_for`, https://github.com/ipython/ipykernel/issues/1557).
    """
    current = kernel()
    parent = getattr(current, "_shell_parent", None)
    if current is None or not isinstance(parent, contextvars.ContextVar):
        yield
        return
    request = current.get_parent("shell")
    token = parent.set({**request, "header": {**request.get("header", {}), "subshell_id": None}})
    try:
        yield
    finally:
        parent.reset(token)


class Job:
    """A coroutine on a loop, started and cancelled from any thread. What it raises is its own business.

    Args:
        loop: where it runs.
        coroutine: what runs.
        context: the context variables it sees.
        finished: called on the loop when it is over, also if it never began.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, None],
        context: contextvars.Context,
        finished: Callable[[], None],
    ) -> None:
        self.loop = loop
        self._coroutine = coroutine
        self._context = context
        self._finished = finished
        self._task: asyncio.Task[None] | None = None
        if running_loop() is loop:
            self._start()
        else:
            loop.call_soon_threadsafe(self._start)

    def cancel(self) -> None:
        """Ask it to stop."""
        if running_loop() is self.loop:
            self._cancel()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._cancel)

    def abandon(self) -> None:
        """Its loop was closed: let it clean up, as far as that goes without one."""
        with suppress(RuntimeError):
            self._coroutine.close()

    def _start(self) -> None:
        self._task = self._context.run(self.loop.create_task, self._coroutine)
        _tasks.add(self._task)
        # In its own context: a callback in that of the cell would not run while the cell waits in a nested loop.
        self._task.add_done_callback(self._done, context=self._context)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        _tasks.discard(task)
        self._finished()


class Signal:
    """Wakes everybody who waits for a change, on whatever loop or thread they wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], object]] = []

    def notify(self) -> None:
        """Something changed: all who wait look again."""
        with self._lock:
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is so."""
        loop = asyncio.get_running_loop()
        while not ready():
            woken = loop.create_future()
            with self._waking(partial(_settle, loop, woken)):
                # It may have become so before there was anybody to be woken.
                if not ready():
                    await woken

    def block_until(self, ready: Callable[[], bool], timeout: float | None) -> None:
        """Stop this thread until it is so, or raise TimeoutError after that many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not ready():
            woken = threading.Event()
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            with self._waking(woken.set):
                if not ready() and not woken.wait(left):
                    raise TimeoutError

    @contextmanager
    def _waking(self, wake: Callable[[], object]) -> Iterator[None]:
        with self._lock:
            self._wakers.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)


def _settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    """Set the result of a future of this loop, from any thread. A loop that was closed took who waited along."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: None if future.done() else future.set_result(None))


def wait(
    changes: Signal,
    ready: Callable[[], bool],
    loop: asyncio.AbstractEventLoop,
    timeout: float | None,
    interrupted: Callable[[], None],
) -> None:
    """Wait, in synchronous code, for something that happens on `loop`. Ctrl-C calls `interrupted` and waits on; a
    second one gives up at once.

    Raises:
        TimeoutError: it did not happen within `timeout` seconds.
        KeyboardInterrupt: there was a Ctrl-C.
        NestedLoopError: `loop` runs in this very thread and cannot be nested (uvloop).
    """
    if ready():
        return
    nested = running_loop() is loop
    # A loop that rests (`loop.run_until_complete` between two calls) moves only if we move it.
    is_main = threading.current_thread() is threading.main_thread()
    resting = is_main and running_loop() is None and not loop.is_running()
    # A signal handler may run in the midst of anything the loop does, so it only leaves word.
    with _interrupts(lambda: loop.call_soon_threadsafe(interrupted)):
        if nested or resting:
            if nested:
                _make_nestable(loop)
            loop.run_until_complete(asyncio.wait_for(changes.until(ready), timeout))
        else:
            changes.block_until(ready, timeout)


def _make_nestable(loop: asyncio.AbstractEventLoop) -> None:
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise NestedLoopError(
            f"{type(loop).__module__}.{type(loop).__name__} cannot wait inside itself: use `await run` here"
        )
    import nest_asyncio2  # type: ignore[import-untyped]  # it has no stubs

    nest_asyncio2.apply(loop)


@contextmanager
def _interrupts(first: Callable[[], object]) -> Iterator[None]:
    """The first Ctrl-C calls `first`, so that async code in the midst of a step is not torn apart; KeyboardInterrupt
    is raised at the end. The second raises it where it hits.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    count = 0

    def handle(_number: int, _frame: Any) -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise KeyboardInterrupt
        first()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous or signal.default_int_handler)
        if count == 1 and not isinstance(sys.exc_info()[1], KeyboardInterrupt):
            raise KeyboardInterrupt


class _Background:
    """One daemon thread with a loop of its own, started when it is first needed."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """A forked child has the objects of its parent but not its threads."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                started = threading.Event()
                self._loop.call_soon(started.set)
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="lfwidget-runs", daemon=True)
                self._thread.start()
                # Until it runs it would be taken for a loop that rests.
                started.wait()
            return self._loop

    def stop(self) -> None:
        """Cancel what runs and end the thread, so that nothing is torn down half-way at the end of the process."""
        if self._loop is not None and self._thread is not None:
            self._stopped = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(2 * _GOODBYE)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        while not self._stopped:
            # What wants to leave the program from here (a `sys.exit()` in a callback) must not take the runs along.
            with suppress(SystemExit, KeyboardInterrupt):
                loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=_GOODBYE))


_background = _Background()


def stop_background() -> None:
    """Cancel the runs of the background thread, and end it."""
    _background.stop()


atexit.register(stop_background)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_background.forget)
