"""How a run failed: its error as data, and the node where it arose."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from lfwidget.errors import ComponentError

__all__ = ["causes", "error_info", "failure"]


def failure(error: BaseException, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of `run.failed`: the error, and the innermost node it came from.

    Args:
        error: what the flow raised.
        events: of the run so far.
    """
    failed = _origin(error, events)
    info = error_info(error, trace=failed is None or "traceback" not in failed["error"])
    return {"error": info} if failed is None else {"error": info, "node": failed["node"]}


def error_info(error: BaseException, *, trace: bool) -> dict[str, str]:
    """An error as data. One that cannot even say what it is must not keep a node or a run from ending.

    Args:
        error: any.
        trace: whether to tell its traceback too.
    """
    info = {"type": type(error).__name__, "message": _said(str, error, "(its message cannot be read)")}
    if trace:
        info["traceback"] = _said(_formatted, error, "(its traceback cannot be read)")
    return info


def _said(say: Callable[[BaseException], str], error: BaseException, otherwise: str) -> str:
    try:
        return say(error)
    except Exception:  # noqa: BLE001 - its methods are the user's code
        return otherwise


def _formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _origin(error: BaseException, events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The `node.failed` that tells of this error first: nodes around it fail by the same one, after it."""
    retracted = {event["span"] for event in events if event["kind"] == "node.retracted"}
    failed = [event for event in events if event["kind"] == "node.failed" and event["span"] not in retracted]
    if isinstance(error, ComponentError):  # it arose on a server, and knows the node
        return next((event for event in failed if event["node"] == error.node), None)
    names = {type(link).__name__ for link in causes(error)}
    alike = [event for event in failed if event["error"]["type"] in names]
    innermost = [event for event in alike if "traceback" in event["error"]]
    return innermost[-1] if innermost else next(iter(alike), None)


def causes(error: BaseException | None) -> list[BaseException]:
    """The error, what caused it, and what caused that."""
    chain: list[BaseException] = []
    while error is not None and not any(error is link for link in chain):
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain
