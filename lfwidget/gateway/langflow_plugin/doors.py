"""The doors of the plugin: its routes in LangFlow's app, and LangFlow's users in the place of links with tokens.

| route | what it gives |
|---|---|
| `GET /runs` | the runs of whoever asks |
| `GET /runs/{run}` | the page |
| `WS /runs/{run}/stream` | all events of a run |
| `WS /ws/stream/{node}?run=...` | those of one node |
| `GET /runs/{run}/events` | the same as SSE or by long poll |

Nobody can start, change or bring in anything here: a message of a watcher has no way to LangFlow.
"""

from __future__ import annotations

import importlib.metadata
import time
import uuid
from typing import Any

import jwt
from fastapi import APIRouter, HTTPException
from langflow.services.auth.exceptions import AuthBackendUnavailableError, AuthenticationError
from langflow.services.deps import get_auth_service, get_job_service, session_scope
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lfwidget.gateway import page
from lfwidget.gateway.app import refusal_of, run_routes
from lfwidget.gateway.gateway import Gateway, Target
from lfwidget.gateway.guard import PROTOCOL, Guard, RefusedError, token_of
from lfwidget.gateway.langflow_plugin.runs import Runs
from lfwidget.gateway.langflow_plugin.tapped import TappedRun
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import SharedLog
from lfwidget.gateway.tokens import Grant

__all__ = ["mount"]

_KEY = "sk-"
"""LangFlow's API keys begin so, and its access tokens never do."""
_LIFETIME = 3600.0
"""Seconds after which a key is looked at again: it may have been withdrawn. The watcher comes back by itself."""


def mount(app: Any) -> None:
    """Open the doors, and listen. Nothing has happened if this raises.

    Args:
        app: LangFlow's.
    """
    from lfwidget.gateway.langflow_plugin.taps import install

    settings = Settings.from_environment()
    runs = Runs(settings)
    gateway = _LangFlowGateway(settings, runs)
    pages = [route for route in page.routes() if not route.path.startswith("/flows")]
    doors = APIRouter(routes=[_listing(gateway), *run_routes(gateway), *pages])
    app.include_router(doors, include_in_schema=False)
    install(runs)


class _LangFlowGuard(Guard):
    """Lets in whom LangFlow knows."""

    async def identify(self, request: HTTPConnection) -> Grant:
        """The user, by what LangFlow itself makes of a key (`x-api-key`) or an access token (`Authorization: Bearer`).

        A browser, whose sockets have no headers, offers either as a subprotocol. Neither is read from the address,
        which ends up in logs, nor from a cookie, which a browser would send for the pages of others, too.
        """
        token = token_of(request)
        key = request.headers.get("x-api-key") or (token if token.startswith(_KEY) else None)
        async with session_scope() as session:
            # Inside, since LangFlow logs whatever leaves its session as an error, with the traceback.
            user = await _known(None if key else token, key, session)
        if isinstance(user, RefusedError):
            raise user
        if not user.is_active:
            raise RefusedError(403, "LangFlow's user is not active")
        name = str(user.id)
        return Grant(f"user:{name}", "view", name, time.time() + _LIFETIME if key or not token else _end_of(token))


async def _known(token: str | None, key: str | None, session: Any) -> Any:
    """LangFlow's user, or why there is none."""
    try:
        return await get_auth_service().get_current_user_for_websocket(token, key, session)
    except AuthBackendUnavailableError:
        return RefusedError(503, "LangFlow cannot look at the key just now: try again")
    except AuthenticationError:
        return RefusedError(401, "LangFlow does not know this API key or access token")
    except HTTPException as error:
        return RefusedError(error.status_code, str(error.detail))


def _end_of(token: str) -> float:
    """When an access token ends; LangFlow has looked at it."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):  # it came from somewhere else that LangFlow trusts
        return time.time() + _LIFETIME


class _LangFlowGateway(Gateway):
    """Shows each user his own runs; those of others are not there for him.

    Args:
        settings: of the gateway.
        runs: on this server.
    """

    _missing = "you have no such run on this server (any more), or it is in another of its processes"

    def __init__(self, settings: Settings, runs: Runs) -> None:
        super().__init__(settings, runs, guard=_LangFlowGuard)
        self.runs = runs

    async def _scopes(self, _target: Target) -> list[str]:
        """None: whose a run is, is looked at once it is known who asks."""
        return []

    async def _log(self, grant: Grant, run: str) -> SharedLog | None:
        found = self.runs.find(run) or await self._queued(run, grant.subject)
        return found.shared if found is not None and found.about.owner == grant.subject else None

    async def _queued(self, run: str, owner: str) -> TappedRun | None:
        """A job that has not begun yet. That it is "in progress" is said a moment before it begins."""
        try:
            job = await get_job_service().get_job_by_job_id(uuid.UUID(run), user_id=uuid.UUID(owner))
        except ValueError:
            return None
        if job is None or str(job.user_id) != owner or job.status.value not in ("queued", "in_progress"):
            return None
        return self.runs.expect(run, owner)


def _listing(gateway: _LangFlowGateway) -> Route:
    """Also how `lf.connect` learns that there is a socket."""

    async def listed(request: Request) -> Response:
        try:
            grant = await gateway.guard.admit(request, "view")
        except RefusedError as refusal:
            return refusal_of(refusal)
        runs = [_described(run) for run in gateway.runs.of(grant.subject)]
        about = {"version": importlib.metadata.version("lfwidget"), "protocol": PROTOCOL}
        return JSONResponse({"lfwidget": about, "runs": runs}, headers={"Cache-Control": "no-store"})

    return Route("/runs", listed, methods=["GET"])


def _described(run: TappedRun) -> dict[str, Any]:
    return {
        "run": run.about.run,
        "flow": run.about.name,
        "flow_id": run.about.flow_id,
        "started_at": run.began_at,
        "status": run.outcome or "running",
        "watchers": run.shared.watchers,
    }
