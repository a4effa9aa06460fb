"""The keys that the objects of a flow were made with: they must not appear in any of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.runnables import Runnable
from pydantic import BaseModel, SecretStr

from lfwidget.model.redact import is_secret_name

__all__ = ["secrets_of"]

_MOST = 5_000
"""Objects that are looked at: a graph with a large object in it must not take long to start."""


def secrets_of(flow: Any) -> set[str]:
    """Every SecretStr in a Runnable, and every text under a secret name, such as a header or a bound argument.

    Args:
        flow: a Runnable; what it consists of is looked at, and what its functions close over.
    """
    found, seen = set[str](), set[int]()
    todo: list[tuple[str, Any]] = [("", flow)]
    while todo and len(seen) < _MOST:
        name, value = todo.pop()
        if isinstance(value, SecretStr):
            found.add(value.get_secret_value())
        elif isinstance(value, str):
            if is_secret_name(name):
                found.add(value)
        elif id(value) not in seen:
            seen.add(id(value))
            todo += _inside(name, value)
    return found


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in list(value.items()))
    elif isinstance(value, list | tuple | set):
        yield from ((name, item) for item in value)
    elif isinstance(value, Runnable | BaseModel) or type(value).__module__.startswith("langgraph."):
        yield from list(getattr(value, "__dict__", {}).items())
    elif callable(value):
        cells = getattr(value, "__closure__", None) or ()
        yield from ((name, content) for content in map(_content, cells) if isinstance(content, Runnable | BaseModel))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
