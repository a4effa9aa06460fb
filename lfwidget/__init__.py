"""Watch an LLM flow think, inside a notebook cell."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lfwidget.errors import (
    ComponentError,
    DisplayError,
    EventError,
    FlowFormatError,
    FlowFormatWarning,
    GatewayError,
    InputError,
    InputRequiredError,
    LfwidgetError,
    MissingExtraError,
    NestedLoopError,
    NotAFlowError,
    NotRecordedError,
    RecordedError,
    RecordError,
    RecordWarning,
    RunCancelledError,
    RunDeadlockError,
    ServerError,
    UnknownNameError,
    UntrustedFlowError,
)
from lfwidget.options import options

if TYPE_CHECKING:
    from lfwidget.comparing import RunComparison, compare
    from lfwidget.flow import Flow
    from lfwidget.joining import Room, join
    from lfwidget.keeper import freeze
    from lfwidget.loading import connect, load_flow
    from lfwidget.opening import RecordInfo, open, records  # noqa: A004 - it is lf.open
    from lfwidget.recorded import RecordedModel
    from lfwidget.run import Run
    from lfwidget.scripted import Reply, ScriptedModel

__all__ = [
    "ComponentError",
    "DisplayError",
    "EventError",
    "Flow",
    "FlowFormatError",
    "FlowFormatWarning",
    "GatewayError",
    "InputError",
    "InputRequiredError",
    "LfwidgetError",
    "MissingExtraError",
    "NestedLoopError",
    "NotAFlowError",
    "NotRecordedError",
    "RecordError",
    "RecordInfo",
    "RecordWarning",
    "RecordedError",
    "RecordedModel",
    "Reply",
    "Room",
    "Run",
    "RunCancelledError",
    "RunComparison",
    "RunDeadlockError",
    "ScriptedModel",
    "ServerError",
    "UnknownNameError",
    "UntrustedFlowError",
    "compare",
    "connect",
    "freeze",
    "join",
    "load_flow",
    "open",
    "options",
    "records",
]

_LAZY = {
    "Flow": "lfwidget.flow",
    "RecordInfo": "lfwidget.opening",
    "RunComparison": "lfwidget.comparing",
    "compare": "lfwidget.comparing",
    "connect": "lfwidget.loading",
    "freeze": "lfwidget.keeper",
    "join": "lfwidget.joining",
    "load_flow": "lfwidget.loading",
    "open": "lfwidget.opening",
    "records": "lfwidget.opening",
    "RecordedModel": "lfwidget.recorded",
    "Reply": "lfwidget.scripted",
    "Room": "lfwidget.joining",
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
