"""The one thread that passes on what is new: it flushes logs, sends frames, and beats while runs go on."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial

from lfwidget.model.log import RunLog
from lfwidget.runtime import kernel_loop, stop_background

__all__ = ["BEAT", "PERIOD", "Ticker", "ticker"]

PERIOD = 0.033
"""Seconds between two flushes: 30 frames a second lose nothing at Jupyter's default rate limit."""

BEAT = 1.0
"""Seconds between two beats while a run goes on."""


_logger = logging.getLogger("lfwidget")


class Ticker:
    """Flushes the logs that have something new: at once, then at most every `PERIOD`. It sleeps while nothing happens.

    Whatever is to be sent to a page is sent on this thread, so the order of frames needs no locks, and a cell that
    blocks the kernel does not hold them up.

    Args:
        period: seconds between two flushes.
        beat: seconds between two beats.
    """

    def __init__(self, period: float = PERIOD, beat: float = BEAT) -> None:
        self._period = period
        self._beat = beat
        self._listeners: list[Callable[[bool], None]] = []
        self.forget()

    def forget(self) -> None:
        """Begin anew, without the thread: in a forked child it does not exist, and its locks may be held for ever."""
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._dirty: deque[RunLog] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._live: weakref.WeakKeyDictionary[RunLog, asyncio.AbstractEventLoop] = weakref.WeakKeyDictionary()
        self._probes: dict[asyncio.AbstractEventLoop, threading.Event] = {}
        self._troubled: weakref.WeakSet[RunLog] = weakref.WeakSet()
        self._next_beat: float | None = None
        self._thread: threading.Thread | None = None

    def follow(self, log: RunLog, loop: asyncio.AbstractEventLoop) -> None:
        """Flush this log when it has something new, and beat until it has ended. `loop` is where its run lives."""
        log.wake = partial(self._touch, weakref.ref(log))
        with self._lock:
            self._live[log] = loop
        self._touch(weakref.ref(log))

    def call(self, function: Callable[[], None]) -> None:
        """Have `function` called on the thread, after what is already due."""
        self._calls.append(function)
        self._wake()

    def on_beat(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Have `listener(busy)` called once a second while any run goes on. `busy`: a loop has not answered for as
        long.

        Returns:
            A function that ends the subscription.
        """
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def stop(self) -> None:
        """Send what is due and end the thread."""
        self._stopped.set()
        self._due.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(BEAT)

    def _touch(self, log: weakref.ref[RunLog]) -> None:
        alive = log()
        if alive is not None:
            self._dirty.append(alive)
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._start()
        self._due.set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._work, name="lfwidget-ticker", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._due.wait(self._until_beat())
            self._due.clear()
            self._tick()
            self._stopped.wait(self._period)
        self._tick()

    def _until_beat(self) -> float | None:
        with self._lock:
            for log in [log for log in self._live if log.ended]:
                del self._live[log]
            if not self._live:
                self._next_beat = None
                self._probes.clear()
                return None
            if self._next_beat is None:
                self._next_beat = time.monotonic() + self._beat
            return max(0.0, self._next_beat - time.monotonic())

    def _tick(self) -> None:
        # Only what is there now: what the listeners add has its turn in the next period.
        for _ in range(len(self._dirty)):
            log = self._dirty.popleft()
            self._guarded(log.flush, log)
        for _ in range(len(self._calls)):
            self._guarded(self._calls.popleft())
        if self._next_beat is not None and time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + self._beat
            self._send_beat()

    def _send_beat(self) -> None:
        with self._lock:
            loops = set(self._live.values())
            listeners = list(self._listeners)
        cells = kernel_loop()
        if cells is not None:
            # The page's buttons need it, wherever the runs live.
            loops.add(cells)
        busy = any(loop in self._probes and not self._probes[loop].is_set() for loop in loops)
        self._probes = {loop: self._probe(loop) for loop in loops}
        for listener in listeners:
            self._guarded(partial(listener, busy))

    def _probe(self, loop: asyncio.AbstractEventLoop) -> threading.Event:
        """An event that is set as soon as the loop gets round to it."""
        unanswered = self._probes.get(loop)
        if unanswered is not None and not unanswered.is_set():
            return unanswered
        answered = threading.Event()
        if not loop.is_closed():
            loop.call_soon_threadsafe(answered.set)
        return answered

    def _guarded(self, function: Callable[[], None], log: RunLog | None = None) -> None:
        """Call it; an error must not end the thread. It becomes an event of its run, or a record of `logging`."""
        try:
            function()
        except Exception as error:
            message = f"lfwidget could not pass on what is new: {type(error).__name__}: {error}"
            # Once for each run: the event is itself something new, and may fail to be passed on.
            if log is not None and not log.ended and log not in self._troubled:
                self._troubled.add(log)
                log.append("log", level="error", message=message, source="lfwidget")
            else:
                _logger.debug(message, exc_info=True)


ticker = Ticker()


def _end_of_process() -> None:
    """The last words of the runs that are cut off are passed on too."""
    stop_background()
    ticker.stop()


atexit.register(_end_of_process)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ticker.forget)
