"""Every exception of lfwidget.

LfwidgetError
├── NotAFlowError          an object that cannot be run as a flow (also a TypeError)
├── UnknownNameError       a misspelt keyword, option, node or tweak; `.name`, `.nearest` (also a LookupError)
├── InputError             an input the flow cannot take (also a ValueError); `.fields`
├── InputRequiredError     a node asks a person and nobody is there; `.pending`
├── RunCancelledError      the run whose result was asked for was cancelled; `.reason`
├── RunDeadlockError       `run.result()` inside a node of that same run
├── NestedLoopError        `run.result()` inside an event loop that cannot be nested (also a RuntimeError)
├── MissingExtraError      an optional package is not installed; `.package`, `.install`
├── FlowFormatError        a LangFlow export that cannot be drawn (also a ValueError); `.path`, `.node`, `.field`
├── UntrustedFlowError     a LangFlow flow brings code that is not LangFlow's own; `.nodes`
├── ComponentError         a node failed on a LangFlow server, or needs one; `.node`, `.type`, `.message`
├── ServerError            a LangFlow server refuses, fails or cannot be reached; `.url`, `.status`
├── GatewayError           a shared run cannot be watched, shared or served; `.url`, `.status`
├── EventError             an event from outside that is not one; `.event`, `.field`
├── RecordError            a record that cannot be read, or not to its end; `.path`, `.line`, `.events`, `.run`
├── RecordedError          what a recorded run raised, asked for again; `.type`, `.message`
├── NotRecordedError       a recorded model is asked what is not in its record (also a LookupError); `.nearest`
└── DisplayError           nothing can be shown here, or the page's bundle is missing
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "ComponentError",
    "DisplayError",
    "EventError",
    "FlowFormatError",
    "FlowFormatWarning",
    "GatewayError",
    "InputError",
    "InputRequiredError",
    "LfwidgetError",
    "MissingExtraError",
    "NestedLoopError",
    "NotAFlowError",
    "NotRecordedError",
    "RecordError",
    "RecordWarning",
    "RecordedError",
    "RunCancelledError",
    "RunDeadlockError",
    "ServerError",
    "UnknownNameError",
    "UntrustedFlowError",
]

NAMES_SHOWN = 20
"""How many names a message lists where none is near."""


class LfwidgetError(Exception):
    """Base of every error that lfwidget raises itself. A flow's own error is raised as it is."""


class NotAFlowError(LfwidgetError, TypeError):
    """The object is neither a Runnable nor a compiled LangGraph graph."""


class UnknownNameError(LfwidgetError, LookupError):
    """A name that does not exist, with the nearest one that does.

    Args:
        what: the sort of name, for the message: "node", "keyword", "option".
        name: what was asked for.
        known: every name that would have been right.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.what = what
        self.name = name
        self.known = tuple(known)
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        self.nearest: str | None = close[0] if close else None
        if self.nearest:
            hint = f"Did you mean {self.nearest!r}?"
        elif self.known:
            shown = ", ".join(map(repr, self.known[:NAMES_SHOWN]))
            hint = f"There are: {shown}" + (", …" if len(self.known) > NAMES_SHOWN else "")
        else:
            hint = "There are none."
        super().__init__(f"no {what} {name!r}. {hint}")


class InputError(LfwidgetError, ValueError):
    """The flow cannot take this input.

    Attributes:
        fields: names the flow wants, where they are known.
    """

    def __init__(self, message: str, fields: Sequence[str] = ()) -> None:
        self.fields = tuple(fields)
        super().__init__(message)


class InputRequiredError(LfwidgetError):
    """A node asks a person, and nobody is there to answer (a batch run, a script without a terminal).

    Attributes:
        pending: the open requests, as in `run.pending`.
    """

    def __init__(self, message: str, pending: Sequence[Any] = ()) -> None:
        self.pending = tuple(pending)
        super().__init__(message)


class RunCancelledError(LfwidgetError):
    """The run was cancelled, so it has no result."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        self.reason = reason
        super().__init__(message)


class RunDeadlockError(LfwidgetError):
    """A node waited for the end of the run it is part of."""


class NestedLoopError(LfwidgetError, RuntimeError):
    """Synchronous code waits for a run on the event loop it runs in, and that loop cannot be nested."""


class MissingExtraError(LfwidgetError, ImportError):
    """An optional package is missing.

    Attributes:
        package: what is missing.
        install: the command that installs it.
    """

    def __init__(self, package: str, install: str, why: str) -> None:
        self.package = package
        self.install = install
        super().__init__(f"{why} needs {package}, which is not installed. Run: {install}")


class FlowFormatError(LfwidgetError, ValueError):
    """A LangFlow export is broken beyond what can be drawn, or it is something else.

    Attributes:
        path: of the file; "" where it did not come from one.
        node: id of the node that is wrong, or "".
        field: the dotted path of what is wrong in it, or "".
    """

    def __init__(self, message: str, path: str = "", node: str = "", field: str = "") -> None:
        self.path = path
        self.node = node
        self.field = field
        where = ", ".join(filter(None, [path, f"node {node!r}" if node else "", f"field {field!r}" if field else ""]))
        super().__init__(f"{where}: {message}" if where else message)


class FlowFormatWarning(UserWarning):
    """A part of a LangFlow export cannot be used; the rest is drawn."""


class UntrustedFlowError(LfwidgetError, PermissionError):
    """Running this flow would run code that LangFlow did not ship.

    Attributes:
        nodes: what differs, a dict for each node: `id`, `title`, `type`, `reason` and, for a changed component that
            LangFlow ships, `diff` (unified).
    """

    def __init__(self, message: str, nodes: Sequence[dict[str, str]] = ()) -> None:
        self.nodes = list(nodes)
        super().__init__(message)


class ComponentError(LfwidgetError):
    """A node of a flow failed on a LangFlow server, or it needs what only such a server has.

    Attributes:
        node: its id; "" where the server did not say which it was.
        type: name of the class of the error, or "".
        message: what it said.
    """

    def __init__(self, message: str, node: str = "", type: str = "") -> None:  # noqa: A002 - as in ErrorInfo
        self.node = node
        self.type = type
        self.message = message
        super().__init__(f"{node}: {message}" if node else message)


class ServerError(LfwidgetError):
    """A LangFlow server refuses, fails, answers something else, or cannot be reached.

    Attributes:
        url: what was asked, without credentials.
        status: of the HTTP answer; None where there was none.
    """

    def __init__(self, message: str, url: str = "", status: int | None = None) -> None:
        self.url = url
        self.status = status
        super().__init__(message)


class GatewayError(LfwidgetError):
    """A shared run cannot be watched, shared or served: the message says what to do.

    Attributes:
        url: of the gateway, without the token.
        status: of its HTTP answer, or 4000 and that where it closed a socket; None where there was none.
    """

    def __init__(self, message: str, url: str = "", status: int | None = None) -> None:
        self.url = url
        self.status = status
        super().__init__(message)


class EventError(LfwidgetError, ValueError):
    """Something from outside (a file, a socket, the page) is not a valid event or message.

    Attributes:
        event: what came.
        field: the dotted path of the field that is wrong, or "".
    """

    def __init__(self, message: str, event: Any = None, field: str = "") -> None:
        self.event = event
        self.field = field
        super().__init__(message)


class RecordError(LfwidgetError, ValueError):
    """A record (a `.lfrun` file, a notebook, a page) cannot be read, or not to its end.

    Attributes:
        path: of the file.
        line: number of the line where it went wrong, from 1; None where the file has no lines of ours.
        events: what could be read before that.
        run: the same as a Run; None where there is not even a first event.
    """

    def __init__(
        self, message: str, path: str = "", line: int | None = None, events: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.path = path
        self.line = line
        self.events = list(events)
        self.run: Any = None
        where = ", ".join(filter(None, [path, f"line {line}" if line else ""]))
        super().__init__(f"{where}: {message}" if where else message)


class RecordedError(LfwidgetError):
    """The error of a run that was recorded: the exception itself is gone, its type and message are known.

    Attributes:
        type: name of the class of the exception.
        message: what it said.
    """

    def __init__(self, type: str, message: str) -> None:  # noqa: A002 - as in ErrorInfo
        self.type = type
        self.message = message
        super().__init__(f"the recorded run raised {type}: {message}")


class NotRecordedError(LfwidgetError, LookupError):
    """A model that answers from a record was asked what is not in it.

    Attributes:
        asked: the last message of what was asked, shortened.
        nearest: the last message of the most similar question in the record, shortened.
    """

    def __init__(self, asked: str, nearest: str, difference: str) -> None:
        self.asked = asked
        self.nearest = nearest
        super().__init__(
            f"no answer was recorded to {asked!r}. {difference} Record this once with the real model, or say who "
            "answers instead: missing=another_model, or missing='a text'."
        )


class RecordWarning(UserWarning):
    """The end of a record is missing; what is there can be used."""


class DisplayError(LfwidgetError):
    """The widget cannot be shown here."""
