"""Small LangFlow flows out of the components that lfx ships, as LangFlow would export them."""

from __future__ import annotations

import copy
import importlib.util
import json
from functools import cache
from pathlib import Path

__all__ = ["chat", "flow", "group", "node", "tool", "wire"]


@cache
def _index():
    spec = importlib.util.find_spec("lfx")
    index = Path(spec.submodule_search_locations[0]) / "_assets" / "component_index.json"
    return {name: about for _, group in json.loads(index.read_text())["entries"] for name, about in group.items()}


def node(kind, node_id, **values):
    """A component as it is shipped, with values in its fields. A field that is new is a variable of a prompt."""
    about = copy.deepcopy(_index()[kind])
    for name, value in values.items():
        if name not in about["template"]:
            field = {"type": "str", "name": name, "display_name": name, "input_types": ["Message"], "show": True}
            about["template"][name] = {**field, "advanced": False, "list": False, "required": False}
        about["template"][name] |= {"value": value, "load_from_db": False}
    data = {"id": node_id, "type": kind, "node": about}
    return {"id": node_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}


def tool(kind, node_id, **values):
    """A component in tool mode."""
    made = node(kind, node_id, **values)
    made["data"]["node"]["tool_mode"] = True
    made["data"]["node"]["outputs"] = [
        {
            "name": "component_as_tool",
            "display_name": "Toolset",
            "method": "to_toolkit",
            "types": ["Tool"],
            "selected": "Tool",
            "value": "__UNDEFINED__",
            "cache": True,
        }
    ]
    return made


def wire(nodes, source, output, target, field):
    """An edge; to an output's name where that output takes the way back of a loop."""
    by_id = {each["id"]: each["data"] for each in nodes}
    outputs = {each["name"]: each for each in by_id[source]["node"]["outputs"]}
    into = by_id[target]["node"]["template"].get(field)
    start = {"dataType": by_id[source]["type"], "id": source, "name": output, "output_types": outputs[output]["types"]}
    if into is None:
        back = next(each for each in by_id[target]["node"]["outputs"] if each["name"] == field)
        types = [*back["types"], *(back.get("loop_types") or [])]
        end = {"dataType": by_id[target]["type"], "id": target, "name": field, "output_types": types}
    else:
        types = into.get("input_types") or []
        end = {"fieldName": field, "id": target, "inputTypes": types, "type": into.get("type")}
    handles = {"sourceHandle": start, "targetHandle": end}
    texts = {name: json.dumps(handle).replace('"', "œ") for name, handle in handles.items()}
    edge_id = f"{source}.{output}-{target}.{field}"
    return {"id": edge_id, "source": source, "target": target, "data": handles, **texts}


def flow(nodes, *wires, name="Small"):
    """A whole export; a wire is (source, output, target, field)."""
    return {"name": name, "data": {"nodes": nodes, "edges": [wire(nodes, *each) for each in wires]}}


def chat(**model):
    """A question, a model, and its answer."""
    nodes = [node("ChatInput", "ChatInput-a"), node("LanguageModelComponent", "Model-a", **model)]
    nodes.append(node("ChatOutput", "ChatOutput-a"))
    return flow(
        nodes,
        ("ChatInput-a", "message", "Model-a", "input_value"),
        ("Model-a", "text_output", "ChatOutput-a", "input_value"),
    )


def group(inner, outer_id, **proxies):
    """A group around the nodes of a flow; a proxy is field=(id of the node, its field, value)."""
    template = {
        name: {"type": "str", "name": name, "show": True, "value": value, "proxy": {"id": node_id, "field": field}}
        for name, (node_id, field, value) in proxies.items()
    }
    about = {"display_name": "Group", "template": template, "outputs": [], "flow": inner}
    data = {"id": outer_id, "type": "GroupNode", "node": about}
    return {"id": outer_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}
