"""The events of a run: their kinds, and what each carries. The check of what comes from outside is `check.py`.

This is the one definition. `js/src/model/types.gen.ts` is made from it by `scripts/generate_types.py`.
An event is a plain JSON object; unknown kinds and unknown fields are kept and passed over.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

from lfwidget.model.graph import Edge, Graph, Node

__all__ = [
    "FORMAT",
    "Channel",
    "Choice",
    "ErrorInfo",
    "Event",
    "GraphChanged",
    "InputGiven",
    "InputRequested",
    "Log",
    "NodeCancelled",
    "NodeDelta",
    "NodeFailed",
    "NodeFinished",
    "NodeRetracted",
    "NodeSkipped",
    "NodeStarted",
    "NodeText",
    "Note",
    "RunCancelled",
    "RunFailed",
    "RunFinished",
    "RunStarted",
    "ToolCall",
    "ToolCallRef",
    "Usage",
]

FORMAT = 1
"""Version of the format, in `run.started`. It grows only when an old reader could misread a new log."""

Channel: TypeAlias = Literal["text", "reasoning", "tool_call"]


class Usage(TypedDict):
    """Tokens a model was billed for."""

    input_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    total_tokens: NotRequired[int]


class ErrorInfo(TypedDict):
    """An exception as data: the name of its class, its message, and its traceback as Python prints it."""

    type: str
    message: str
    traceback: NotRequired[str]


class ToolCall(TypedDict):
    """A call a model asked for. `args` is the JSON text of the arguments."""

    index: int
    args: str
    id: NotRequired[str]
    name: NotRequired[str]


class ToolCallRef(TypedDict):
    """Which call of a message a fragment of arguments belongs to. `id` and `name` may come with the first one only."""

    index: int
    id: NotRequired[str]
    name: NotRequired[str]


class _Stamped(TypedDict):
    """`seq` counts from 1 without gaps; `t` is seconds since the run started and never goes back."""

    seq: int
    t: float


class _OnSpan(_Stamped):
    """`span` is one execution of `node`: loops, maps, retries and `Send` give a node many."""

    node: str
    span: str


class RunStarted(_Stamped):
    """Always seq 1. `started_at` is ISO 8601 with the offset."""

    kind: Literal["run.started"]
    run_id: str
    flow: str
    name: NotRequired[str]
    input: Any
    started_at: str
    graph: Graph
    format: int
    tags: NotRequired[list[str]]


class GraphChanged(_Stamped):
    """Nodes and edges found while running. A node whose id is known replaces that node."""

    kind: Literal["graph.changed"]
    nodes: list[Node]
    edges: list[Edge]


class NodeStarted(_OnSpan):
    """`parent` is the span this one runs inside; `attempt` counts retries from 1; `index` is the place of this item
    in a map or a fan-out, from 0.
    """

    kind: Literal["node.started"]
    parent: NotRequired[str]
    attempt: int
    index: NotRequired[int]
    input: NotRequired[Any]


class NodeDelta(_OnSpan):
    """Streamed tokens. `cuts` has the length of each token in code points; `dts` when each arrived, in milliseconds
    relative to `t`: zero or less, since `t` is when the merged tokens entered the log.
    """

    kind: Literal["node.delta"]
    channel: Channel
    text: str
    cuts: list[int]
    dts: list[int]
    call: NotRequired[ToolCallRef]


class NodeText(_OnSpan):
    """The whole text of a channel: it replaces what was streamed."""

    kind: Literal["node.text"]
    channel: Literal["text", "reasoning"]
    text: str


class NodeFinished(_OnSpan):
    """`duration` is seconds. `tool_calls` is given where the calls were not streamed; it replaces what was."""

    kind: Literal["node.finished"]
    output: NotRequired[Any]
    tool_calls: NotRequired[list[ToolCall]]
    usage: NotRequired[Usage]
    duration: float


class NodeFailed(_OnSpan):
    """The span raised. `duration` is seconds."""

    kind: Literal["node.failed"]
    error: ErrorInfo
    duration: NotRequired[float]


class NodeSkipped(_Stamped):
    """The run ended, or went another way, and this node never started."""

    kind: Literal["node.skipped"]
    node: str
    reason: str


class NodeCancelled(_OnSpan):
    """The span was stopped before its end. `duration` is seconds."""

    kind: Literal["node.cancelled"]
    reason: str
    duration: NotRequired[float]


class NodeRetracted(_OnSpan):
    """What this attempt said does not count (a retry or a fallback follows) but stays visible, struck through."""

    kind: Literal["node.retracted"]
    reason: NotRequired[str]


class Log(_Stamped):
    """Something a person should read: a print, a record of `logging`, or a remark of ours."""

    kind: Literal["log"]
    level: Literal["debug", "info", "warning", "error"]
    message: str
    node: NotRequired[str]
    source: NotRequired[str]


class Note(_Stamped):
    """A teacher's note, on a node or on a moment (seconds) of the run."""

    kind: Literal["note"]
    text: str
    node: NotRequired[str]
    moment: NotRequired[float]


class Choice(TypedDict):
    """An answer that is offered, and what it is called."""

    title: str
    value: Any


class InputRequested(_OnSpan):
    """A node asks a person. The run is "waiting" until every request has its `input.given`. `schema` is JSON Schema;
    `choices` are answers to choose from, and `hint` says what another one does.
    """

    kind: Literal["input.requested"]
    request: str
    prompt: Any
    schema: NotRequired[dict[str, Any]]
    choices: NotRequired[list[Choice]]
    hint: NotRequired[str]


class InputGiven(_OnSpan):
    """Somebody answered the request."""

    kind: Literal["input.given"]
    request: str
    value: Any


class RunFinished(_Stamped):
    """The run came to its end. `usage` is the sum over everything that was billed."""

    kind: Literal["run.finished"]
    output: NotRequired[Any]
    usage: NotRequired[Usage]


class RunFailed(_Stamped):
    """The run raised. `node` is where, if that is known."""

    kind: Literal["run.failed"]
    error: ErrorInfo
    node: NotRequired[str]


class RunCancelled(_Stamped):
    """Somebody stopped the run."""

    kind: Literal["run.cancelled"]
    reason: NotRequired[str]


Event: TypeAlias = (
    RunStarted
    | GraphChanged
    | NodeStarted
    | NodeDelta
    | NodeText
    | NodeFinished
    | NodeFailed
    | NodeSkipped
    | NodeCancelled
    | NodeRetracted
    | Log
    | Note
    | InputRequested
    | InputGiven
    | RunFinished
    | RunFailed
    | RunCancelled
)
