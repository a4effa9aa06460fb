"""What every kind of runner offers, and what it is given for one run. No runner lives here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, Protocol

from typing_extensions import TypedDict

from lfwidget.model.events import Choice
from lfwidget.model.graph import Graph
from lfwidget.model.log import RunLog

__all__ = ["Ask", "Execution", "Field", "Form", "Question", "Runner"]


class Field(TypedDict):
    """One field of a flow's input form. `type` picks the control on the page."""

    name: str
    title: str
    type: Literal["text", "number", "integer", "boolean", "json", "choice"]
    required: NotRequired[bool]
    default: NotRequired[Any]
    choices: NotRequired[list[Any]]
    description: NotRequired[str]


class Form(TypedDict):
    """What the page asks for before a run: one text box (`text`), several fields (`fields`), or nothing (`none`)."""

    kind: Literal["text", "fields", "none"]
    fields: list[Field]
    examples: list[Any]
    placeholder: NotRequired[str]


@dataclass(frozen=True)
class Question:
    """What a node asks a person for.

    Args:
        request: its id.
        node: who asks.
        span: the execution of the node that asks.
        prompt: what is asked, as the node puts it.
        schema: JSON Schema of the answer; without one that is free text or JSON.
        words: what is asked, where `prompt` is not for people to read.
        choices: answers to choose from, where the schema does not list them.
        hint: what an answer does that is none of them.
        read: makes the answer of what somebody typed, where the node wants something that nobody would type. It may
            raise InputError.
    """

    request: str
    node: str
    span: str
    prompt: Any
    schema: Mapping[str, Any] | None = None
    words: str = ""
    choices: Sequence[Choice] = ()
    hint: str = ""
    read: Callable[[str], Any] | None = None


Ask = Callable[[Sequence[Question]], Awaitable[dict[str, Any]]]
"""Logs `input.requested` for each question, waits until all are answered, logs `input.given`; request id -> value."""


@dataclass(frozen=True)
class Execution:
    """One run, as a runner sees it.

    Args:
        log: where its events go. The handle (`Run`) writes `run.started` and the event that ends the run; the runner
            writes everything between.
        input: the flow's input, already converted by `Runner.to_input`.
        ask: puts questions to a person.
        keep: remembers the live object a span returned, for `run.nodes[...].output`: `keep(span, value)`.
        config: what the user gave as `config=`; a LangChain RunnableConfig for LangChain flows.
        session_id: LangGraph's `thread_id`, LangFlow's session.
        stream_nodes: ids of the nodes whose tokens are streamed; None for all.
        tweaks: parameters by node id.
        variables: values of a LangFlow flow's global variables, by name; all of them are secrets.
        model: a chat model that stands in for every model of a LangFlow flow.
    """

    log: RunLog
    input: Any
    ask: Ask
    keep: Callable[[str, Any], None]
    run_id: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    session_id: str | None = None
    stream_nodes: frozenset[str] | None = None
    tweaks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    model: Any = None


class Runner(Protocol):
    """Turns an input into events. One flow has one runner; its runs may overlap.

    One that knows keys of its own has them in `secrets`, an iterable of strings: they are masked wherever they appear.
    One that takes `variables=` and `model=`, or refuses some runs before they start, has `check(tweaks, variables,
    model)`, which raises.
    """

    @property
    def name(self) -> str:
        """What to call the flow when the user gave no name."""

    @property
    def graph(self) -> Graph:
        """The flow as it is drawn, with positions."""

    @property
    def form(self) -> Form:
        """What the page asks for. `examples` is empty here; the Flow fills it in."""

    def to_input(self, typed: Any) -> Any:
        """What somebody typed (text, or a dict from the form) as the flow's input; anything else is passed through.

        Raises:
            InputError: the flow cannot take it; names the fields it wants.
        """

    async def execute(self, execution: Execution) -> Any:
        """Run once and return the flow's own output; raise its own error.

        Cancelling the task cancels the run; when this returns or raises, no span of the run is open.
        """
