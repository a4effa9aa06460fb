"""Who may come in: all of it is decided before a socket is accepted, and before any work is done."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from lfwidget.gateway.refused import RefusedError
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.store import Store
from lfwidget.gateway.tokens import Grant, InvalidTokenError, Right, Signer

__all__ = ["PROTOCOL", "Guard", "RefusedError", "token_of"]

PROTOCOL = "lfwidget.v1"
"""The subprotocol of our sockets. A browser offers it first, since some proxies confirm only the first one, and its
token as a second one, `token.<token>`, which is never confirmed."""
_BURST = 10
_MOST_ADDRESSES = 10_000


class Guard:
    """Checks where a request comes from, how often, and what its token allows.

    Args:
        settings: of the gateway.
        signer: knows the secret.
        store: knows which links were revoked, and how many use them.
        refused: is told the status of each refusal.
    """

    def __init__(self, settings: Settings, signer: Signer, store: Store, refused: Callable[[int], None]) -> None:
        self._settings, self._signer, self._store, self._refused = settings, signer, store, refused
        self._buckets: dict[str, tuple[float, float]] = {}
        self._open: dict[str, int] = {}

    async def admit(self, request: HTTPConnection, right: Right, *scopes: str) -> Grant:
        """What the request may do.

        Args:
            request: before it is accepted.
            right: that it needs.
            scopes: one of which its token must be for; none for any.

        Raises:
            RefusedError: it may not.
        """
        try:
            self._look_at_rate(_address(request))
            self._look_at_origin(request)
            grant = await self.identify(request)
            _look_at_rights(grant, right, scopes)
        except RefusedError as refusal:
            self._refused(refusal.status)
            raise
        return grant

    @asynccontextmanager
    async def seated(self, request: HTTPConnection, grant: Grant, holder: str) -> AsyncIterator[None]:
        """A place for as long as a connection lasts.

        Raises:
            RefusedError: there is none left for this address, or for this link.
        """
        address = _address(request)
        if self._open.get(address, 0) >= self._settings.per_address:
            self._refused(429)
            raise RefusedError(429, "too many connections from this address: close some, then reload")
        if grant.seats and not await self._store.take_seat(grant.link, holder, grant.seats):
            self._refused(429)
            raise RefusedError(429, f"all {grant.seats} seats of this link are taken: ask for a link with more")
        self._open[address] = self._open.get(address, 0) + 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            if grant.seats:
                await self._store.free_seat(grant.link, holder)

    def _look_at_rate(self, address: str) -> None:
        """A token bucket for each address."""
        rate, now = self._settings.connects, time.monotonic()
        if len(self._buckets) >= _MOST_ADDRESSES:
            self._buckets = {key: known for key, known in self._buckets.items() if now - known[1] < _BURST}
        left, at = self._buckets.get(address, (rate * _BURST, now))
        left = min(rate * _BURST, left + (now - at) * rate)
        if left < 1:
            raise RefusedError(429, "too many requests from this address: wait a moment")
        self._buckets[address] = (left - 1, now)

    def _look_at_origin(self, request: HTTPConnection) -> None:
        """Pages of other sites have no business here; what is no browser sends no origin."""
        origin = request.headers.get("origin")
        if origin is None or origin in self._settings.origins:
            return
        if urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
            raise RefusedError(403, "pages of this origin may not connect: allow it with --origin")

    async def identify(self, request: HTTPConnection) -> Grant:
        """What the token of a request allows.

        Raises:
            RefusedError: it has none, or one that is no good.
        """
        token = token_of(request)
        if not token:
            raise RefusedError(401, "a link with a token is needed: it ends with # and a long text")
        try:
            grant = self._signer.check(token)
        except InvalidTokenError as error:
            raise RefusedError(401, str(error)) from None
        if await self._store.is_revoked(grant.link):
            raise RefusedError(401, "this link was closed by whoever shared it")
        return grant


def _look_at_rights(grant: Grant, right: Right, scopes: Sequence[str]) -> None:
    if scopes and not grant.covers(*scopes):
        raise RefusedError(403, "this link is for another run")
    if not grant.allows(right):
        raise RefusedError(403, f"this link allows to {grant.right}, not to {right}")


def token_of(request: HTTPConnection) -> str:
    """From the header, or as browsers can send it. Never from the address, which ends up in logs; never a cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = ",".join(request.headers.getlist("sec-websocket-protocol")).split(",")
    return next((name.strip()[6:] for name in offered if name.strip().startswith("token.")), "")


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client is not None else ""
