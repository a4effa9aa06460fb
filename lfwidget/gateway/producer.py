"""A producer that brings the events of a run to a gateway elsewhere, and goes on when that one was away."""

from __future__ import annotations

import atexit
import json
import random
import threading
import time
import weakref
from contextlib import suppress
from typing import Any

import httpx

from lfwidget.errors import GatewayError, LfwidgetError
from lfwidget.gateway.store import Command, Obey
from lfwidget.gateway.tokens import Grant
from lfwidget.model.log import RunLog
from lfwidget.runners.socket.address import way_to

__all__ = ["Producer", "RemoteDoor", "RemoteGateway"]

_BEAT = 2.0
"""Seconds after which a producer that has nothing to say says so; questions are looked after more often."""
_BEAT_AFTER = 30.0
"""The same once the run has ended, so that it is brought again to a gateway that forgot it."""
_ASKING = 0.5
_GOODBYE = 2.0
"""Seconds that the end of the process, or of a link, waits for what is still to be brought."""
_TIMEOUT = 10.0
_LARGEST = 1_000_000
"""Bytes of a batch, about."""
_LONGEST_PAUSE = 10.0
_FINAL = frozenset({400, 401, 403, 404, 405, 413, 422})
"""Statuses after which trying again does not help."""


class RemoteGateway:
    """What can be asked of a gateway elsewhere, by whoever has a token to publish.

    Args:
        url: of the gateway.
        token: with the right to publish.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}".encode("ascii", "replace").decode()},
            timeout=_TIMEOUT,
            transport=way_to(self.url),
        )

    def ask(self, method: str, path: str, body: Any = None, timeout: float = _TIMEOUT) -> dict[str, Any]:
        """The answer as an object.

        Raises:
            GatewayError: it refuses, cannot be reached, or is no gateway; `.status` is None where there was no answer.
        """
        try:
            content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
            response = self._client.request(method, path, content=content, timeout=timeout)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: it was closed meanwhile
            raise GatewayError(
                f"cannot reach the gateway {self.url}: {str(error) or type(error).__name__}", self.url
            ) from None
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise GatewayError(
                f"{self.url} answers {response.status_code}, and not as a gateway does", self.url, response.status_code
            )
        if response.status_code >= 400:  # noqa: PLR2004 - HTTP
            words = answer.get("error") or "no reason given"
            raise GatewayError(
                f"the gateway {self.url} refuses ({response.status_code}): {words}", self.url, response.status_code
            )
        return answer

    def close(self) -> None:
        """Ask nothing more."""
        self._client.close()


class Producer:
    """Brings a run, or keeps a room open, on a thread of its own.

    Args:
        gateway: where to.
        path: that is posted to.
        body: what is always in it.
        log: of the run; None for a room.
        at_once: whether to post before this returns, and raise what goes wrong; else it is in `trouble`.
        obey: is given the commands of watchers.

    Attributes:
        watchers: how many watch, as far as it is known.
        trouble: why nothing gets through just now; None while all is well.
    """

    def __init__(  # noqa: PLR0913 - what it brings, and where to
        self,
        gateway: RemoteGateway,
        path: str,
        body: dict[str, Any],
        obey: Obey,
        log: RunLog | None = None,
        *,
        at_once: bool = True,
    ) -> None:
        self.watchers = 0
        self.trouble: GatewayError | None = None
        self._gateway, self._path, self._obey, self._log = gateway, path, obey, log
        self._body = body if log is None else {**body, "epoch": log.epoch}
        self._have = 0
        self._news = threading.Event()
        self._over = threading.Event()
        if at_once:
            self._post()
        self._unsubscribe = log.subscribe(self._news.set) if log is not None else bool
        self._thread = threading.Thread(target=self._work, name="lfwidget-producer", daemon=True)
        _producers.add(self)
        self._thread.start()

    def leave(self) -> None:
        """Bring nothing more."""
        self._unsubscribe()
        self._over.set()
        self._news.set()

    def join(self, deadline: float) -> None:
        """Wait until it has left, at most until then (`time.monotonic`)."""
        self._thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def is_behind(self) -> bool:
        """Whether there is something to bring, and hope that it can be."""
        return self._behind() and self._thread.is_alive() and not self._over.is_set()

    def _work(self) -> None:
        failures = 0
        while not self._over.is_set():
            try:
                self._post()
                failures, self.trouble = 0, None
            except GatewayError as error:
                self.trouble = error
                if error.status in _FINAL:
                    return
                failures += 1
                self._over.wait(random.uniform(0.1, min(_LONGEST_PAUSE, 0.25 * 2**failures)))  # noqa: S311 - jitter
                continue
            if not self._behind():
                self._news.wait(self._pause())
                self._news.clear()

    def _pause(self) -> float:
        if self._log is not None and self._log.ended:
            return _BEAT_AFTER
        return _ASKING if self._waits() else _BEAT

    def _behind(self) -> bool:
        return self._log is not None and self._have < self._log.last_seq

    def _waits(self) -> bool:
        """Whether the run waits for an answer, or the room for somebody who starts one."""
        return self._log is None or any(
            event["kind"] == "input.requested" for event in self._log.since(self._log.last_seq - 5)
        )

    def _post(self) -> None:
        """One batch: what follows what the gateway has. It says up to where that is, also after it lost everything."""
        body = self._body if self._log is None else {**self._body, "first": self._have + 1, "events": self._batch()}
        receipt = self._gateway.ask("POST", self._path, body)
        have, watchers, commands = (receipt.get(name) for name in ("have", "watchers", "commands"))
        self._have = have if isinstance(have, int) else self._have
        self.watchers = watchers if isinstance(watchers, int) else 0
        for command in commands if isinstance(commands, list) else ():
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        try:
            self._obey(command)
        except LfwidgetError as error:
            # Who asked is far away; what went wrong shows in the run that everybody watches.
            if self._log is not None and not self._log.ended:
                self._log.append(
                    "log", level="warning", message=f"what a watcher asked for: {error}", source="lfwidget"
                )

    def _batch(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        size = 0
        for event in self._log.since(self._have) if self._log is not None else ():
            size += len(event.get("text") or "") + 200 if event["kind"] == "node.delta" else len(json.dumps(event))
            if events and size > _LARGEST:
                break
            events.append(event)
        return events


class RemoteDoor:
    """What one link leads to, in a gateway elsewhere.

    Args:
        gateway: where that is.
    """

    def __init__(self, gateway: RemoteGateway) -> None:
        self.base = gateway.url
        self._gateway = gateway
        self._producers: list[Producer] = []
        self._token = ""

    def open_room(self, room: str, obey: Obey) -> None:
        """Make a room."""
        self._producers.append(Producer(self._gateway, f"/flows/{room}", {}, obey))

    def bring(self, run: str, log: RunLog, obey: Obey, room: str = "") -> None:
        """Bring a run there."""
        body = {"room": room} if room else {}
        # Whoever shares wants to hear at once that his token is wrong; a lesson that goes on must not wait for that.
        made = Producer(self._gateway, f"/runs/{run}/events", body, obey, log, at_once=not room)
        self._producers.append(made)

    def mint(self, grant: Grant, lifetime: float) -> str:
        """The token of the link, which only the gateway can sign."""
        wanted = {"scope": grant.scope, "can": grant.right, "seats": grant.seats, "expires": lifetime}
        self._token = str(self._gateway.ask("POST", "/links", wanted).get("token", ""))
        return self._token

    @property
    def watchers(self) -> int:
        """How many watch now. Each run of a room counts those in the room, too."""
        return max((producer.watchers for producer in self._producers), default=0)

    @property
    def trouble(self) -> GatewayError | None:
        """Why nothing gets through just now."""
        return next((producer.trouble for producer in self._producers if producer.trouble), None)

    def close(self) -> None:
        """Let nobody in any more, and bring nothing more."""
        deadline = time.monotonic() + _GOODBYE
        for producer in self._producers:
            producer.leave()
        for producer in self._producers:
            producer.join(deadline)
        with suppress(GatewayError):
            if self._token:
                self._gateway.ask("POST", "/links/closed", {"token": self._token}, timeout=_GOODBYE)
        self._gateway.close()


_producers: weakref.WeakSet[Producer] = weakref.WeakSet()


def _bring_the_rest() -> None:
    """A script ends as soon as it has its answer; those who watch want to see the end as well."""
    deadline = time.monotonic() + _GOODBYE
    for producer in list(_producers):
        while producer.is_behind and time.monotonic() < deadline:
            time.sleep(0.01)


atexit.register(_bring_the_rest)
