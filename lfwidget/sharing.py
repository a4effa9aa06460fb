"""`run.share()` and `flow.share()`: which gateway serves it, and the link that leads there."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from lfwidget import runtime
from lfwidget.errors import GatewayError, InputError, MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from lfwidget.flow import Flow
    from lfwidget.gateway.link import Door, Link
    from lfwidget.run import Run

__all__ = ["ShareOptions", "share_flow", "share_run"]

_MOST_AT_ONCE = 3
"""Runs that watchers started and that go on: each may cost whoever shares the flow money."""
_NEEDED = {"jwt": "pyjwt", "segno": "segno", "starlette": "starlette", "uvicorn": "uvicorn"}


class ShareOptions(TypedDict, total=False):
    """The keywords of `share()`."""

    can: Literal["view", "run"]
    seats: int
    expires: float
    host: str
    port: int
    tls_cert: str | Path | None
    tls_key: str | Path | None
    insecure: bool
    gateway: str | None
    token: str | None


@dataclass(frozen=True)
class _Sharing:
    """How something is shared.

    Args:
        can: what those may who have the link: "view", or "run" (also start, stop and answer).
        seats: how many may watch at the same time.
        expires: seconds until the link ends.
        host: address of this machine to listen on; by default only this machine itself can connect.
        port: to listen on; 0 for any that is free.
        tls_cert: file of a certificate, so that the network may connect.
        tls_key: file of its key.
        insecure: listen on the network without a certificate, because you trust it.
        gateway: address of a gateway elsewhere, which the events are brought to; by default `LFWIDGET_GATEWAY`.
        token: for that gateway, with the right to publish; by default `LFWIDGET_GATEWAY_TOKEN`.
    """

    can: Literal["view", "run"] = "view"
    seats: int = 300
    expires: float = 8 * 3600.0
    host: str = "127.0.0.1"
    port: int = 0
    tls_cert: str | Path | None = None
    tls_key: str | Path | None = None
    insecure: bool = False
    gateway: str | None = None
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.can not in ("view", "run"):
            raise InputError(f'can= is "view" or "run", not {self.can!r}')
        if type(self.seats) is not int or self.seats < 1:
            raise InputError(f"seats= is how many may watch at the same time, not {self.seats!r}")
        if type(self.expires) not in (int, float) or not 0 < self.expires < float("inf"):
            raise InputError(f"expires= is seconds, more than 0, not {self.expires!r}")
        if type(self.port) is not int:
            raise InputError(f"port= is a number, not {self.port!r}")
        if self.gateway is not None and not str(self.gateway).startswith(("http://", "https://")):
            raise InputError(f"gateway= is an address that begins with https://, not {self.gateway!r}")

    @classmethod
    def of(cls, how: Mapping[str, Any]) -> _Sharing:
        for name in how:
            if name not in ShareOptions.__annotations__:
                raise UnknownNameError("keyword", name, ShareOptions.__annotations__)
        return cls(**how)


def share_run(run: Run, how: ShareOptions) -> Link:
    """Share one run; see `Run.share`."""
    sharing = _Sharing.of(how)
    with _opening(sharing) as door:
        door.bring(run.id, run.log, _obeying(run))
        link = _link(f"{run.about.flow}: {run.name}", f"run:{run.id}", sharing, door)
    if sharing.can == "run":
        run.answered_by(lambda: link.is_open)
    return link


def share_flow(flow: Flow, how: ShareOptions, each_run: EachRun) -> Link:
    """Share the newest run of a flow, and each that follows; see `Flow.share`.

    Args:
        flow: what is shared.
        how: the keywords.
        each_run: has a function called with the newest run and each that follows; what it returns ends that.
    """
    sharing = _Sharing.of(how)
    room = f"{re.sub(r'[^a-z0-9]+', '-', flow.name.lower()).strip('-')[:40] or 'flow'}-{secrets.token_hex(4)}"
    with _opening(sharing) as door:
        door.open_room(room, _starting(flow))
        link = _link(flow.name, f"room:{room}", sharing, door)

        def bring(run: Run) -> None:
            door.bring(run.id, run.log, _obeying(run), room)
            if sharing.can == "run":
                run.answered_by(lambda: link.is_open)

        link.at_end(each_run(bring))
    return link


@contextmanager
def _opening(sharing: _Sharing) -> Iterator[Door]:
    """The door to the gateway. If something goes wrong on the way, nothing of it stays."""
    _look_for_extra()
    url = sharing.gateway or os.environ.get("LFWIDGET_GATEWAY") or ""
    door: Door = _remote_door(url, sharing) if url else _embedded_door(sharing)
    try:
        yield door
    except BaseException:
        door.close()
        raise


def _link(title: str, scope: str, sharing: _Sharing, door: Door) -> Link:
    from lfwidget.gateway.link import Link
    from lfwidget.gateway.tokens import Grant

    kind, _, name = scope.partition(":")
    path = f"/{'runs' if kind == 'run' else 'flows'}/{name}"
    return Link(title, path, Grant(scope, sharing.can, seats=sharing.seats), sharing.expires, door)


# What watchers with the right to run may ask for

EachRun = Callable[[Callable[["Run"], None]], Callable[[], None]]
Obey = Callable[[Mapping[str, Any]], None]


def _obeying(run: Run) -> Obey:
    def obey(command: Mapping[str, Any]) -> None:
        if command.get("kind") == "cancel":
            run.cancel("somebody who watches stopped it")
        elif command.get("kind") == "answer":
            run.answer_typed(command.get("value"), str(command.get("question")))

    return obey


def _starting(flow: Flow) -> Obey:
    # A place for each; the run is in it as soon as it has begun.
    begun: list[list[Run]] = []

    def start(typed: Any, place: list[Run]) -> None:
        try:
            place.append(flow.run(typed))
        except BaseException:
            begun.remove(place)
            raise

    def obey(command: Mapping[str, Any]) -> None:
        typed = command.get("input")
        if command.get("kind") != "start" or not isinstance(typed, str | dict | None):
            return
        begun[:] = [place for place in begun if not (place and place[0].log.ended)]
        if len(begun) >= _MOST_AT_ONCE:
            raise InputError(f"{len(begun)} runs that watchers started are going on: wait for one to end")
        begun.append([])
        _where_cells_run(partial(start, typed, begun[-1]))

    return obey


def _where_cells_run(function: Callable[[], object]) -> None:
    """The gateway's own thread has a loop, on which no flow may live."""
    if runtime.kernel_loop() is not None:
        runtime.call_where_cells_run(lambda: _quietly(function))
    else:
        threading.Thread(target=_quietly, args=(function,), name="lfwidget-start").start()


def _quietly(function: Callable[[], object]) -> None:
    """What a stranger typed and the flow does not take must not end in the notebook of whoever shared it."""
    try:
        function()
    except Exception:  # noqa: BLE001 - the flow's own code checks its input
        return


# Which gateway


def _embedded_door(sharing: _Sharing) -> Door:
    from lfwidget.gateway.embedded import Embedded, EmbeddedDoor
    from lfwidget.gateway.serve import refuse_public

    tls = sharing.tls_cert is not None
    refuse_public(sharing.host, tls=tls, insecure=sharing.insecure)
    embedded = Embedded.at(
        host=sharing.host,
        port=sharing.port,
        tls_cert=sharing.tls_cert,
        tls_key=sharing.tls_key,
        origins=_proxy_origin(),
    )
    return EmbeddedDoor(embedded, _base(sharing.host, embedded.server.port, tls=tls))


def _remote_door(url: str, sharing: _Sharing) -> Door:
    from lfwidget.gateway.producer import RemoteDoor, RemoteGateway

    token = sharing.token or os.environ.get("LFWIDGET_GATEWAY_TOKEN", "")
    if not token:
        raise GatewayError(f"the gateway {url} wants a token with the right to publish: share(token=...)", url)
    return RemoteDoor(RemoteGateway(url, token))


def _base(host: str, port: int, *, tls: bool) -> str:
    """The address under which those find the gateway who get the link."""
    prefix = _proxy_prefix()
    if prefix:
        return f"{prefix}proxy/{port}"
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - it is compared, not bound
        host = _address_in_network()
    return f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def _proxy_prefix() -> str:
    """Where JupyterHub serves this notebook's server, if that can pass requests on."""
    if importlib.util.find_spec("jupyter_server_proxy") is None:
        return ""
    public, prefix = os.environ.get("JUPYTERHUB_PUBLIC_URL", ""), os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    found = public or prefix
    return f"{found.rstrip('/')}/" if found else ""


def _proxy_origin() -> tuple[str, ...]:
    parts = urlsplit(_proxy_prefix())
    return (f"{parts.scheme}://{parts.netloc}",) if parts.netloc else ()


def _address_in_network() -> str:
    """That of the interface which leads out. Nothing is sent: connecting a datagram socket only picks the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _look_for_extra() -> None:
    for module, package in _NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(package, "pip install 'lfwidget[gateway]'", "sharing a run")
