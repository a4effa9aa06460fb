"""Values of lfx as JSON that a person can read. lfx is not imported: its classes are told by what they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.tools import BaseTool

from lfwidget.model.values import to_json
from lfwidget.runners.langchain.messages import readable as of_langchain

__all__ = ["readable", "text_of"]

_MOST_ROWS = 200
_DEEPEST = 6


def readable(value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one line per kind of value
    """A JSON value: a message as its text, data as what is in it, a table as its rows, a tool by name and purpose.

    Args:
        value: any.
        depth: of what it lies in.
    """
    if isinstance(value, BaseTool):
        return {"tool": value.name, "description": to_json(value.description)}
    if isinstance(value, BaseLanguageModel):
        return f"<{type(value).__name__}>"
    if (text := text_of(value)) is not None:
        return to_json(text)
    if _is_lfx(value) and isinstance(getattr(value, "data", None), Mapping):
        return readable(dict(value.data), depth + 1)
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return _rows(value, depth)
    if depth >= _DEEPEST:
        return to_json(value)
    if isinstance(value, Mapping):
        return {str(key): readable(item, depth + 1) for key, item in list(value.items())[:1_000]}
    if isinstance(value, (list, tuple)):
        return [readable(item, depth + 1) for item in value[:1_000]]
    return of_langchain(value, depth)


def text_of(value: Any) -> str | None:
    """The text of a message of lfx; None for anything else."""
    if not _is_lfx(value) or not hasattr(value, "sender_name"):
        return None
    text = value.text
    return text if isinstance(text, str) else ""


def _is_lfx(value: Any) -> bool:
    return any(base.__module__.startswith("lfx.schema.") for base in type(value).__mro__)


def _rows(table: Any, depth: int) -> Any:
    rows = readable(table.head(_MOST_ROWS).to_dict("records"), depth + 1)
    more = len(table) - _MOST_ROWS
    return [*rows, f"… ({more} more rows)"] if more > 0 else rows
