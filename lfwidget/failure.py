"""How a run failed: its error as data, and the node where it arose."""

from __future__ import annotations

import traceback
from typing import Any

__all__ = ["failure"]


def failure(error: BaseException, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of `run.failed`: the error, and the innermost node it came from.

    Args:
        error: what the flow raised.
        events: of the run so far.
    """
    info = {"type": type(error).__name__, "message": _message(error)}
    failed = _origin(error, events)
    if failed is None or "traceback" not in failed["error"]:
        info["traceback"] = "".join(traceback.format_exception(error))
    return {"error": info} if failed is None else {"error": info, "node": failed["node"]}


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error that cannot even say what it is must not keep the run from ending
        return "(its message cannot be read)"


def _origin(error: BaseException, events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The `node.failed` that tells of this error first: nodes around it fail by the same one, after it."""
    retracted = {event["span"] for event in events if event["kind"] == "node.retracted"}
    failed = [event for event in events if event["kind"] == "node.failed" and event["span"] not in retracted]
    names = {type(link).__name__ for link in _chain(error)}
    alike = [event for event in failed if event["error"]["type"] in names]
    innermost = [event for event in alike if "traceback" in event["error"]]
    return innermost[-1] if innermost else next(iter(alike), None)


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what caused it."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain
