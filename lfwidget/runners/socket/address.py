"""The link that somebody shared, taken apart."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from lfwidget.errors import InputError

__all__ = ["Address", "is_here", "way_to"]

_PATH = re.compile(r"(?P<base>.*)/(?P<kind>runs|flows)/(?P<name>[\w.-]{1,64})/?", re.ASCII)


@dataclass(frozen=True)
class Address:
    """Where a run is, or a room.

    Attributes:
        url: of the page, without the token: it may be shown.
        kind: "runs" or "flows".
        name: id of the run or of the room.
        token: what opens it.
    """

    url: str
    kind: str
    name: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, link: str) -> Address:
        """Take a link apart.

        Raises:
            InputError: it is none.
        """
        parts = urlsplit(str(link).strip())
        path = _PATH.fullmatch(parts.path)
        if parts.scheme not in ("http", "https") or not parts.netloc or path is None:
            raise InputError(
                "a link to a shared run is like https://host:8765/runs/<id>#<token>: copy it whole, as `link.url`"
            )
        if not parts.fragment:
            raise InputError(
                f"the token is missing: what follows # belongs to the link. {parts.path} alone opens nothing"
            )
        if parts.username or parts.password:
            raise InputError("a link to a shared run has no user and no password in it")
        url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        return cls(url, path["kind"], path["name"], parts.fragment)

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return is_here(self.url)

    @property
    def events(self) -> str:
        """Where its events are, as SSE and by poll."""
        return f"{self.url}/events"

    @property
    def stream(self) -> str:
        """Where its socket is."""
        return f"ws{self.url.removeprefix('http')}/stream"


def is_here(url: str) -> bool:
    """Whether an address is on this machine: a proxy for the world is none for that."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def way_to(url: str) -> httpx.HTTPTransport | None:
    """How to get there: not by a proxy, if it is on this machine. Certificates are believed as everywhere."""
    return httpx.HTTPTransport() if is_here(url) else None
