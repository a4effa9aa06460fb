"""Watch an LLM flow think, inside a notebook cell."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lfwidget.errors import (
    DisplayError,
    EventError,
    InputError,
    InputRequiredError,
    LfwidgetError,
    MissingExtraError,
    NestedLoopError,
    NotAFlowError,
    RunCancelledError,
    RunDeadlockError,
    UnknownNameError,
)
from lfwidget.options import options

if TYPE_CHECKING:
    from lfwidget.flow import Flow
    from lfwidget.run import Run
    from lfwidget.scripted import Reply, ScriptedModel

__all__ = [
    "DisplayError",
    "EventError",
    "Flow",
    "InputError",
    "InputRequiredError",
    "LfwidgetError",
    "MissingExtraError",
    "NestedLoopError",
    "NotAFlowError",
    "Reply",
    "Run",
    "RunCancelledError",
    "RunDeadlockError",
    "ScriptedModel",
    "UnknownNameError",
    "options",
]

_LAZY = {
    "Flow": "lfwidget.flow",
    "Reply": "lfwidget.scripted",
    "Run": "lfwidget.run",
    "ScriptedModel": "lfwidget.scripted",
}
"""Names that cost an import of what they need (pydantic, langchain), made when somebody first asks for them."""


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'lfwidget' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
