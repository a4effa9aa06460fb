"""What a LangFlow flow asks a person: which way a Human Input goes, and whether an agent may call a tool.

Both come as the request that LangFlow's server sends to its page (`HumanInput._pause_request` and
`ToolApprovalMixin._map_interrupt_to_request` of lfx 1.13), and want a decision: {"action_id": ..., "values": ...}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lfwidget.errors import InputError
from lfwidget.model.events import Choice
from lfwidget.questions import as_json
from lfwidget.runners.base import Question

__all__ = ["decision_of", "question_of"]

_CLICKS = ("approve", "reject")
"""The decisions on a tool call that need no more than a click."""
_HINTS = {"reject": "or say why not", "respond": "or answer in its place"}


def question_of(request: Mapping[str, Any], node: str, span: str) -> Question:
    """The question that a request of LangFlow is.

    Args:
        request: as lfx makes it.
        node: who asks.
        span: the execution of it.
    """
    is_tool = request.get("kind") == "tool_approval"
    allowed = [str(each) for each in request.get("allowed_decisions") or ()]
    offered = [Choice(title=str(each["label"]), value=str(each["action_id"])) for each in request.get("options") or ()]
    return Question(
        request=str(request["request_id"]),
        node=node,
        span=span,
        prompt=str(request.get("prompt") or "Which way?"),
        schema=None if is_tool else {"enum": [choice["value"] for choice in offered]},
        choices=[choice for choice in offered if not is_tool or choice["value"] in _CLICKS],
        hint=next((hint for kind, hint in _HINTS.items() if is_tool and kind in allowed), ""),
        read=lambda typed: _sentence(typed, allowed) if is_tool else typed.strip().lower().replace(" ", "_"),
    )


def decision_of(answer: Any) -> dict[str, Any]:
    """The decision that an answer is: the name of one, or the whole of it."""
    if isinstance(answer, Mapping) and "action_id" in answer:
        return dict(answer)
    return {"action_id": str(answer), "values": {}}


def _sentence(typed: str, allowed: list[str]) -> Any:
    """What somebody means who types: a decision, other arguments as JSON, or a sentence."""
    value = as_json(typed)
    if typed.strip().lower() in allowed:
        return typed.strip().lower()
    if isinstance(value, Mapping):
        if "action_id" in value:
            return dict(value)
        if "edit" in allowed:
            return {"action_id": "edit", "values": {"args": dict(value)}}
    for kind in _HINTS:
        if kind in allowed:
            return {"action_id": kind, "values": {"message": typed}}
    raise InputError(f"the answer is one of {', '.join(allowed)}, not {typed!r}")
