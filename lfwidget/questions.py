"""What the nodes of a run ask a person, and the answers: the one place where the two meet."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lfwidget.errors import InputError, UnknownNameError
from lfwidget.model.events import Choice
from lfwidget.model.log import RunLog
from lfwidget.model.preview import preview
from lfwidget.model.values import to_json
from lfwidget.runners.base import Question

__all__ = ["Desk", "as_json", "choices_of", "in_words"]

_MOST_CHOICES = 4
"""As many values of a schema are choices to click; more are a list."""
_LONGEST_TITLE = 60

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}


class Desk:
    """The open questions of one run. Questions come from the run's loop, answers from any thread.

    Args:
        log: gets `input.requested` and `input.given`.
        changed: called after a question was put, or answered.
    """

    def __init__(self, log: RunLog, changed: Callable[[], None]) -> None:
        self._log = log
        self._changed = changed
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Question, asyncio.Future[Any]]] = {}

    @property
    def pending(self) -> list[Question]:
        """The questions that have no answer yet, oldest first."""
        with self._lock:
            return [question for question, _ in self._open.values()]

    async def ask(self, questions: Sequence[Question]) -> dict[str, Any]:
        """Put questions, and wait until the last is answered.

        Returns:
            The answers by request.
        """
        loop = asyncio.get_running_loop()
        answers = {question.request: loop.create_future() for question in questions}
        for question in questions:
            with self._lock:
                self._open[question.request] = (question, answers[question.request])
            self._log.append("input.requested", **_fields(question))
        self._changed()
        try:
            return {request: await answer for request, answer in answers.items()}
        finally:
            with self._lock:
                for request in answers:
                    self._open.pop(request, None)

    def answer(self, value: Any, request: str | None, *, typed: bool = False) -> None:
        """Answer a question: the one that is open, or the one named by `request`.

        Args:
            value: the answer.
            request: which question.
            typed: whether somebody typed it, so that it is text whatever is meant.

        Raises:
            InputError: nothing is asked, several things are and `request` does not say which, or the value does not
                fit the question's schema.
            UnknownNameError: there is no such request.
        """
        with self._lock:
            question, future = self._choose(request)
            value = _meant(value, question, typed=typed)
            check_answer(value, question)
            del self._open[question.request]
        self._log.append("input.given", node=question.node, span=question.span, request=question.request, value=value)
        future.get_loop().call_soon_threadsafe(_settle, future, value)
        self._changed()

    def _choose(self, request: str | None) -> tuple[Question, asyncio.Future[Any]]:
        if not self._open:
            raise InputError("nothing is asked here: `run.pending` is empty")
        if request is None:
            if len(self._open) > 1:
                asked = ", ".join(f"{name!r} ({question.node})" for name, (question, _) in self._open.items())
                raise InputError(f"several questions are open, so say which: run.answer(value, request) of {asked}")
            request = next(iter(self._open))
        if request not in self._open:
            raise UnknownNameError("open question", request, self._open)
        return self._open[request]


def in_words(question: Question) -> str:
    """What is asked, for a person to read."""
    return question.words or preview(to_json(question.prompt))


def as_json(typed: str) -> Any:
    """The object or the list that a text is as JSON; else the text."""
    return _parsed(typed) if typed.lstrip().startswith(("{", "[")) else typed


def _meant(value: Any, question: Question, *, typed: bool) -> Any:
    """The answer that a text stands for. Who answers by a program means what is given."""
    if not isinstance(value, str) or not (typed or question.read):
        return value
    for choice in choices_of(question):
        if choice["title"].casefold() == value.strip().casefold():
            return choice["value"]
    if question.read is not None:
        return question.read(value)
    schema = question.schema or {}
    wanted, choices = _names(schema.get("type")), schema.get("enum") or ()
    if "string" in wanted or value in choices:
        return value
    return _parsed(value) if wanted or choices else as_json(value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _fields(question: Question) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "node": question.node,
        "span": question.span,
        "request": question.request,
        "prompt": question.words or question.prompt,
    }
    if question.schema is not None:
        fields["schema"] = dict(question.schema)
    if choices := choices_of(question):
        fields["choices"] = choices
    if question.hint:
        fields["hint"] = question.hint
    return fields


def choices_of(question: Question) -> list[Choice]:
    """The answers that are offered: those of the question, or the few values that its schema allows."""
    schema = question.schema or {}
    values = schema.get("enum")
    if question.choices:
        return list(question.choices)
    if isinstance(values, Sequence) and not isinstance(values, str) and len(values) <= _MOST_CHOICES:
        return [{"title": _title(value), "value": value} for value in values]
    if schema.get("type") == "boolean":
        return [{"title": "Yes", "value": True}, {"title": "No", "value": False}]
    return []


def _title(value: Any) -> str:
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else preview(to_json(value), _LONGEST_TITLE)


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def check_answer(value: Any, question: Question) -> None:
    """A light look at the type, the choices and the required fields, so that a slip is told to the one who made it."""
    schema = question.schema or {}
    wanted = schema.get("type")
    types = tuple(kind for name in _names(wanted) for kind in _TYPES.get(name, (object,)))
    if types and not (isinstance(value, types) and (bool in types or object in types or not isinstance(value, bool))):
        raise InputError(f"{question.node} asks for {' or '.join(_names(wanted))}, not {type(value).__name__}")
    choices = schema.get("enum")
    if choices and value not in choices:
        raise InputError(f"{question.node} asks for one of {', '.join(map(repr, choices))}, not {value!r}")
    required = schema.get("required")
    if isinstance(value, Mapping) and isinstance(required, Sequence):
        missing = [str(name) for name in required if name not in value]
        if missing:
            raise InputError(f"{question.node} also asks for {', '.join(missing)}", missing)


def _names(wanted: Any) -> list[str]:
    if isinstance(wanted, str):
        return [wanted]
    return [name for name in wanted if isinstance(name, str)] if isinstance(wanted, Sequence) else []
