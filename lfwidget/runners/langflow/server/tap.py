"""Models that no Chat Output follows send no tokens; a Chat Output of ours behind each makes LangFlow send them.

`Component.is_connected_to_chat_output` of lfx 1.13 looks at direct neighbours only, so the text of any other model
comes whole, when it is done. The flow that the server has is not changed: a copy with the extra nodes goes along with
the run (`data`), and they are never shown. Where this is not wanted: `connect(..., tap=False)`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lfwidget.runners.langflow.export import Component, Export

__all__ = ["TAP", "Tapped", "speakers", "tap"]

TAP = "ChatOutput-lfwidget"
"""The ids of our nodes begin so."""


@dataclass(frozen=True)
class Tapped:
    """A flow with taps.

    Attributes:
        data: `nodes` and `edges`, for the server; None where nothing was tapped.
        hidden: ids of the nodes that are ours.
        tapped: ids of the nodes behind which they stand.
        readers: by id of a silent model, the nodes that would find in the chat history what it says. It is left
            alone, unless it was asked for by name.
    """

    data: dict[str, Any] | None = None
    hidden: frozenset[str] = frozenset()
    tapped: tuple[str, ...] = ()
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)


def speakers(export: Export) -> list[Component]:
    """The nodes with a model that can stream: those with a `stream` field, and agents, which always do."""
    return [
        each
        for each in export.components.values()
        if not each.is_group
        and not each.is_tool
        and ("stream" in each.template or "agent_llm" in each.template or each.type == "Agent")
    ]


def tap(export: Export, wanted: frozenset[str] | None = None) -> Tapped:
    """The flow with a tap behind each model that would be silent.

    LangFlow keeps what a tapped model says in the chat history of the run, where it would not be otherwise. Watching
    must not change what the other models are asked: where one of them would find it there, there is no tap.

    Args:
        export: the flow as the server has it.
        wanted: ids of the nodes that shall stream, whatever it takes; None for all that can.
    """
    pattern = next((each for each in _nodes(export) if each.get("data", {}).get("type") == "ChatOutput"), None)
    # In a loop an extra node would be one more that the loop waits for.
    if pattern is None or any(link.is_loop for link in export.links):
        return Tapped()
    chosen = [each for each in speakers(export) if wanted is None or each.id in wanted]
    silent = [(each, output) for each in chosen if (output := _silent_output(export, each))]
    readers = {each.id: found for each, _ in silent if (found := _readers(export, each.id))}
    silent = [(each, output) for each, output in silent if wanted is not None or each.id not in readers]
    if not silent:
        return Tapped(readers=readers)
    data = copy.deepcopy(dict(export.data))
    hidden = []
    for number, (component, output) in enumerate(silent, 1):
        ours = f"{TAP}{number:02d}"
        data["nodes"].append(_node(pattern, ours))
        data["edges"].append(_edge(component, output, ours))
        hidden.append(ours)
    return Tapped(data, frozenset(hidden), tuple(component.id for component, _ in silent), readers)


def _nodes(export: Export) -> list[dict[str, Any]]:
    return [node for node in export.data.get("nodes") or () if isinstance(node, dict)]


def _silent_output(export: Export, component: Component) -> str:
    """The output with the text of a model that no Chat Output follows; "" for any other node."""
    if component.parent:
        return ""
    links = [link for link in export.links if link.source == component.id]
    if any(export.components[link.target].type == "ChatOutput" for link in links):
        return ""
    texts = [str(each.get("name")) for each in component.outputs if "Message" in (each.get("types") or ())]
    if not links:
        return texts[0] if texts else ""
    # One that only lends its model to another node says nothing; a tap would make it speak.
    return next((link.output for link in links if link.output in texts or "Message" in link.output_types), "")


def _node(pattern: Mapping[str, Any], name: str) -> dict[str, Any]:
    node = copy.deepcopy(dict(pattern))
    node["id"] = node["data"]["id"] = name
    template = node["data"]["node"]["template"]
    for own, value in (("input_value", ""), ("should_store_message", False)):
        if isinstance(template.get(own), dict):
            template[own]["value"] = value
    return node


def _edge(component: Component, output: str, target: str) -> dict[str, Any]:
    out = {"dataType": component.type, "id": component.id, "name": output, "output_types": ["Message"]}
    into = {"fieldName": "input_value", "id": target, "inputTypes": ["Data", "DataFrame", "Message"], "type": "other"}
    return {
        "id": f"lfwidget-{component.id}-{target}",
        "source": component.id,
        "target": target,
        "sourceHandle": _handle(out),
        "targetHandle": _handle(into),
        "data": {"sourceHandle": out, "targetHandle": into},
    }


def _handle(handle: Mapping[str, Any]) -> str:
    return json.dumps(handle, ensure_ascii=False, separators=(",", ":")).replace('"', "œ")


def _readers(export: Export, speaker: str) -> tuple[str, ...]:
    """The nodes that read the chat history after, or while, this one speaks: agents, and the component that gives it.

    An agent leaves out of the history what it is given as its input.
    """
    given = {link.target for link in export.links if link.source == speaker and link.field == "input_value"}
    spared = {speaker, *given, *_before(export, speaker)}
    return tuple(
        each.id
        for each in export.components.values()
        if each.id not in spared and (each.type == "Memory" or (each.value("n_messages") and each.type == "Agent"))
    )


def _before(export: Export, node: str) -> set[str]:
    """The nodes that have run by the time this one does."""
    found: set[str] = set()
    new = {node}
    while new:
        new = {link.source for link in export.links if link.target in new} - found
        found |= new
    return found
