"""`run.share()` and `flow.share()`: which gateway serves it, and the link that leads there."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from lfwidget import runtime
from lfwidget.errors import GatewayError, InputError, MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from lfwidget.flow import Flow
    from lfwidget.gateway.embedded import Embedded
    from lfwidget.gateway.link import Link
    from lfwidget.gateway.tokens import Grant
    from lfwidget.run import Run

__all__ = ["ShareOptions", "share_flow", "share_run"]

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
    token: str | None = None

    def __post_init__(self) -> None:
        if self.can not in ("view", "run"):
            raise InputError(f'can= is "view" or "run", not {self.can!r}')
        if type(self.seats) is not int or self.seats < 1:
            raise InputError(f"seats= is how many may watch at the same time, not {self.seats!r}")
        if not 0 < self.expires < float("inf"):
            raise InputError(f"expires= is seconds, more than 0, not {self.expires!r}")

    @classmethod
    def of(cls, how: Mapping[str, Any]) -> _Sharing:
        for name in how:
            if name not in ShareOptions.__annotations__:
                raise UnknownNameError("keyword", name, ShareOptions.__annotations__)
        return cls(**how)


def share_run(run: Run, how: ShareOptions) -> Link:
    """Share one run; see `Run.share`."""
    sharing = _Sharing.of(how)
    _look_for_extra()
    obey = _obeying(run)
    if _remote(sharing) is not None:
        return _remotely(sharing, f"run:{run.id}", _title(run), lambda bring: bring(run, ""), obey)
    embedded, base = _embedded(sharing)
    embedded.share(run.id, run.log, obey)
    return _embedded_link(embedded, base, sharing, f"run:{run.id}", _title(run))


def share_flow(flow: Flow, how: ShareOptions, each_run: Callable[[Callable[[Run], None]], None]) -> Link:
    """Share the newest run of a flow, and each that follows; see `Flow.share`.

    Args:
        flow: what is shared.
        how: the keywords.
        each_run: has a function called with each run of the flow, those that are known first.
    """
    sharing = _Sharing.of(how)
    _look_for_extra()
    room = f"{re.sub(r'[^a-z0-9]+', '-', flow.name.lower()).strip('-')[:40] or 'flow'}-{secrets.token_hex(4)}"
    obey = _starting(flow)
    if _remote(sharing) is not None:
        return _remotely(
            sharing, f"room:{room}", flow.name, lambda bring: each_run(lambda run: bring(run, room)), obey, room=room
        )
    embedded, base = _embedded(sharing)
    embedded.open_room(room, obey)
    each_run(lambda run: embedded.share(run.id, run.log, _obeying(run), room=room))
    return _embedded_link(embedded, base, sharing, f"room:{room}", flow.name)


# What watchers with the right to run may ask for

Obey = Callable[[Mapping[str, Any]], None]


def _obeying(run: Run) -> Obey:
    def obey(command: Mapping[str, Any]) -> None:
        if command.get("kind") == "cancel":
            run.cancel("somebody who watches stopped it")
        elif command.get("kind") == "answer":
            run.answer_typed(command.get("value"), str(command.get("question")))

    return obey


def _starting(flow: Flow) -> Obey:
    def obey(command: Mapping[str, Any]) -> None:
        typed = command.get("input")
        if command.get("kind") == "start" and isinstance(typed, str | dict | None):
            _where_cells_run(lambda: flow.run(typed))

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


# Gateways inside this process


def _embedded(sharing: _Sharing) -> tuple[Embedded, str]:
    from lfwidget.gateway.embedded import Embedded
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
    return embedded, _base(sharing.host, embedded.server.port, tls=tls)


def _embedded_link(embedded: Embedded, base: str, sharing: _Sharing, scope: str, title: str) -> Link:
    from lfwidget.gateway.link import Door, Link

    grant = _grant(sharing, scope, secrets.token_urlsafe(9))
    token = embedded.mint(grant, sharing.expires)
    kind, _, name = scope.partition(":")
    where = {"run": name, "room": ""} if kind == "run" else {"run": "", "room": name}
    door = Door(
        base,
        watchers=lambda: embedded.watchers(**where),
        trouble=lambda: None,
        close=lambda: embedded.close(grant.link, grant.expires),
    )
    return Link(title, _path(scope), token, grant, door)


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


# Gateways elsewhere


def _remote(sharing: _Sharing) -> str | None:
    return sharing.gateway or os.environ.get("LFWIDGET_GATEWAY") or None


def _remotely(  # noqa: PLR0913 - one of two ways, told apart by what brings the runs
    sharing: _Sharing,
    scope: str,
    title: str,
    each: Callable[[Callable[[Run, str], None]], None],
    obey: Obey,
    *,
    room: str = "",
) -> Link:
    from lfwidget.gateway.link import Door, Link
    from lfwidget.gateway.producer import Producer, RemoteGateway

    url, token = _remote(sharing) or "", sharing.token or os.environ.get("LFWIDGET_GATEWAY_TOKEN", "")
    if not token:
        raise GatewayError(f"the gateway {url} wants a token with the right to publish: share(token=...)", url)
    gateway = RemoteGateway(url, token)
    producers: list[Producer] = []
    if room:
        producers.append(Producer(gateway, f"/flows/{room}", {}, obey))

    def bring(run: Run, into: str) -> None:
        producers.append(
            Producer(gateway, f"/runs/{run.id}/events", {"room": into} if into else {}, _obeying(run), run.log)
        )

    each(bring)
    grant = _grant(sharing, scope, "")
    wanted = {"scope": scope, "can": grant.right, "seats": grant.seats, "expires": sharing.expires}
    made = gateway.ask("POST", "/links", wanted)

    def close() -> None:
        for producer in producers:
            producer.stop()
        if made.get("link"):
            gateway.ask("DELETE", f"/links/{made['link']}")
        gateway.close()

    door = Door(
        gateway.url,
        # Each run of a room counts those in the room, too.
        watchers=lambda: max((producer.watchers for producer in producers), default=0),
        trouble=lambda: next((producer.trouble for producer in producers if producer.trouble), None),
        close=close,
    )
    return Link(title, _path(scope), str(made.get("token", "")), grant, door)


def _grant(sharing: _Sharing, scope: str, link: str) -> Grant:
    from lfwidget.gateway.tokens import Grant

    return Grant(scope, sharing.can, seats=sharing.seats, link=link, expires=time.time() + sharing.expires)


def _path(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return f"/{'runs' if kind == 'run' else 'flows'}/{name}"


def _title(run: Run) -> str:
    return f"{run.about.flow}: {run.name}"


def _look_for_extra() -> None:
    for module, package in _NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(package, "pip install 'lfwidget[gateway]'", "sharing a run")
