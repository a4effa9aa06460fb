"""The ways in which LangFlow runs a flow, and what each of them cannot show."""

from __future__ import annotations

__all__ = ["CANNOT", "ROUTES", "WAYS"]

WAYS = ("background", "stream", "build", "run_stream", "run")
"""Best first: a background run of API v2 (it outlives a lost connection), a streamed run of API v2, `build` of API v1
(older servers), `run` of API v1 with tokens, and `run` with nothing but the result."""

CANNOT = {
    "background": "",
    "stream": "a lost connection ends the run",
    "build": "a lost connection ends the run",
    "run_stream": "it tells tokens and outputs, not which nodes run, nor how long they take",
    "run": "it tells the outputs when all is done, and nothing before",
}
"""What each way cannot show, in words."""

ROUTES = {
    "background": "POST /api/v2/workflows, in the background",
    "stream": "POST /api/v2/workflows, streamed",
    "build": "POST /api/v1/build",
    "run_stream": "POST /api/v1/run, streamed",
    "run": "POST /api/v1/run",
}
