"""Why a request gets no: an HTTP status, and words for the person who asked."""

from __future__ import annotations

from dataclasses import dataclass

from lfwidget.errors import LfwidgetError

__all__ = ["RefusedError", "StoreAwayError"]


@dataclass
class RefusedError(Exception):
    """The request is refused: an HTTP status, and words for the person who asked."""

    status: int
    words: str

    def __str__(self) -> str:
        return self.words


class StoreAwayError(RefusedError, LfwidgetError):
    """The store cannot be reached: trying again later helps."""

    def __init__(self) -> None:
        super().__init__(503, "the gateway cannot reach its store just now: try again in a moment")
