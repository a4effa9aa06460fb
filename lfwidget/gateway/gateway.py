"""The gateway itself, apart from HTTP: what its routes share."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import HTTPConnection

from lfwidget.errors import LfwidgetError
from lfwidget.gateway.following import Following, positions
from lfwidget.gateway.guard import Guard, RefusedError
from lfwidget.gateway.memory_store import MemoryStore
from lfwidget.gateway.metrics import Metrics
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import SharedLog
from lfwidget.gateway.store import Store
from lfwidget.gateway.tokens import Grant, Signer

__all__ = ["Gateway", "Target", "holder", "position_of"]


class Target:
    """What a watcher asks for: a run, or a room.

    Args:
        run: id of the run; "" for a room.
        room: id of the room; "" for a run.
    """

    def __init__(self, run: str = "", room: str = "") -> None:
        self.run, self.room = run, room


class Gateway:
    """Its settings, its store, who may come in and who is here.

    Args:
        settings: what can be set.
        store: of the logs; by default as the settings say.
        signer: of the tokens; by default with the secret of the settings.
        guard: lets people in by other means than tokens.
    """

    _missing = "there is no such run here (any more): was it shared, and is its notebook open?"

    def __init__(
        self,
        settings: Settings | None = None,
        store: Store | None = None,
        signer: Signer | None = None,
        guard: type[Guard] = Guard,
    ) -> None:
        self.settings = settings or Settings()
        self.store = store or _store(self.settings)
        self.signer = signer or Signer(self.settings.secret or None)
        self.metrics = Metrics()
        self.guard = guard(
            self.settings,
            self.signer,
            self.store,
            lambda status: self.metrics.count("refused_total", f'status="{status}"'),
        )
        self.here: dict[Following, Grant] = {}
        self.store.on_revoked(lambda link: self.close_link(link, "this link was closed by whoever shared it"))

    async def admit(
        self, request: HTTPConnection, target: Target, *, since: str | None = None
    ) -> tuple[Grant, Following]:
        """Let a watcher in, or not. Its `following` is to be closed.

        Args:
            request: of the watcher.
            target: what it asks for.
            since: what it has already; None for what the request says.

        Raises:
            RefusedError: it may not watch this, or there is no such thing.
        """
        scopes = await self._scopes(target)
        grant = await self.guard.admit(request, "view", *scopes)
        if grant.scope == "*" and await self.store.owner(scopes[0]) not in (None, grant.owner):
            raise RefusedError(403, "somebody else shares this: ask for a link to it")
        if since is None:
            since = position_of(request)
        try:
            wanted = positions(since)
        except ValueError as error:
            raise RefusedError(400, str(error)) from None
        log = await self._log(grant, target.run) if target.run else None
        room = await self.store.room(target.room) if target.room else None
        if log is None and room is None:
            # Gateway and Redis may have been restarted together: whoever is told 404 does not come back.
            if wanted and await self.store.is_young():
                raise RefusedError(503, "it is not here yet since a restart; whoever shares it brings it again")
            raise RefusedError(404, self._missing)
        if (log or room).watchers >= self.settings.per_run:  # type: ignore[union-attr]  # one of them is there
            raise RefusedError(429, f"{self.settings.per_run} watch this already")
        return grant, Following(self.store, log, room, since=wanted, nodes=_nodes(request), can=grant.right)

    async def _log(self, _grant: Grant, run: str) -> SharedLog | None:
        """The log of a run, for somebody who was let in."""
        return await self.store.log(run)

    async def _scopes(self, target: Target) -> list[str]:
        """Those whose tokens fit: the run's own, and its room's."""
        if target.room:
            return [f"room:{target.room}"]
        log = await self.store.log(target.run)
        return [f"run:{target.run}", *([f"room:{log.room}"] if log is not None and log.room else [])]

    def obey(self, grant: Grant, target: Target) -> Callable[[dict[str, Any]], Awaitable[str]]:
        """What carries out the commands of a watcher."""

        async def carry_out(message: dict[str, Any]) -> str:
            if not grant.allows("run"):
                self.metrics.count("ignored_total")
                return "your link lets you watch; the one who shared it can give you one that lets you run"
            command = _command(message)
            where = target.room if command.get("kind") == "start" else str(command.get("run") or target.run)
            if not where:
                return "this link is for one run: a link to its flow can start others"
            if (target.run and where != target.run) or (target.room and not await self._in_room(where, target.room)):
                return "this link is for another run"
            try:
                done = await self.store.command(where, command)
            except LfwidgetError as error:
                return str(error)
            return "" if done else "whoever shared this is not there to do it"

        return carry_out

    async def _in_room(self, where: str, name: str) -> bool:
        room = await self.store.room(name)
        return where == name or (room is not None and where in room.runs)

    def close_link(self, link: str, reason: str) -> None:
        """Send away who came by a link, on whatever transport."""
        for following, grant in list(self.here.items()):
            if grant.link == link:
                following.send_away(reason)

    def lag(self) -> int:
        """Events that the slowest watcher has not got yet."""
        return max((following.behind for following in self.here), default=0)


def position_of(request: HTTPConnection) -> str:
    """What the request says that its watcher has."""
    return request.headers.get("last-event-id") or request.query_params.get("since", "")


def _nodes(request: HTTPConnection) -> list[str] | None:
    chosen = request.path_params.get("node")
    listed = [chosen] if chosen else request.query_params.getlist("node")
    return listed or None


def _command(message: dict[str, Any]) -> dict[str, Any]:
    """Only what the producer understands: an input that somebody typed, never a flow, never code."""
    fields = {
        "start": ("kind", "request", "input"),
        "cancel": ("kind", "run"),
        "answer": ("kind", "request", "run", "question", "value"),
    }[message["kind"]]
    return {name: message[name] for name in fields if name in message}


def _store(settings: Settings) -> Store:
    if not settings.redis:
        return MemoryStore(settings)
    from lfwidget.gateway.redis_store import RedisStore

    return RedisStore(settings)


def holder() -> str:
    """A name for one connection."""
    return secrets.token_hex(8)
