"""How wide words are, before any font is known: pictures and layouts are made where there is no browser."""

from __future__ import annotations

import unicodedata

__all__ = ["char_width", "fit", "text_width"]


def char_width(char: str, size: int) -> float:
    """The estimated advance of a character in pixels, in a font of this size."""
    if unicodedata.combining(char):
        return 0.0
    return size * (1.0 if unicodedata.east_asian_width(char) in "WF" else 0.61)


def text_width(words: str, size: int) -> float:
    """The estimated width in pixels."""
    return sum(char_width(char, size) for char in words)


def fit(words: str, room: float, size: int) -> str:
    """As much of it as fits into so many pixels; what is cut ends with "…"."""
    used = 0.0
    for i, char in enumerate(words):
        used += char_width(char, size)
        if used > room:
            return words[: max(0, i - 1)].rstrip() + "…"
    return words
