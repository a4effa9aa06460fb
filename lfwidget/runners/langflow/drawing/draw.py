"""Draw a LangFlow export as LangFlow draws it: its components as cards with their handles, its notes, its groups."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lfwidget.model.graph import Edge, Graph, Node, Port
from lfwidget.model.layout import CARD
from lfwidget.model.measure import text_width
from lfwidget.model.values import clean_text
from lfwidget.runners.langflow.drawing.describe import color_of, icon_of, kind_of, params_of, subtitle_of
from lfwidget.runners.langflow.drawing.handles import Handles
from lfwidget.runners.langflow.drawing.notes import words
from lfwidget.runners.langflow.drawing.places import Box, arrange, is_placed
from lfwidget.runners.langflow.drawing.routes import Routes
from lfwidget.runners.langflow.export import Component, Export, Link, Note

__all__ = ["draw"]

_CARD_WAS = (320.0, 330.0)
"""Size of a card that LangFlow did not measure."""
_LOW_WAS = (192.0, 52.0)
_LOW = (184.0, 54.0)
"""Of a collapsed card: as much as its head and its status take."""
_PORT = 21.0
"""Pixels from one port to the next: their names are written between cards."""
_NOTE = 0.72
"""As cards: how much narrower a note gets. Its height follows from its text."""
_WIDEST_NOTE = 400.0
_NOTE_WAS = (324.0, 240.0)
_NOTE_SIZE = 11
_NOTE_LINE = 17.0
_NOTE_PADDING = 14.0
_HIGHEST_NOTE = 900.0
_PADDING = 20.0
_HEADER = 34.0
_NOTE_COLORS = {
    "amber": "#fde68a",
    "neutral": "#e5e5e5",
    "rose": "#fecdd3",
    "blue": "#bfdbfe",
    "lime": "#d9f99d",
    "transparent": "",
}
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


class _Thing(NamedTuple):
    """Something that has a place: a component or a note, and what is drawn for it."""

    node: Node
    box: Box


def draw(export: Export) -> Graph:
    """The graph of an export. Nothing of it is run, and neither lfx nor langflow is imported.

    Ids of nodes are LangFlow's own. An input port has the name of its field, an output port that of its output; the
    edge back into a loop ends at an input port with the name of the output that LangFlow draws it to.

    Args:
        export: as `read_export()` gives it.
    """
    handles = Handles(export)
    warnings = _by_node([*export.warnings, *handles.warnings], export)
    levels: dict[str, list[_Thing]] = defaultdict(list)
    for note in export.notes:
        levels[note.parent].append(_note(note))
    for component in export.components.values():
        levels[component.parent].append(_card(component, handles, warnings.get(component.id, "")))
    # Lists of nodes (the text face, a table) read from the first to the last, whatever the order of the file.
    rank = {component.id: number for number, component in enumerate(export.in_order or ())}
    nodes = sorted(_Levels(levels).nodes(), key=lambda node: rank.get(node["id"], -1))
    at = {node["id"]: node for node in nodes}
    routes = Routes(nodes)
    return Graph(nodes=nodes, edges=[_edge(link, at, routes) for link in handles.links])


def _by_node(warnings: Iterable[tuple[str, str]], export: Export) -> dict[str, str]:
    """What is wrong with each node, each thing once."""
    found: dict[str, list[str]] = defaultdict(list)
    for node, message in dict.fromkeys(warnings):
        if node in export.components:
            found[node].append(message)
    return {node: "\n".join(messages) for node, messages in found.items()}


def _card(component: Component, handles: Handles, warning: str) -> _Thing:
    inputs, outputs = handles.inputs(component.id), handles.outputs(component.id)
    node = Node(
        id=component.id,
        title=clean_text(component.title),
        type=kind_of(component),
        icon=icon_of(component),
        color=color_of(component, outputs),
        inputs=inputs,
        outputs=outputs,
    )
    if subtitle := subtitle_of(component):
        node["subtitle"] = subtitle
    if params := params_of(component, handles.connected(component.id)):
        node["params"] = params
    if component.parent:
        node["parent"] = component.parent
    if warning:
        node["warning"] = clean_text(warning)
    return _Thing(node, _card_box(component, inputs, outputs))


def _card_box(component: Component, inputs: Sequence[Port], outputs: Sequence[Port]) -> Box:
    ports = max(len(inputs), len(outputs))
    width, height = _LOW if component.collapsed else CARD
    was = component.size or (_LOW_WAS if component.collapsed else _CARD_WAS)
    x, y = component.position
    return Box(x, y, was, width, max(height, _PORT * (ports + 1) if ports > 1 else 0.0))


def _note(note: Note) -> _Thing:
    runs = words(note.text)
    was = note.size or _NOTE_WAS
    width = min(max(was[0] * _NOTE, CARD[0]), _WIDEST_NOTE)
    height = min(_text_height(runs, width - 2 * _NOTE_PADDING) + 2 * _NOTE_PADDING, _HIGHEST_NOTE)
    title = next((text for style, text in runs if style == "h"), "") or "Note"
    node = Node(id=note.id, title=clean_text(title[:80]), type="note", words=[[s, clean_text(t)] for s, t in runs])
    color = note.color if _HEX.match(note.color) else _NOTE_COLORS.get(note.color, _NOTE_COLORS["amber"])
    if color:
        node["color"] = color
    if note.parent:
        node["parent"] = note.parent
    return _Thing(node, Box(*note.position, was, width, height, is_note=True))


def _text_height(runs: Sequence[Sequence[str]], room: float) -> float:
    """Pixels that the text of a note takes, a little more than less."""
    height = 0.0
    for line in "".join(text for _, text in runs).split("\n"):
        height += _NOTE_LINE * (1 + text_width(line, _NOTE_SIZE) // room)
    return height + 6.0 * sum(style == "h" for style, _ in runs)


class _Levels:
    """Puts the things of each level where they belong: those of the canvas, and those of each group into its frame."""

    def __init__(self, things: Mapping[str, Sequence[_Thing]]) -> None:
        self._things = things
        self._inside: dict[str, list[Box]] = {}
        self._is_placed = is_placed([thing.box for thing in things.get("", ())])

    def nodes(self) -> list[Node]:
        """All nodes, each after the group it lies in; without places where the flow has none: `layout()` finds them."""
        self._arrange("")
        return list(self._put("", (0.0, 0.0)))

    def _arrange(self, parent: str) -> None:
        """From the inside out, since a group is as large as what lies in it."""
        boxes = []
        for thing in self._things.get(parent, ()):
            box, inner_id = thing.box, thing.node["id"]
            if inner_id in self._things:
                self._arrange(inner_id)
                inner = self._inside[inner_id]
                width = max(each.x + each.width for each in inner) + 2 * _PADDING
                height = max(each.y + each.height for each in inner) + 2 * _PADDING + _HEADER
                box = replace(box, more=(max(0.0, width - box.width), max(0.0, height - box.height)))
            boxes.append(box)
        self._inside[parent] = arrange(boxes)

    def _put(self, parent: str, origin: tuple[float, float]) -> Iterator[Node]:
        for thing, box in zip(self._things.get(parent, ()), self._inside[parent], strict=True):
            node_id = thing.node["id"]
            x, y = box.x + origin[0], box.y + origin[1]
            if self._is_placed:
                yield {**thing.node, "x": x, "y": y, "width": box.width, "height": box.height}
            else:
                yield {**thing.node, "width": box.width, "height": box.height}
            if node_id in self._things:
                yield from self._put(node_id, (x + _PADDING, y + _PADDING + _HEADER))


def _edge(link: Link, at: Mapping[str, Node], routes: Routes) -> Edge:
    edge = Edge(source=link.source, target=link.target)
    if link.output:
        edge["source_port"] = clean_text(link.output)
    if link.field:
        edge["target_port"] = clean_text(link.field)
    source, target = at[link.source], at[link.target]
    if "x" in source and "x" in target:
        start = _port_y(source, source["outputs"], link.output)
        end = _port_y(target, target["inputs"], link.field)
        points = routes.back(source, target) if link.is_loop else routes.forward(source, target, start, end)
        if points:
            edge["points"] = points
    return edge


def _port_y(node: Node, ports: Sequence[Port], name: str) -> float:
    """Where a port is: ports share a side evenly."""
    index = next((i for i, port in enumerate(ports, 1) if port["name"] == name), 0)
    return node["y"] + node["height"] * (index / (len(ports) + 1) if index else 0.5)
