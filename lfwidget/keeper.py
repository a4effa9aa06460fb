"""Where runs and flows are displayed, and what their outputs become: a live widget first, then a record."""

from __future__ import annotations

import logging
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lfwidget import display, runtime
from lfwidget.options import options

if TYPE_CHECKING:
    from lfwidget.flow import Flow
    from lfwidget.run import Run

__all__ = ["FlowKeeper", "Place", "RunKeeper", "freeze"]

_logger = logging.getLogger("lfwidget")


class Place:
    """An output of a cell that can be filled again, by the id under which Jupyter knows it.

    The replacement reaches the page that ran the cell, also from another thread and after the cell has ended; a page
    that was reloaded since has forgotten the id.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._id = uuid.uuid4().hex
        self._publish(data, update=False)

    def fill(self, data: dict[str, Any]) -> None:
        """Replace what is there."""
        self._publish(data, update=True)

    def _publish(self, data: dict[str, Any], *, update: bool) -> None:
        from IPython.display import publish_display_data

        publish_display_data(data, transient={"display_id": self._id}, update=update)  # type: ignore[no-untyped-call]


_live: weakref.WeakSet[RunKeeper | FlowKeeper] = weakref.WeakSet()
"""The keepers that have filled an output with a live widget."""


def freeze() -> None:
    """Turn every live display of this notebook into its record, or into a picture where there is no run yet.

    A live widget needs its kernel: in a notebook that is reopened it stays at "Loading widget...". Call this in the
    last cell before you share the notebook.
    """
    for keeper in list(_live):
        keeper.freeze()


class RunKeeper:
    """The outputs in which one run is displayed. When it ends, they become its record; a later note makes it anew.

    Args:
        run: whose outputs these are.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._places: list[Place] = []
        self._lock = threading.Lock()
        self._recorded = 0
        self._unsubscribe: Callable[[], None] | None = None

    def show(self) -> None:
        """Display the run in the cell that is being executed.

        Raises:
            NotImplementedError: this is no notebook; IPython then takes another form.
        """
        if runtime.kernel() is None:
            raise NotImplementedError
        if runtime.is_batch():
            display.settle(self._run)
        place = Place(self.bundle())
        with self._lock:
            self._places.append(place)
        # One that was recorded while it was put up hears of no end any more.
        if self._unsubscribe is None:
            _live.add(self)
            self._unsubscribe = self._run.log.subscribe(self._look)
            self._look()

    def bundle(self) -> dict[str, Any]:
        """What a notebook is given of the run now."""
        run = self._run
        if runtime.is_batch() or (run.log.ended and options.record):
            return record_bundle(run)
        return display.bundle(run.widget, repr(run))

    def freeze(self) -> None:
        """Fill the outputs with the record as far as it goes; the rest follows when the run ends."""
        self._fill()

    def _look(self) -> None:
        """After each flush, on the thread that sends frames: it has no time to spend on packing a long log."""
        log = self._run.log
        if options.record and log.ended and log.last_seq > self._recorded:
            self._recorded = log.last_seq
            threading.Thread(target=self._fill, name="lfwidget-record", daemon=True).start()

    def _fill(self) -> None:
        run = self._run
        try:
            token = uuid.uuid4().hex[:12]
            with self._lock:
                bundle = record_bundle(run, token)
                for place in self._places:
                    place.fill(bundle)
            run.tell_page(token)
        except Exception:
            _logger.exception("lfwidget could not put the record of %r into the notebook", run.name)


class FlowKeeper:
    """The outputs in which a flow is displayed: its live widget, and below it one for the record that Keep makes.

    Args:
        flow: whose outputs these are.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._views: list[Place] = []
        self._below: list[Place] = []
        self._filled = False

    def show(self) -> None:
        """Display the flow in the cell that is being executed.

        Raises:
            NotImplementedError: this is no notebook; IPython then takes another form.
        """
        flow = self._flow
        if runtime.kernel() is None:
            raise NotImplementedError
        if runtime.is_batch():
            Place(flow.picture())
            return
        _live.add(self)
        self._views.append(Place(display.bundle(flow.widget, repr(flow))))
        self._below.append(Place({"text/plain": "", "text/html": ""}))
        self._filled = False

    def keep(self, run: Run) -> str:
        """Put the record of a run below the live widget.

        Returns:
            The token by which the page finds it.
        """
        token = uuid.uuid4().hex[:12]
        bundle = record_bundle(run, token)
        for place in self._below:
            place.fill(bundle)
        self._filled = True
        return token

    def freeze(self) -> None:
        """Fill the live output with the record of the run that is shown; with a picture if there is none, or if the
        record stands below already.
        """
        run = None if self._filled else self._flow.shown_run()
        bundle = self._flow.picture() if run is None else record_bundle(run)
        for place in self._views:
            place.fill(bundle)


def record_bundle(run: Run, token: str = "") -> dict[str, Any]:
    """The record of a run as a cell keeps it."""
    from lfwidget.record.html import record_html

    state = run.read(lambda state: state.to_json())
    return {"text/plain": repr(run), "text/html": record_html(run.about, run.log.since(0), state, token)}
