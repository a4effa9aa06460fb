"""The handles of LangFlow's components as ports, and its edges as what joins them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lfwidget.model.graph import Port
from lfwidget.model.values import clean_text
from lfwidget.runners.langflow.export import Component, Export, Link, as_mapping

__all__ = ["TOOL_OUTPUT", "Handles", "type_color"]

TOOL_OUTPUT = "component_as_tool"
"""The output that a component in tool mode has in place of its own."""

_UNKNOWN = "#9ca3af"
_COLORS = {
    "#4f46e5": ("message", "text", "str"),
    "#dc2626": ("data", "json"),
    "#ec4899": ("dataframe", "table"),
    "#c026d3": ("languagemodel",),
    "#00fbfc": ("tool",),
    "#10b981": ("embeddings",),
    "#903bbe": ("agent", "agentexecutor"),
    "#7c3aed": ("prompt", "chatprompttemplate"),
    "#65a30d": ("document",),
    "#7e22ce": ("int", "float", "number"),
    "#e6b25a": ("retriever", "baseretriever", "vectorstoreretriever", "multiqueryretriever"),
}
_BY_TYPE = {name: color for color, names in _COLORS.items() for name in names}


def type_color(types: Iterable[str]) -> str:
    """The colour of a handle: that of its first type, as LangFlow has it."""
    return _BY_TYPE.get(next(iter(types), "").lower(), _UNKNOWN)


class Handles:
    """The ports of every component, with those that only an edge knows.

    Attributes:
        links: the edges, each between two nodes of one level.
        warnings: what is odd about them, by the id of a node.
    """

    def __init__(self, export: Export) -> None:
        self._components = export.components
        self.warnings: list[tuple[str, str]] = []
        self.links = list(dict.fromkeys(filter(None, map(self._level, export.links))))
        self._into: dict[str, dict[str, Link]] = defaultdict(dict)
        self._out_of: dict[str, dict[str, Link]] = defaultdict(dict)
        for link in self.links:
            self._into[link.target].setdefault(link.field, link)
            self._out_of[link.source].setdefault(link.output, link)
        self._inputs = {component.id: self._find_inputs(component) for component in export.components.values()}
        self._outputs = {component.id: self._find_outputs(component) for component in export.components.values()}

    def connected(self, component_id: str) -> set[str]:
        """Names of the fields that get their value from an edge."""
        return set(self._into.get(component_id, ()))

    def inputs(self, component_id: str) -> list[Port]:
        """What can be connected: the fields that LangFlow shows with a handle, and those with an edge."""
        return self._inputs[component_id]

    def outputs(self, component_id: str) -> list[Port]:
        """What comes out: the chosen output, or all that LangFlow shows together, and those with an edge."""
        return self._outputs[component_id]

    def _find_inputs(self, component: Component) -> list[Port]:
        into = dict(self._into.get(component.id, {}))
        ports = []
        for name, field in component.fields:
            link = into.pop(name, None)
            if link or _has_handle(component, field):
                types = _strings(field.get("input_types")) or (list(link.input_types) if link else [])
                ports.append(_port(name, _title(field, name), types))
        for name, link in into.items():
            ports += self._unknown_input(component, name, link)
        return ports

    def _unknown_input(self, component: Component, name: str, link: Link) -> list[Port]:
        if not name:
            return []
        loop = [output for output in component.outputs if link.is_loop and output.get("name") == name]
        if not loop and component.template:
            self.warnings.append((component.id, f"an edge leads to its field {name!r}, which it does not have"))
        return [_port(name, _title(loop[0], name) if loop else name, link.input_types)]

    def _find_outputs(self, component: Component) -> list[Port]:
        out_of = dict(self._out_of.get(component.id, {}))
        ports = []
        for output in _visible(component, out_of):
            name = str(output.get("name") or "")
            out_of.pop(name, None)
            ports.append(_port(name, _title(output, name), _output_types(output)))
        for name, link in out_of.items():
            if name:
                if component.outputs and not component.is_tool:
                    self.warnings.append((component.id, f"an edge leaves its output {name!r}, which it does not have"))
                ports.append(_port(name, "Toolset" if name == TOOL_OUTPUT else name, link.output_types))
        return ports

    def _level(self, link: Link) -> Link | None:
        """The edge between the two nodes of one level that hold its ends; None where both ends are one group."""
        sources, targets = self._around(link.source), self._around(link.target)
        source, target = next(
            ((a, b) for a in sources for b in targets if self._components[a].parent == self._components[b].parent),
            ("", ""),
        )
        if not source or (source == target and link.source != link.target):
            return None
        return replace(
            link,
            source=source,
            target=target,
            output=link.output if source == link.source else self._proxy(source, link.source, link.output, "outputs"),
            field=link.field if target == link.target else self._proxy(target, link.target, link.field, "inputs"),
            parent=self._components[source].parent,
        )

    def _around(self, component_id: str) -> list[str]:
        """It and the groups around it."""
        path = [component_id]
        while (parent := self._components[path[-1]].parent) in self._components and parent not in path:
            path.append(parent)
        return path

    def _proxy(self, group: str, inner: str, name: str, side: str) -> str:
        """The name that a handle of an inner node has on its group."""
        key = "name" if side == "outputs" else "field"
        component = self._components[group]
        pairs = (
            [(str(output.get("name") or ""), output) for output in component.outputs]
            if side == "outputs"
            else list(component.template.items())
        )
        for own, handle in pairs:
            proxy = as_mapping(handle.get("proxy"))
            if proxy.get("id") == inner and proxy.get(key) == name:
                return own
        return f"{self._components[inner].title}: {name}" if name else ""


def _visible(component: Component, used: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    outputs = [output for output in component.outputs if isinstance(output.get("name"), str)]
    if component.is_tool:
        tool = [output for output in outputs if output["name"] == TOOL_OUTPUT]
        return tool or [{"name": TOOL_OUTPUT, "display_name": "Toolset", "types": ["Tool"]}]
    outputs = [output for output in outputs if not output.get("hidden") or output["name"] in used]
    if component.is_group or len(outputs) < 2 or any(output.get("group_outputs") for output in outputs):  # noqa: PLR2004
        return outputs
    chosen = {component.selected_output} if component.selected_output else set()
    chosen |= set(used)
    return [output for output in outputs if output["name"] in chosen] or outputs[:1]


def _has_handle(component: Component, field: Mapping[str, Any]) -> bool:
    if not _strings(field.get("input_types")) or field.get("show") is False or field.get("advanced"):
        return False
    # In tool mode the agent fills these in.
    return not (component.is_tool and field.get("tool_mode"))


def _output_types(output: Mapping[str, Any]) -> list[str]:
    chosen = output.get("selected")
    types = _strings(output.get("types"))
    return [chosen, *types] if isinstance(chosen, str) and chosen in types else types


def _port(name: str, title: str, types: Iterable[str]) -> Port:
    known = list(dict.fromkeys(types))
    port = Port(name=clean_text(name), title=clean_text(title), color=type_color(known))
    if known:
        port["type"] = clean_text(", ".join(known[:8]))
    return port


def _title(handle: Mapping[str, Any], name: str) -> str:
    title = handle.get("display_name")
    return title if isinstance(title, str) and title else name


def _strings(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
