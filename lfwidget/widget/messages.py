"""What the page may say, and the check of it: anything may arrive on a comm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from lfwidget.errors import EventError

__all__ = ["Answer", "Cancel", "Keep", "Message", "Note", "Ping", "Player", "Resync", "Start", "parse"]


@dataclass(frozen=True)
class Resync:
    """A page has the events of a run up to `have` and asks for the rest."""

    run: str
    have: int


@dataclass(frozen=True)
class Start:
    """Run was pressed. `request` comes back with what became of it."""

    request: str
    input: Any


@dataclass(frozen=True)
class Cancel:
    """Stop was pressed."""

    run: str


@dataclass(frozen=True)
class Answer:
    """Somebody answered the `question` of a node."""

    request: str
    run: str
    question: str
    value: Any


@dataclass(frozen=True)
class Note:
    """Somebody wrote a note. `words` is the text, after the id of the node where it is on one; `moment` is seconds."""

    request: str
    run: str
    words: tuple[str, ...]
    moment: float | None


@dataclass(frozen=True)
class Keep:
    """Keep was pressed."""

    request: str
    run: str


@dataclass(frozen=True)
class Player:
    """The page wants the code of the player."""


@dataclass(frozen=True)
class Ping:
    """The page asks whether the kernel hears it."""


Message: TypeAlias = Resync | Start | Cancel | Answer | Note | Keep | Player | Ping


def parse(content: Any) -> Message:  # noqa: PLR0911 - one line per kind
    """The message that came.

    Raises:
        EventError: it is none.
    """
    if not isinstance(content, dict):
        raise EventError("a message is an object", content)
    kind = content.get("kind")
    if kind == "resync":
        return Resync(_text(content, "run"), _count(content, "have"))
    if kind == "start":
        return Start(_text(content, "request"), _input(content))
    if kind == "cancel":
        return Cancel(_text(content, "run"))
    if kind == "answer":
        request, run, question = (_text(content, name) for name in ("request", "run", "question"))
        return Answer(request, run, question, content.get("value"))
    if kind == "note":
        words = tuple(filter(None, (content.get("node") and _text(content, "node"), _text(content, "text"))))
        return Note(_text(content, "request"), _text(content, "run"), words, _moment(content))
    if kind == "keep":
        return Keep(_text(content, "request"), _text(content, "run"))
    if kind == "player":
        return Player()
    if kind == "ping":
        return Ping()
    raise EventError(f"no message is of the kind {kind!r}", content, "kind")


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise EventError(f"{name} is a string", content, name)
    return value


def _count(content: dict[str, Any], name: str) -> int:
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise EventError(f"{name} is a count", content, name)
    return value


def _moment(content: dict[str, Any]) -> float | None:
    value = content.get("moment")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise EventError("moment is seconds", content, "moment")
    return value


def _input(content: dict[str, Any]) -> Any:
    value = content.get("input")
    if value is not None and not isinstance(value, (str, dict)):
        raise EventError("input is text, or an object by field", content, "input")
    return value
