"""Capability tokens: who holds one may do what it says, with one run or one room, until it expires. No accounts here.

A token is a JSON Web Token (RFC 7519) signed with HMAC-SHA256, so any service that knows the secret can make one. Its
characters are allowed in a WebSocket subprotocol, which is how a browser hands it in.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import jwt

__all__ = ["LEEWAY", "RIGHTS", "Grant", "InvalidTokenError", "Right", "Signer"]

Right = Literal["view", "run", "publish"]
RIGHTS: tuple[Right, ...] = get_args(Right)
"""In order: each may do what those before it may. `publish` brings events in, which no link for watchers can."""

LEEWAY = 30
"""Seconds by which clocks of machines may differ."""
_AUDIENCE = "lfwidget"
_ALGORITHM = "HS256"


class InvalidTokenError(Exception):
    """The token is forged, expired, or none of ours. It says which, and never the token itself."""


@dataclass(frozen=True)
class Grant:
    """What a token allows.

    Attributes:
        scope: `run:<id>`, `room:<id>`, or `*` for all (of a producer or an administrator).
        right: `view`, `run` (also start, cancel and answer) or `publish`.
        subject: who it was made for, in words of whoever made it.
        expires: seconds since 1970.
        seats: how many may use it at the same time; 0 for as many as like.
        link: id of the token, by which it is revoked and its seats are counted.
        made_by: owner of what it leads to, who alone may close it; "" for one that was made with the secret itself.
    """

    scope: str
    right: Right = "view"
    subject: str = ""
    expires: float = 0.0
    seats: int = 0
    link: str = ""
    made_by: str = ""

    @property
    def owner(self) -> str:
        """Under which name its holder shares."""
        return self.subject or self.link

    def allows(self, right: Right) -> bool:
        """Whether this right is included."""
        return RIGHTS.index(self.right) >= RIGHTS.index(right)

    def covers(self, *scopes: str) -> bool:
        """Whether it is for one of these."""
        return self.scope == "*" or self.scope in scopes


class Signer:
    """Makes tokens and checks them.

    Args:
        secret: at least 32 characters, the same for all gateways of a deployment; None makes one up.
    """

    def __init__(self, secret: str | None = None) -> None:
        if secret is not None and len(secret) < 32:  # noqa: PLR2004 - RFC 7518: at least as long as the hash
            raise ValueError("the secret of a gateway has at least 32 characters: openssl rand -hex 32 makes one")
        self._secret = secret or secrets.token_hex(32)

    def mint(self, grant: Grant, lifetime: float) -> str:
        """A token.

        Args:
            grant: what it allows; `expires` and `link` are filled in.
            lifetime: seconds until it expires.
        """
        claims: dict[str, Any] = {
            "aud": _AUDIENCE,
            "exp": int(time.time() + lifetime),
            "jti": grant.link or secrets.token_urlsafe(9),
            "scope": grant.scope,
            "can": grant.right,
        }
        if grant.subject:
            claims["sub"] = grant.subject
        if grant.seats:
            claims["seats"] = grant.seats
        if grant.made_by:
            claims["by"] = grant.made_by
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def check(self, token: str) -> Grant:
        """What the token allows. Its signature is compared in constant time, before anything in it is believed.

        Raises:
            InvalidTokenError: it is none of ours, or has expired.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                leeway=LEEWAY,
                options={"require": ["exp", "jti", "scope", "can"]},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidTokenError("the link has expired: ask for a new one") from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise InvalidTokenError("the link is not one of this gateway: was it copied whole?") from None
        scope, can, seats = claims["scope"], claims["can"], claims.get("seats", 0)
        if not isinstance(scope, str) or can not in RIGHTS or not isinstance(seats, int) or isinstance(seats, bool):
            raise InvalidTokenError("the link was made by another version of lfwidget")
        right = cast("Right", can)
        who, by = (str(claims.get(name) or "") for name in ("sub", "by"))
        return Grant(scope, right, who, float(claims["exp"]), seats, str(claims["jti"]), by)

    def narrowed(self, grant: Grant, wanted: Grant, lifetime: float) -> str:
        """A token for others, by somebody who holds one: never more, and never for longer, than he has himself."""
        right = min(grant.right, wanted.right, key=RIGHTS.index)
        scope = wanted.scope if grant.covers(wanted.scope) else grant.scope
        longest = grant.expires - time.time()
        wanted = replace(wanted, scope=scope, right=right, made_by=grant.owner)
        return self.mint(wanted, min(lifetime, longest))
