"""`Link`: what a teacher hands out. How it looks in a cell, and what ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from html import escape
from typing import Any, Protocol, Self

from lfwidget import runtime
from lfwidget.errors import GatewayError
from lfwidget.gateway.store import Obey
from lfwidget.gateway.tokens import Grant
from lfwidget.keeper import Place
from lfwidget.model.log import RunLog

__all__ = ["Door", "Link"]

_LOOK = 1.0
"""Seconds between two looks at how many watch."""


class Door(Protocol):
    """A gateway as whoever shares something there has it: in this process, or elsewhere.

    Attributes:
        base: address of the gateway, for those who get the link.
    """

    base: str

    def open_room(self, room: str, obey: Obey) -> None:
        """Make a room, in which runs will be."""

    def bring(self, run: str, log: RunLog, obey: Obey, room: str = "") -> None:
        """Let a run be watched, by itself or in a room."""

    def mint(self, grant: Grant, lifetime: float) -> str:
        """The token of the link. There is one to a door."""

    @property
    def watchers(self) -> int:
        """How many watch now."""

    @property
    def trouble(self) -> GatewayError | None:
        """Why nothing gets through just now."""

    def close(self) -> None:
        """Let nobody in by the link any more."""


class Link:
    """A link to a run, or to every run of a flow. As the last line of a cell: the link, its QR code, who watches.

    Args:
        title: of what is shared.
        path: to it, on the gateway.
        grant: what the link allows.
        lifetime: seconds until it ends.
        door: of the gateway.

    Attributes:
        url: to hand out. What stands after `#` is the token, which no server on the way gets to see.
        token: the same, for a program.
        title: of what is shared.
        expires_at: seconds since 1970.
    """

    def __init__(self, title: str, path: str, grant: Grant, lifetime: float, door: Door) -> None:
        self.token = door.mint(grant, lifetime)
        self.url = f"{door.base}{path}#{self.token}"
        self.title = title
        self.expires_at = time.time() + lifetime
        self._grant, self._door = grant, door
        self._at_end: list[Callable[[], object]] = []
        self._closed = threading.Event()
        self._places: list[Place] = []

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return 0 if self._closed.is_set() else self._door.watchers

    @property
    def is_open(self) -> bool:
        """Whether somebody can come in by it."""
        return not self._closed.is_set() and time.time() < self.expires_at

    @property
    def trouble(self) -> GatewayError | None:
        """Why nothing gets through to a gateway elsewhere just now; the run goes on all the same."""
        return self._door.trouble

    def close(self) -> None:
        """Let nobody in by it any more, and send away who is there."""
        if not self._closed.is_set():
            self._closed.set()
            for end in self._at_end:
                end()
            self._door.close()
            self._fill()

    def at_end(self, end: Callable[[], object]) -> None:
        """Have it called when the link is closed."""
        self._at_end.append(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # How it looks

    def __repr__(self) -> str:
        if not self.is_open:
            return f"<{self._state()}>"
        url = self.url.partition("#")[0] + "#•••" if runtime.is_batch() else self.url
        return f"<link to {self.title} · {self._state()}>\n{url}"

    def _state(self) -> str:
        if not self.is_open:
            return f"the link to {self.title} is closed"
        count = self.watchers
        until = time.strftime("%H:%M", time.localtime(self.expires_at))
        watching = "nobody watches" if not count else "1 watches" if count == 1 else f"{count} watch"
        return f"{watching} now · open until {until}" + (f" · {self.trouble}" if self.trouble else "")

    def _repr_html_(self) -> str:
        if not self.is_open:
            return f"<div><b>{escape(self._state().capitalize())}.</b></div>"
        may = "watch, start, stop and answer" if self._grant.allows("run") else "watch"
        seats = f", up to {self._grant.seats} at a time" if self._grant.seats else ""
        # A notebook that nobody watches is kept and passed on: what opens the room has no place in it.
        picture, anchor = ("", _MASKED) if runtime.is_batch() else (_picture(self.url), _anchor(self.url))
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start;max-width:720px">'
            f'{picture}<div style="flex:1;min-width:260px">'
            f'<div style="font-size:110%"><b>{escape(self.title)}</b> is shared</div>'
            f'<div style="padding:6px 0"><b>{escape(self._state())}</b></div>'
            f"<div>Whoever has the link can {may}{seats}. They see inputs, what every node says, outputs and errors; "
            "keys are masked, and your code stays here.</div>"
            f'<div style="padding:6px 0;overflow-wrap:anywhere;font-size:90%">{anchor}</div>'
            '<div style="opacity:.75;font-size:90%">In a notebook: <code>lfwidget.join("…")</code> · '
            "to end it: <code>link.close()</code></div></div></div>"
        )

    def _bundle(self) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _ipython_display_(self) -> None:
        """The number of those who watch stays true while it is shown."""
        if runtime.kernel() is None:
            raise NotImplementedError
        self._places.append(Place(self._bundle()))
        if len(self._places) == 1 and not runtime.is_batch():
            threading.Thread(target=self._follow, name="lfwidget-link", daemon=True).start()

    def _follow(self) -> None:
        shown = self._state()
        while not self._closed.wait(_LOOK):
            if self._state() != shown:
                shown = self._state()
                self._fill()
            if not self.is_open:
                return

    def _fill(self) -> None:
        for place in self._places:
            place.fill(self._bundle())


_MASKED = "The link stands here while somebody has the notebook open."


def _anchor(url: str) -> str:
    safe = escape(url, quote=True)
    return f'<a href="{safe}" target="_blank" rel="noreferrer">{safe}</a>'


def _picture(url: str) -> str:
    """The QR code, as an image that may stand in a notebook."""
    import segno

    uri: str = segno.make(url, micro=False).svg_data_uri(border=2)
    style = "width:168px;height:168px;background:#fff;border-radius:6px"
    return f'<img alt="QR code of the link" src="{uri}" style="{style}"/>'
