"""How LangGraph says that it stops for a person, or leaves a subgraph: by exceptions inside, by its output outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["asks", "interrupts_of", "leaves"]


def asks(error: BaseException) -> bool:
    """Whether LangGraph stops here to ask a person."""
    return any(kind.__name__ == "GraphInterrupt" for kind in type(error).__mro__)


def leaves(error: BaseException) -> bool:
    """Whether LangGraph only leaves a subgraph by this (a command for the parent graph)."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def interrupts_of(output: Any) -> Sequence[Any]:
    """A LangGraph interrupt does not raise: it comes back as a part of the output."""
    found = output.get("__interrupt__") if isinstance(output, Mapping) else getattr(output, "interrupts", None)
    return found if isinstance(found, Sequence) and not isinstance(found, str) else ()
