"""How LangGraph says that it stops for a person, or leaves a subgraph: by exceptions inside, by its output outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from lfwidget.runners.base import Question
from lfwidget.runners.langchain.approval import approval_of
from lfwidget.runners.langchain.messages import readable

__all__ = ["asks", "interrupts_of", "leaves", "question_of"]


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


def question_of(interrupt: Any, node: str, span: str) -> Question:
    """What a LangGraph interrupt asks a person.

    Args:
        interrupt: a `langgraph.types.Interrupt`.
        node: the node that stopped.
        span: its execution.
    """
    schema, prompt = _schema(getattr(interrupt, "response_schema", None)), readable(interrupt.value)
    approval = approval_of(interrupt.value, schema)
    if approval is None:
        return Question(interrupt.id, node, span, prompt, schema)
    return Question(
        interrupt.id,
        node,
        span,
        prompt,
        words=approval.words,
        choices=approval.choices,
        hint=approval.hint,
        read=approval.read,
    )


def _schema(wanted: Any) -> dict[str, Any] | None:
    """JSON Schema of the answer, which a node may also give as a type."""
    if wanted is None or isinstance(wanted, dict):
        return wanted
    try:
        return TypeAdapter(wanted).json_schema()
    except Exception:  # noqa: BLE001 - pydantic runs what the type brings along; without a schema any answer is taken
        return None
