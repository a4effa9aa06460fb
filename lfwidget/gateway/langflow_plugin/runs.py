"""The runs of a LangFlow server that can be watched: those that go on, and for a while those that have ended."""

from __future__ import annotations

import asyncio

from lfwidget.gateway.langflow_plugin.tapped import LARGEST, About, TappedRun
from lfwidget.gateway.memory_store import MemoryStore
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import SharedLog

__all__ = ["About", "Runs"]

_KEPT = 600.0
"""Seconds for which a run is kept after its end: who started a short one may come after it."""
_MOST_KEPT = 100
_MOST_BYTES = 8 * LARGEST


class Runs(MemoryStore):
    """A store of the gateway; nobody but LangFlow brings runs in.

    Args:
        settings: of the gateway.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._its_settings = settings
        self._tapped: dict[str, TappedRun] = {}

    async def log(self, run: str) -> SharedLog | None:
        """The log of a run."""
        found = self.find(run)
        return None if found is None else found.shared

    def find(self, run: str) -> TappedRun | None:
        """A run by its id."""
        return self._tapped.get(run)

    def of(self, owner: str) -> list[TappedRun]:
        """The runs of a user, the newest last."""
        return [run for run in self._tapped.values() if run.about.owner == owner and run.begun]

    def begin(self, about: About) -> TappedRun | None:
        """A run begins; None if it cannot be told from somebody else's."""
        run = self._tapped.get(about.run)
        if run is not None and run.about.owner != about.owner:
            return None
        if run is None or run.outcome:
            run = self._add(about)
        run.begin(about)
        return run

    def expect(self, run: str, owner: str) -> TappedRun:
        """A run that is queued, and will begin here, or in another process of the server."""
        return self._tapped.get(run) or self._add(About(run, owner))

    def _add(self, about: About) -> TappedRun:
        self._forget(about.run)
        self._make_room()
        run = self._tapped[about.run] = TappedRun(about, self._its_settings)
        asyncio.get_running_loop().call_later(_KEPT, self._expire, run)
        return run

    def _expire(self, run: TappedRun) -> None:
        if self._tapped.get(run.about.run) is not run:
            return
        if (run.begun and not run.outcome) or run.shared.is_watched:
            asyncio.get_running_loop().call_later(_KEPT, self._expire, run)
        else:
            self._forget(run.about.run)

    def _make_room(self) -> None:
        """Forget runs that have ended and that nobody watches, the oldest first."""
        over = [run for run in self._tapped.values() if run.outcome and not run.shared.is_watched]
        size = sum(run.size for run in self._tapped.values())
        for number, run in enumerate(over):
            if len(over) - number < _MOST_KEPT and size < _MOST_BYTES:
                return
            size -= run.size
            self._forget(run.about.run)

    def _forget(self, run: str) -> None:
        forgotten = self._tapped.pop(run, None)
        if forgotten is not None:
            forgotten.forget()
