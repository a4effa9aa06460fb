"""Read a LangFlow export: what stands in the JSON, checked. Nothing of it is ever run, and lfx is not needed.

The format is that of LangFlow 1.13, which its older versions share but for fields that are missing: `data.nodes` and
`data.edges` of React Flow; a component's definition is `node.data.node`, its fields are `template`, its results
`outputs`. Handles are JSON with `œ` for the quotation mark; an edge repeats them as objects in `data`.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from lfwidget.errors import FlowFormatError, FlowFormatWarning
from lfwidget.model.values import clean_text

__all__ = ["Component", "Export", "Link", "Note", "as_mapping", "read_export"]

LARGEST = 64_000_000
"""Bytes. The largest of LangFlow's own starter projects has 400 KB; what is larger than this is something else."""

_DEEPEST = 20
"""Groups within groups."""

_TOLD = 5
"""Messages that a warning repeats."""


@dataclass(frozen=True)
class Component:
    """A node that can be run, or a group of them.

    Attributes:
        id: of the node; with groups, ids are unique over all of them.
        type: of the component: "ChatInput", "LanguageModelComponent".
        title: what people call it.
        definition: `node.data.node`: description, icon, flags, metadata. Fields are in `template`.
        template: the fields, by name; only those that are objects.
        outputs: what it gives, in order.
        selected_output: the name of the output that is chosen where it has several; "" where none is.
        parent: id of the group it lies in, or "".
        position: x and y of its top left corner.
        size: width and height as LangFlow measured them; None where it did not.
        collapsed: whether LangFlow shows only its head.
    """

    id: str
    type: str
    title: str
    definition: Mapping[str, Any]
    template: Mapping[str, Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]
    selected_output: str = ""
    parent: str = ""
    position: tuple[float, float] = (0.0, 0.0)
    size: tuple[float, float] | None = None
    collapsed: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it is a group: other nodes, drawn as one."""
        return isinstance(self.definition.get("flow"), Mapping)

    @property
    def is_tool(self) -> bool:
        """Whether it is in tool mode: an agent calls it, and its only output is itself."""
        return bool(self.definition.get("tool_mode"))

    @property
    def fields(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Its fields in the order in which LangFlow shows them."""
        order = [name for name in _texts(self.definition.get("field_order")) if name in self.template]
        return [(name, self.template[name]) for name in dict.fromkeys([*order, *self.template])]

    def value(self, name: str, default: Any = None) -> Any:
        """The value of a field; `default` where there is none."""
        return self.template.get(name, {}).get("value", default)


@dataclass(frozen=True)
class Note:
    """What a person stuck to the canvas: Markdown, and the name or the value of a colour."""

    id: str
    text: str
    color: str
    position: tuple[float, float]
    size: tuple[float, float] | None
    parent: str = ""


@dataclass(frozen=True)
class Link:
    """An edge: from an output to a field, or back to the output of a loop (`field` is then that output's name)."""

    source: str
    target: str
    output: str
    field: str
    output_types: tuple[str, ...] = ()
    input_types: tuple[str, ...] = ()
    is_loop: bool = False
    parent: str = ""


@dataclass(frozen=True)
class Export:
    """A LangFlow flow as data.

    Attributes:
        raw: all of the JSON, as it came; it is not to be changed.
        name: of the flow.
        description: what its author says of it.
        path: of the file, or "".
        components: by id, also those in groups.
        notes: what is stuck to the canvas.
        links: the edges that join two components which exist.
        warnings: what could not be used, by node id ("" for the flow), for people.
    """

    raw: Mapping[str, Any]
    name: str
    description: str = ""
    path: str = ""
    components: Mapping[str, Component] = field(default_factory=dict)
    notes: Sequence[Note] = ()
    links: Sequence[Link] = ()
    warnings: Sequence[tuple[str, str]] = ()

    @cached_property
    def titles(self) -> dict[str, str]:
        """Titles by id."""
        return {component.id: component.title for component in self.components.values()}

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The part with `nodes` and `edges`."""
        return as_mapping(self.raw.get("data"))

    @cached_property
    def in_order(self) -> list[Component] | None:
        """Every component after those it needs, loops aside; None where others go in circles."""
        sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(self.components, ()))
        for link in self.links:
            if not link.is_loop:
                sorter.add(link.target, link.source)
        try:
            return [self.components[name] for name in sorter.static_order()]
        except CycleError:
            return None

    def of_type(self, *types: str) -> list[Component]:
        """Its components of some types, groups opened."""
        return [component for component in self.components.values() if component.type in types]


def read_export(source: str | os.PathLike[str] | Mapping[str, Any]) -> Export:
    """Read an export.

    Args:
        source: path of a file, the JSON as text, or what `json.load` makes of it.

    Raises:
        FlowFormatError: this is no LangFlow flow, or nothing of it can be drawn.
        OSError: the file cannot be read.

    Warns:
        FlowFormatWarning: a part of the flow is left out. What is odd about a single node is shown on its card.
    """
    path = ""
    if isinstance(source, Mapping):
        raw: Any = source
    elif isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        raw = _parsed(source, "")
    else:
        path = os.fspath(source)
        if "\0" in path:
            raise FlowFormatError("this is neither the path of a file nor JSON")
        raw = _parsed(_text_of(Path(path)), path)
    export = _Reader(path).read(_only_flow(raw, path))
    lost = [message for node, message in export.warnings if node not in export.components]
    if lost:
        more = [f"and {len(lost) - _TOLD} more"] if len(lost) > _TOLD else []
        said = "; ".join([*lost[:_TOLD], *more])
        warnings.warn(FlowFormatWarning(f"{path or export.name}: {said}"), stacklevel=2)
    return export


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value, or an empty mapping where it is none: what stands in a file may be anything."""
    return value if isinstance(value, Mapping) else {}


def _text_of(path: Path) -> str:
    size = path.stat().st_size
    if size > LARGEST:
        raise FlowFormatError(f"{size:,} bytes are too many for a LangFlow flow", str(path))
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FlowFormatError(f"this is no text: {error}", str(path)) from error


def _parsed(text: str, path: str) -> Any:
    if len(text) > LARGEST:
        raise FlowFormatError(f"{len(text):,} characters are too many for a LangFlow flow", path)
    try:
        return json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        cut = " It ends too early: was it cut off?" if error.pos >= len(text.rstrip()) - 1 else ""
        where = f"line {error.lineno}, column {error.colno}"
        raise FlowFormatError(f"this is no JSON: {error.msg} at {where}.{cut}", path) from error
    except RecursionError as error:
        raise FlowFormatError("this JSON is nested too deeply for a LangFlow flow", path) from error
    except ValueError as error:  # a number with thousands of digits
        raise FlowFormatError(f"this JSON cannot be read: {error}", path) from error


def _only_flow(raw: Any, path: str) -> Mapping[str, Any]:
    """The flow in what was read: itself, or the only one of a project's export."""
    flows = raw.get("flows") if isinstance(raw, Mapping) else raw
    if isinstance(flows, list):
        if len(flows) != 1:
            names = ", ".join(str(as_mapping(flow).get("name")) for flow in flows[:20])
            raise FlowFormatError(f"this holds {len(flows)} flows ({names}): give one of them, as a dict", path)
        raw = flows[0]
    if not isinstance(raw, Mapping):
        raise FlowFormatError(f"a LangFlow flow is a JSON object, not {type(raw).__name__}", path)
    flow: Mapping[str, Any] = {"data": raw} if "data" not in raw and "nodes" in raw else raw
    data = flow.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("nodes"), list):
        wrong = "data" if not isinstance(data, Mapping) else "data.nodes"
        raise FlowFormatError("this is no LangFlow flow: it has no list of nodes there", path, field=wrong)
    return flow


class _Reader:
    """Takes one export apart; what cannot be used is told, and left out."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.components: dict[str, Component] = {}
        self.notes: list[Note] = []
        self.links: list[Link] = []
        self.warnings: list[tuple[str, str]] = []
        self._ids: set[str] = set()

    def read(self, raw: Mapping[str, Any]) -> Export:
        self._read_graph(as_mapping(raw["data"]), "")
        return Export(
            raw=raw,
            name=_text(raw.get("name")) or (Path(self.path).stem if self.path else "LangFlow flow"),
            description=_text(raw.get("description")),
            path=self.path,
            components=self.components,
            notes=self.notes,
            links=self.links,
            warnings=self.warnings,
        )

    def _read_graph(self, data: Mapping[str, Any], parent: str, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise FlowFormatError("groups are nested too deeply", self.path, node=parent)
        for number, node in enumerate(_list(data.get("nodes"))):
            self._read_node(node, number, parent, depth)
        for number, edge in enumerate(_list(data.get("edges"))):
            self._read_edge(edge, number, parent)

    def _read_node(self, node: Any, number: int, parent: str, depth: int) -> None:
        where = f"data.nodes[{number}]"
        if not isinstance(node, Mapping):
            self._warn(parent, f"{where} is no object: it is left out")
            return
        data, node_id = (
            as_mapping(node.get("data")),
            _text(node.get("id")) or _text(as_mapping(node.get("data")).get("id")),
        )
        if not node_id:
            self._warn(parent, f"{where} has no id: it is left out")
            return
        if node_id in self._ids:
            raise FlowFormatError("two nodes have this id", self.path, node=node_id, field=f"{where}.id")
        self._ids.add(node_id)
        definition = data.get("node")
        if not isinstance(definition, Mapping):
            definition = {}
            self._warn(node_id, "it has no definition (data.node): it can be drawn, not run")
        if node.get("type") == "noteNode" or data.get("type") in ("note", "noteNode"):
            self.notes.append(_note(node_id, node, definition, parent))
            return
        template = definition.get("template")
        if not isinstance(template, Mapping) and not isinstance(definition.get("flow"), Mapping) and definition:
            self._warn(node_id, "it has no fields (data.node.template): it can be drawn, not run")
        self.components[node_id] = _component(node_id, node, definition, parent)
        inner = as_mapping(as_mapping(definition.get("flow")).get("data"))
        if inner:
            self._read_graph(inner, node_id, depth + 1)

    def _read_edge(self, edge: Any, number: int, parent: str) -> None:
        edge = as_mapping(edge)
        source, target = _text(edge.get("source")), _text(edge.get("target"))
        for end, name in ((source, "source"), (target, "target")):
            if end not in self.components:
                self._warn("", f"data.edges[{number}]: no node {end!r} ({name}): the edge is left out")
                return
        data = as_mapping(edge.get("data"))
        out = as_mapping(data.get("sourceHandle")) or _handle(edge.get("sourceHandle"))
        into = as_mapping(data.get("targetHandle")) or _handle(edge.get("targetHandle"))
        link = Link(
            source=source,
            target=target,
            output=_text(out.get("name")),
            field=_text(into.get("fieldName")) or _text(into.get("name")),
            output_types=_texts(out.get("output_types")),
            input_types=_texts(into.get("inputTypes")) or _texts(into.get("output_types")),
            is_loop="fieldName" not in into and "name" in into,
            parent=parent,
        )
        self.links.append(link)

    def _warn(self, node: str, message: str) -> None:
        self.warnings.append((node, message))


def _component(node_id: str, node: Mapping[str, Any], definition: Mapping[str, Any], parent: str) -> Component:
    data = as_mapping(node.get("data"))
    template = {
        str(name): each for name, each in as_mapping(definition.get("template")).items() if isinstance(each, Mapping)
    }
    kind = _text(data.get("type")) or node_id.partition("-")[0]
    return Component(
        id=node_id,
        type=kind,
        title=_text(definition.get("display_name")) or _text(data.get("display_name")) or kind,
        definition=definition,
        template=template,
        outputs=[each for each in _list(definition.get("outputs")) if isinstance(each, Mapping)],
        selected_output=_text(data.get("selected_output")),
        parent=parent,
        position=_point(node.get("position")),
        size=_size(node),
        collapsed=data.get("showNode") is False,
    )


def _note(node_id: str, node: Mapping[str, Any], definition: Mapping[str, Any], parent: str) -> Note:
    color = _text(as_mapping(definition.get("template")).get("backgroundColor"))
    text = _text(definition.get("description"))
    return Note(node_id, text, color, _point(node.get("position")), _size(node), parent)


def _handle(text: Any) -> Mapping[str, Any]:
    """The object that the text of a handle says."""
    try:
        return as_mapping(json.loads(_text(text).replace("œ", '"')))
    except (ValueError, RecursionError):
        return {}


def _point(value: Any) -> tuple[float, float]:
    point = as_mapping(value)
    return _number(point.get("x")) or 0.0, _number(point.get("y")) or 0.0


def _size(node: Mapping[str, Any]) -> tuple[float, float] | None:
    for size in (as_mapping(node.get("measured")), node):
        width, height = _number(size.get("width")), _number(size.get("height"))
        if width and height and width > 0 and height > 0:
            return width, height
    return None


_FARTHEST = 1e6


def _number(value: Any) -> float | None:
    """A number that can be drawn, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FARTHEST < value < _FARTHEST:
        return None
    return float(value)


def _text(value: Any) -> str:
    return clean_text(value) if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in _list(value) if isinstance(each, str))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
