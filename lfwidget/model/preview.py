"""A value of a flow as a few words for a person: what a card, a table cell or a line of text shows of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["preview"]

_TEXT_KEYS = ("content", "text", "page_content", "output", "answer", "result")


def preview(value: Any, limit: int = 400) -> str:
    """The text a person looks for in a JSON value: the last message of a conversation, the content of a message, a
    string as it is, and short JSON for anything else.

    Args:
        value: a JSON value, as events carry it.
        limit: how many characters are kept; what is cut ends with "…".
    """
    text = _text(value)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, Sequence):
        return _sequence(value)
    return json.dumps(value, ensure_ascii=False)


def _mapping(value: Mapping[str, Any]) -> str:
    messages = value.get("messages")
    if isinstance(messages, Sequence) and not isinstance(messages, str) and messages:
        return _text(messages[-1])
    calls = value.get("tool_calls")
    said = next((_text(value[key]) for key in _TEXT_KEYS if value.get(key)), "")
    if not said and isinstance(calls, Sequence) and calls:
        return ", ".join(_call(call) for call in calls)
    if said and ("type" in value or len(value) == 1):
        return said
    return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())


def _call(call: Any) -> str:
    if not isinstance(call, Mapping):
        return _text(call)
    args = call.get("args")
    return f"{call.get('name', 'tool')}({args if isinstance(args, str) else json.dumps(args, ensure_ascii=False)})"


def _sequence(value: Sequence[Any]) -> str:
    if value and all(isinstance(item, Mapping) and "type" in item for item in value):
        return "\n".join(filter(None, (_text(item) for item in value)))
    return ", ".join(_text(item) for item in value)
