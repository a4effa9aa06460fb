"""Whether a LangFlow export may run: every piece of Python in it is compared with what LangFlow ships.

lfx runs the code of a flow as soon as it loads it (class bodies, decorators, imports), so nothing here imports lfx or
any of that code. The JSON is searched whole, and not as it is drawn: lfx passes over a `noteNode` only, so a node whose
component is called "note" is drawn as a note, and executed.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lfwidget.errors import UntrustedFlowError
from lfwidget.runners.langflow.export import as_mapping
from lfwidget.runners.langflow.local.shipped import INTERPRETERS, Shipped, shipped

__all__ = ["Trust", "trusted_flow"]

Trust: TypeAlias = bool | Literal["upgrade"]

_LONGEST_DIFF = 60
"""Lines of a diff that the error shows; all of it is in `.nodes`."""

_UNKNOWN = "it is no component of LangFlow's, nor of a bundle that is installed here"

_CODE_FIELDS = frozenset({"code", "function_code", "python_code", "tool_code"})
"""Names of fields that hold code whatever their type says: lfx runs the value of `code` without looking at its type."""


@dataclass(frozen=True)
class _Piece:
    """One field of a node with code in it.

    Args:
        node: its `data`, with `id`, `type` and `node`.
        name: of the field.
        field: as it stands in the JSON.
    """

    node: Mapping[str, Any]
    name: str
    field: dict[str, Any]

    @property
    def code(self) -> str:
        """The text; LangFlow writes it as a list of lines too."""
        value = self.field.get("value")
        return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")


def trusted_flow(flow: Mapping[str, Any], trust: Trust, known: Shipped | None = None) -> Mapping[str, Any]:
    """The flow as it may run: itself, or with `trust="upgrade"` a copy in which changed components are as shipped.

    Args:
        flow: the JSON of an export; it is not changed.
        trust: as in `load_flow(trust=)`.
        known: what LangFlow ships; by default as it is installed.

    Raises:
        UntrustedFlowError: the flow brings code that LangFlow did not ship.
        MissingExtraError: lfx is not installed.
    """
    if trust is True:
        return flow
    known = known or shipped()
    found = _Findings(known)
    if trust == "upgrade":
        flow = copy.deepcopy(dict(flow))
    for node in _nodes(flow):
        found.look_at(node, upgrade=trust == "upgrade")
    found.look_at_edges(flow)
    if found.nodes:
        raise UntrustedFlowError(_message(found.nodes), found.nodes)
    return flow


class _Findings:
    """What is wrong with the nodes of a flow, each told once for each reason."""

    def __init__(self, known: Shipped) -> None:
        self.nodes: list[dict[str, str]] = []
        self._known = known

    def look_at(self, node: Mapping[str, Any], *, upgrade: bool) -> None:
        """Judge a node; with `upgrade`, put shipped code in place of what was changed."""
        pieces = list(_pieces(node))
        if reason := self._interprets(node, pieces):
            self._refuse(node, reason)
            return
        for piece in pieces:
            code = piece.code
            if not code.strip() or (self._known.knows(code) and piece.name == "code"):
                continue
            ours = self._known.code_of(*_names(node)) if piece.name == "code" and not _is_group(node) else None
            if ours is None:
                second = f"it has code in its field {piece.name!r}"
                self._refuse(node, _UNKNOWN if piece.name == "code" else second)
            elif upgrade:
                piece.field["value"] = ours
            else:
                self._refuse(node, "its code differs from LangFlow's", _diff(ours, code, str(node.get("type"))))

    def look_at_edges(self, flow: Mapping[str, Any]) -> None:
        """Code that another node would send when the flow runs is not there to be compared."""
        for edge in _edges(flow):
            target = as_mapping(as_mapping(edge.get("data")).get("targetHandle"))
            proxied = as_mapping(target.get("proxy")).get("field")
            if {str(target.get("fieldName")), str(proxied)} & _CODE_FIELDS:
                node = {"id": edge.get("target"), "type": target.get("type")}
                self._refuse(node, "its code comes from another node")

    def _interprets(self, node: Mapping[str, Any], pieces: list[_Piece]) -> str:
        """Why this node runs what stands in its fields, or ""."""
        if INTERPRETERS & set(_names(node)) or any(self._known.is_interpreter(piece.code) for piece in pieces):
            return "it runs code out of its fields, or that a model writes"
        for field in _template(node).values():
            server = as_mapping(field).get("type") == "mcp" or as_mapping(field).get("name") == "mcp_server"
            if server and _has_key(as_mapping(field).get("value"), "command"):
                return "it starts a program (a stdio MCP server)"
        return ""

    def _refuse(self, node: Mapping[str, Any], reason: str, diff: str = "") -> None:
        about = as_mapping(node.get("node"))
        found = {
            "id": str(node.get("id") or ""),
            "title": str(about.get("display_name") or node.get("type") or node.get("id") or ""),
            "type": str(node.get("type") or ""),
            "reason": reason,
        }
        self.nodes.append({**found, "diff": diff} if diff else found)


def _nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every `data` of a node, wherever it is: whatever has a template may be built."""
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        elif isinstance(value, Mapping):
            todo += value.values()
            if isinstance(as_mapping(value.get("node")).get("template"), Mapping):
                yield value


def _edges(value: Any) -> Iterator[Mapping[str, Any]]:
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        elif isinstance(value, Mapping):
            todo += value.values()
            yield from (edge for edge in value.get("edges") or () if isinstance(edge, Mapping))


def _template(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_mapping(as_mapping(node.get("node")).get("template"))


def _is_group(node: Mapping[str, Any]) -> bool:
    return isinstance(as_mapping(node.get("node")).get("flow"), Mapping)


def _pieces(node: Mapping[str, Any]) -> Iterator[_Piece]:
    """Its fields with code. A field of a group that stands for one of a node in it (`proxy`) takes that one's place."""
    for name, field in _template(node).items():
        if not isinstance(field, dict):
            continue
        stands_for = str(as_mapping(field.get("proxy")).get("field"))
        if stands_for == "code" or name == "code":
            yield _Piece(node, "code", field)
        elif field.get("type") == "code" or name in _CODE_FIELDS or stands_for in _CODE_FIELDS:
            yield _Piece(node, str(name), field)


def _names(node: Mapping[str, Any]) -> list[str]:
    """What a component goes by: its type, its class, its own name."""
    about = as_mapping(node.get("node"))
    module = as_mapping(about.get("metadata")).get("module")
    names = [node.get("type"), about.get("name"), str(module or "").rpartition(".")[2]]
    return [str(name) for name in names if name]


def _has_key(value: Any, key: str) -> bool:
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            if value.get(key):
                return True
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return False


def _diff(ours: str, theirs: str, name: str) -> str:
    lines = difflib.unified_diff(
        ours.splitlines(), theirs.splitlines(), f"LangFlow's {name}", f"{name} in this flow", lineterm=""
    )
    return "\n".join(lines)


def _message(nodes: list[dict[str, str]]) -> str:
    parts = ["this flow would run code that LangFlow did not ship:"]
    for node in nodes:
        parts.append(f"- {node['title']} ({node['id']}, {node['type']}): {node['reason']}")
        lines = node.get("diff", "").splitlines()
        parts += [f"    {line}" for line in lines[:_LONGEST_DIFF]]
        if len(lines) > _LONGEST_DIFF:
            parts.append(f"    … {len(lines) - _LONGEST_DIFF} more lines, in `.nodes` of this error")
    parts.append("If you trust who made it: load_flow(..., trust=True) runs it as it is.")
    if any("diff" in node for node in nodes):
        parts.append('load_flow(..., trust="upgrade") runs LangFlow\'s own code in place of changed components.')
    return "\n".join(parts)
