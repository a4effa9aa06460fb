"""How a flow or a run appears where it is displayed: live in a notebook, as text where nobody watches."""

from __future__ import annotations

import builtins
import sys
import threading
from typing import TYPE_CHECKING, Any

from lfwidget import runtime
from lfwidget.errors import InputError, NestedLoopError
from lfwidget.questions import choices_of, in_words

if TYPE_CHECKING:
    from lfwidget.run import Run
    from lfwidget.widget.widget import FlowWidget

__all__ = ["ask", "asks_here", "bundle", "settle", "show"]


def bundle(widget: FlowWidget, text: str) -> dict[str, Any]:
    """What a notebook stores of a live display: a reference to the widget, and text for everybody else."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"text/plain": text, "application/vnd.jupyter.widget-view+json": view}


def show(run: Run) -> None:
    """Display a run here. Without a notebook that is its text, when it has ended."""
    if runtime.kernel() is not None:
        from IPython.display import display

        display(run)  # type: ignore[no-untyped-call]  # IPython has no types here
        return
    settle(run)
    print(run)  # noqa: T201 - it is asked to


def settle(run: Run) -> None:
    """Wait until a run has ended, or asks something; where that cannot be, it is shown as it is."""
    try:
        run.wait(None, lambda: run.status != "running")
    except NestedLoopError:
        return


def asks_here() -> bool:
    """Whether somebody can be asked by `input()`: at a terminal, or below the cell that waits."""
    if threading.current_thread() is not threading.main_thread():
        return False
    if runtime.kernel() is not None:
        return not runtime.is_batch()
    return sys.stdin is not None and sys.stdin.isatty()


def ask(run: Run) -> None:
    """Ask for the answer to the oldest open question of a run, until it fits."""
    question = run.pending[0]
    options = [*(choice["title"] for choice in choices_of(question)), *filter(None, [question.hint])]
    while True:
        typed = builtins.input(f"{question.node} asks: {in_words(question)}\n{', '.join(options)}> ")
        try:
            run.answer_typed(typed, question.request)
        except InputError as error:
            print(error)  # noqa: T201 - to the person who typed
        else:
            return
