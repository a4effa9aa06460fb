"""A step that calls `sys.exit()` ends its run, not the program.

asyncio raises SystemExit and KeyboardInterrupt out of whatever task they come from and through the loop: the kernel
ends, or the thread of all runs. LangChain and LangGraph make a task of nearly every step, where nobody could catch them
before asyncio does (`asyncio.tasks.Task.__step`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any

__all__ = ["holding_exits", "original"]

_held: ContextVar[bool] = ContextVar("lfwidget_exits_held", default=False)


class _HeldExit(BaseException):
    """Stands for a SystemExit or a KeyboardInterrupt, which is its cause, on the way from a task to who awaits it."""


def original(error: BaseException) -> BaseException:
    """What a step raised, where this stands for it."""
    while isinstance(error, _HeldExit) and error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def holding_exits(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """While this is open, no task that is started in this context, or by what is, ends the loop: who awaits it gets a
    stand-in, and `original` tells for what. The context belongs to the run and ends with it.

    Args:
        loop: the one that runs here.
    """
    _held.set(True)
    current = loop.get_task_factory()
    factory = current if isinstance(current, _Factory) else _Factory(current)
    if factory is not current:
        loop.set_task_factory(factory)
    factory.runs += 1
    try:
        yield
    finally:
        factory.runs -= 1
        # Where somebody has put a factory of their own over ours it stays, and ours lets pass.
        if not factory.runs and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.before)


class _Factory:
    """Makes the tasks of a loop, from the start of its first run to the end of its last."""

    def __init__(self, before: Any) -> None:
        self.before = before
        self.runs = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **about: Any) -> Any:
        context: Context | None = about.get("context")
        if _held.get() if context is None else context.get(_held, False):
            coroutine = _Held(coroutine)
        if self.before is not None:
            return self.before(loop, coroutine, **about)
        return asyncio.Task(coroutine, loop=loop, **about)


class _Held(Coroutine[Any, Any, Any]):
    """A coroutine that raises the stand-in. No `async def`: one that is cancelled before it began would leave what it
    is about to await behind, with a warning.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        try:
            return self._coroutine.send(value)
        except (SystemExit, KeyboardInterrupt) as left:
            raise _HeldExit(*left.args) from left

    def throw(self, *error: Any) -> Any:
        try:
            return self._coroutine.throw(*error)
        except (SystemExit, KeyboardInterrupt) as left:
            raise _HeldExit(*left.args) from left

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:  # its name, its frame: what tells of a task asks for them
        return getattr(self._coroutine, name)
