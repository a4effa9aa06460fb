"""What a LangFlow flow asks for before a run: the text of its Chat Input."""

from __future__ import annotations

from typing import Any

from lfwidget.errors import InputError
from lfwidget.runners.base import Form
from lfwidget.runners.langflow.export import Export

__all__ = ["form_of", "stored_text", "text_of"]


def stored_text(export: Export) -> str:
    """What stands in the Chat Input, or "" where nothing does."""
    values = (component.value("input_value") for component in export.of_type("ChatInput"))
    return next((value for value in values if isinstance(value, str)), "")


def form_of(export: Export) -> Form:
    """A text box where the flow has a Chat Input, with what is stored in it as a hint; nothing elsewhere."""
    if not export.of_type("ChatInput"):
        return Form(kind="none", fields=[], examples=[])
    form = Form(kind="text", fields=[], examples=[])
    stored = stored_text(export)
    return {**form, "placeholder": stored} if stored else form


def text_of(export: Export, typed: Any) -> str | None:
    """What was typed as the text for the Chat Input; None leaves what is stored in it.

    Raises:
        InputError: it is no text, or the flow has no Chat Input.
    """
    if typed is None or typed in ("", {}):  # a page without a form sends an empty one
        return None
    if not isinstance(typed, str):
        raise InputError(f"a LangFlow flow takes text, not {type(typed).__name__}: set other fields with tweaks=")
    if not export.of_type("ChatInput"):
        raise InputError("this flow has no Chat Input to take a text: set its fields with tweaks=")
    return typed
