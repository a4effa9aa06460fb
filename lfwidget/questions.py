"""What the nodes of a run ask a person, and the answers: the one place where the two meet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lfwidget.errors import InputError, UnknownNameError
from lfwidget.model.log import RunLog
from lfwidget.runners.base import Question

__all__ = ["Desk"]

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

    def answer(self, value: Any, request: str | None) -> None:
        """Answer a question: the one that is open, or the one named by `request`.

        Raises:
            InputError: nothing is asked, several things are and `request` does not say which, or the value does not
                fit the question's schema.
            UnknownNameError: there is no such request.
        """
        with self._lock:
            question, future = self._choose(request)
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


def _fields(question: Question) -> dict[str, Any]:
    fields = {
        "node": question.node,
        "span": question.span,
        "request": question.request,
        "prompt": question.prompt,
    }
    return fields if question.schema is None else {**fields, "schema": dict(question.schema)}


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
