"""The questions of LangChain's HumanInTheLoopMiddleware: a tool call to approve, to reject or to answer for.

Its answers are objects that nobody would type; here they are two buttons and a sentence
(`langchain.agents.middleware.human_in_the_loop`: `HITLRequest`, and `ToolApprovalRequest` in its mode `per_call`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lfwidget.errors import InputError
from lfwidget.model.events import Choice
from lfwidget.questions import as_json

__all__ = ["Approval", "approval_of"]

_CLICKS = {"approve": "Approve", "reject": "Reject"}
"""The decisions that need no more than a click."""
_HINTS = {"reject": "or say why not", "respond": "or answer in its place"}


@dataclass(frozen=True)
class Approval:
    """What is asked, in words, and what can be decided.

    Attributes:
        words: the tool calls.
        allowed: the decisions that every one of them allows.
        together: makes the answer of one decision on each call.
    """

    words: str
    allowed: frozenset[str]
    together: Callable[[dict[str, Any]], Any]

    @property
    def choices(self) -> list[Choice]:
        """The decisions that are a button."""
        return [
            {"title": title, "value": self.together({"type": kind})}
            for kind, title in _CLICKS.items()
            if kind in self.allowed
        ]

    @property
    def hint(self) -> str:
        """What a sentence in place of a button does."""
        return next((hint for kind, hint in _HINTS.items() if kind in self.allowed), "")

    def read(self, typed: str) -> Any:
        """The answer that somebody means who types: the answer itself as JSON, or a sentence. That says why not where
        one may reject, else it is the tool's answer.
        """
        if (value := as_json(typed)) is not typed:
            return value
        for kind in _HINTS:
            if kind in self.allowed:
                return self.together({"type": kind, "message": typed})
        raise InputError(f"the answer is one of {', '.join(sorted(self.allowed))}")


def approval_of(value: Any, schema: Mapping[str, Any] | None) -> Approval | None:
    """What an interrupt asks to approve; None for any other.

    Args:
        value: what the interrupt carries.
        schema: of the answer, as JSON Schema, where LangGraph knows one.
    """
    if not isinstance(value, Mapping):
        return None
    if value.get("type") == "tool_approval":
        return Approval(_words(value), frozenset(_kinds(schema or {})), dict)
    actions, rules = _mappings(value.get("action_requests")), _mappings(value.get("review_configs"))
    if not actions or not rules:
        return None
    by_name = {rule.get("action_name"): rule.get("allowed_decisions") or () for rule in rules}
    allowed = frozenset.intersection(*(frozenset(by_name.get(action.get("name"), ())) for action in actions))
    count = len(actions)
    return Approval(
        "\n\n".join(map(_words, actions)), allowed, lambda decision: {"decisions": [dict(decision)] * count}
    )


def _words(action: Mapping[str, Any]) -> str:
    call = f"{action.get('name')}({json.dumps(action.get('args'), ensure_ascii=False, default=str)})"
    return str(action.get("description") or call)


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    """The values of `type` among the alternatives of a JSON Schema."""
    found = []
    for option in schema.get("oneOf") or schema.get("anyOf") or [schema]:
        name = str(option.get("$ref", "")).rpartition("/")[2]
        about = schema.get("$defs", {}).get(name, option)
        found.append(str(about.get("properties", {}).get("type", {}).get("const")))
    return found


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, Sequence) else []
