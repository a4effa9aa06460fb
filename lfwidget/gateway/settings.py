"""What can be set on a gateway: by keyword, by command line (`__main__.py`) or by environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Settings"]

_PREFIX = "LFWIDGET_GATEWAY_"


@dataclass(frozen=True)
class Settings:
    """The settings of a gateway. Times are seconds, sizes bytes.

    Attributes:
        secret: signs the tokens; the same for all gateways of a deployment. Empty: made up, so that links end with the
            process.
        redis: URL of a Redis in which runs are kept; empty keeps them in this process.
        prefix: path under which a proxy serves it, and which the proxy leaves in the address, such as "/services/x".
        origins: web origins whose pages may connect, besides the gateway's own, such as "https://class.example".
        frame_period: the shortest time between two frames to a watcher.
        send_timeout: how long a watcher may not read before it is dropped. It can come back and go on.
        heartbeat: between two signs of life, both ways.
        handshake: how long a client may take to say what it wants.
        idle: a socket on which nothing happened for so long is closed, with a code that says "resume".
        lease: a producer that said nothing for so long is told as lost.
        keep_events: of a run, in memory or as entries of a Redis stream; those before are packed.
        keep_for: how long a run is kept after it was last heard of.
        per_run: watchers of one run.
        per_address: connections of one address at the same time. A class behind one router is one address.
        connects: connects of one address per second, on average; ten times as many at once.
        largest_message: that a watcher may send.
        largest_batch: that a producer may send.
    """

    secret: str = field(default="", repr=False)
    redis: str = ""
    prefix: str = ""
    origins: tuple[str, ...] = ()
    frame_period: float = 0.033
    send_timeout: float = 5.0
    heartbeat: float = 20.0
    handshake: float = 10.0
    idle: float = 300.0
    lease: float = 10.0
    keep_events: int = 10_000
    keep_for: float = 3600.0
    per_run: int = 2_000
    per_address: int = 1_000
    connects: float = 100.0
    largest_message: int = 16_384
    largest_batch: int = 8_000_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """From `LFWIDGET_GATEWAY_SECRET`, `LFWIDGET_GATEWAY_REDIS` and so on; lists are separated by commas.

        Raises:
            ValueError: one has an impossible value; it names the variable.
        """
        found: dict[str, Any] = {}
        for each in fields(cls):
            name = _PREFIX + each.name.upper()
            if environment.get(name):
                found[each.name] = _value(environment[name], each.default, name)
        return cls(**found)


def _value(text: str, default: Any, name: str) -> Any:
    if isinstance(default, tuple):
        return tuple(filter(None, (item.strip() for item in text.split(","))))
    try:
        return type(default)(text)
    except ValueError:
        raise ValueError(f"{name} is a number, not {text!r}") from None
