"""Statuses and figures as a person reads them in a record: signs, words, colours, seconds."""

from __future__ import annotations

__all__ = ["STATUS_COLOURS", "STATUS_GLYPHS", "seconds", "status_name", "status_word"]

STATUS_GLYPHS = {
    "idle": "○",
    "running": "◐",
    "waiting": "?",
    "finished": "✓",
    "failed": "✕",
    "cancelled": "■",
    "skipped": "⊘",
}
_WORDS = {"idle": "ready", "finished": "done", "failed": "error"}
STATUS_COLOURS = {
    "idle": "#59636e",
    "running": "#0969da",
    "waiting": "#8a5a00",
    "finished": "#1a7f37",
    "failed": "#cf222e",
    "cancelled": "#59636e",
    "skipped": "#59636e",
}


def status_word(status: str) -> str:
    """The sign and the word of a status, as a card has them."""
    return f"{STATUS_GLYPHS[status]} {status_name(status)}"


def status_name(status: str) -> str:
    """The word of a status."""
    return _WORDS.get(status, status)


def seconds(value: float | None, digits: int = 2) -> str:
    """A time; nothing where it is not known. `digits` are those after the point, from a second on."""
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.{digits}f} s"
