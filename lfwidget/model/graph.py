"""What is drawn: nodes, ports and edges, as plain JSON data.

Where a node stands is `layout.py`; what it does is `state.py`.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

__all__ = ["NEVER_RUN", "Edge", "Graph", "Node", "NodeType", "Port"]

NodeType: TypeAlias = Literal[
    "prompt",
    "model",
    "parser",
    "tool",
    "retriever",
    "function",
    "passthrough",
    "parallel",
    "branch",
    "graph",
    "each",
    "start",
    "end",
    "note",
    "node",
]
"""What kind of step a node is: it picks the icon and the colour. `start` and `end` are the pills of a LangGraph graph,
`note` is what a person stuck to the canvas; these never run. `node` is anything else."""

NEVER_RUN: frozenset[str] = frozenset({"start", "end", "note"})
"""Types of nodes that are drawn and do nothing."""


class Port(TypedDict):
    """Where an edge ends on a card. A card without ports has one unnamed place on either side. `color` is #rrggbb."""

    name: str
    title: NotRequired[str]
    type: NotRequired[str]
    color: NotRequired[str]


class Node(TypedDict):
    """One step of a flow. `id` is readable and stable: `prompt`, `model-2`, `tools/search`.

    `parent` is the node this one lies in. A node with `card: False` has no card of its own: it ran inside an opaque
    function, and its text and tokens show on the card of the nearest ancestor that has one. A node that is the parent
    of cards is drawn as a frame around them. `x`, `y` (top left), `width` and `height` are pixels at zoom 1, relative
    to the canvas, never to the parent.

    `icon` (the data of an SVG path on a grid of 24 by 24, stroked; or one letter) and `color` (#rrggbb) stand in for
    those of the type. `warning` is what is wrong with it, for people. `words` are the text of a note, as runs of
    [style, text]: `h` a heading, `b` bold, `i` italic, `c` code, and "" plain.
    """

    id: str
    title: str
    type: NodeType
    subtitle: NotRequired[str]
    parent: NotRequired[str]
    card: NotRequired[bool]
    params: NotRequired[dict[str, Any]]
    inputs: NotRequired[list[Port]]
    outputs: NotRequired[list[Port]]
    x: NotRequired[float]
    y: NotRequired[float]
    width: NotRequired[float]
    height: NotRequired[float]
    icon: NotRequired[str]
    color: NotRequired[str]
    warning: NotRequired[str]
    words: NotRequired[list[list[str]]]


class Edge(TypedDict):
    """From `source` to `target`, at their ports where these are named.

    `kind` is `flow` (always taken), `conditional` (taken or not) or `fallback` (taken after an error). `points` are
    pixels the line passes on its way round cards: [[x, y], ...], without its two ends.
    """

    source: str
    target: str
    source_port: NotRequired[str]
    target_port: NotRequired[str]
    label: NotRequired[str]
    kind: NotRequired[Literal["flow", "conditional", "fallback"]]
    points: NotRequired[list[list[float]]]


class Graph(TypedDict):
    """A flow as it is drawn. Edges join nodes that lie in the same parent."""

    nodes: list[Node]
    edges: list[Edge]
