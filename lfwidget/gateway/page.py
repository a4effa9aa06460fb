"""The page of a gateway: the widget, live, in a plain browser. It is the same for every run and holds nothing of one.

The token is in the fragment of the link, which a browser sends to nobody; the page's script reads it.
"""

from __future__ import annotations

import hashlib
from functools import cache

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lfwidget.page_files import page_file

__all__ = ["routes"]

_TYPES = {
    "live.css": "text/css",
    "live.js": "text/javascript",
    "record.js": "text/javascript",
    "widget.css": "text/css",
    "widget.js": "text/javascript",
}
_POLICY = (
    "default-src 'none'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Addresses are relative: behind a proxy the gateway does not know its own.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>lfwidget</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="../static/widget.css?{version}">
<link rel="stylesheet" href="../static/live.css?{version}">
</head>
<body>
<main id="live" data-version="{version}"><noscript>This page needs JavaScript to show a run live.</noscript></main>
<script type="module" src="../static/live.js?{version}"></script>
</body>
</html>
"""


def routes() -> list[Route]:
    """The page, and what it loads."""
    return [
        Route("/runs/{run}", _page, methods=["GET"]),
        Route("/flows/{room}", _page, methods=["GET"]),
        Route("/static/{name}", _file, methods=["GET"]),
    ]


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE.format(version=_version()), headers={**_HEADERS, "Cache-Control": "no-cache"})


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES:
        return Response("no such file", 404)
    # The page names the version, so a copy that somebody kept is never the wrong one.
    headers = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_read(name), media_type=_TYPES[name], headers=headers)


@cache
def _read(name: str) -> str:
    return page_file(name)


@cache
def _version() -> str:
    return hashlib.sha256("".join(map(_read, _TYPES)).encode()).hexdigest()[:12]
