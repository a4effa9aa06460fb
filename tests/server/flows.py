"""Small flows for a real server, made of the components that it ships."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

__all__ = ["added_to", "agent", "agents", "asked_for_a_variable", "basic", "chained", "edge", "parallel"]

_MODEL = [
    {
        "name": "gpt-4o-mini",
        "provider": "OpenAI",
        "icon": "OpenAI",
        "metadata": {"model_class": "ChatOpenAI", "model_name_param": "model", "api_key_param": "api_key"},
    }
]

_CALCULATE = {
    "name": "evaluate_expression",
    "display_name": "evaluate_expression",
    "description": "Perform basic arithmetic operations on a given expression.",
    "display_description": "Perform basic arithmetic operations on a given expression.",
    "args": {"expression": {"title": "Expression", "type": "string"}},
    "tags": ["evaluate_expression"],
    "status": True,
    "readonly": False,
}

Flow = dict[str, Any]
Starters = Mapping[str, Flow]


def added_to(server: Any) -> dict[str, str]:
    """All of them, saved on a server; their ids by name."""
    starters, components = server.starters(), server.components()
    made = [basic(starters), chained(starters), parallel(starters), agent(starters, components)]
    made += [agents(starters, components), asked_for_a_variable(starters)]
    return {flow["name"]: server.add(flow) for flow in made}


def basic(starters: Starters, name: str = "Basic") -> Flow:
    """Chat Input and a prompt, a model that streams, Chat Output."""
    flow = _fresh(starters["Basic Prompting"], name)
    _prepare(flow)
    return flow


def chained(starters: Starters) -> Flow:
    """Model A, whose text is the input of model B, which alone has a Chat Output."""
    flow = basic(starters, "Chained")
    first, second = _two_models(flow)
    out = _only(flow, "ChatOutput")["id"]
    edges = flow["data"]["edges"]
    for each in edges:
        if each["target"] == out:
            _turn(each, source=second)
    edges.append(edge(first, "text_output", second, "input_value"))
    return flow


def parallel(starters: Starters) -> Flow:
    """Models A and B side by side, each with a Chat Output."""
    flow = basic(starters, "Parallel")
    _, second = _two_models(flow)
    out = copy.deepcopy(_only(flow, "ChatOutput"))
    _rename(out, "ChatOutput-BBBBB")
    flow["data"]["nodes"].append(out)
    question = _only(flow, "ChatInput")["id"]
    flow["data"]["edges"] += [
        edge(question, "message", second, "input_value"),
        edge(second, "text_output", out["id"], "input_value", type="str"),
    ]
    return flow


def agent(starters: Starters, components: Mapping[str, Any]) -> Flow:
    """An agent with a calculator, in the place of the tools that ask the network.

    Args:
        starters: the flows that LangFlow ships.
        components: the definitions of its components, by type.
    """
    flow = _fresh(starters["Simple Agent"], "Agent")
    tool, spare = _only(flow, "URLComponent"), _only(flow, "UnifiedWebSearch")["id"]
    link = next(each for each in flow["data"]["edges"] if each["source"] == tool["id"])
    flow["data"]["nodes"].remove(_only(flow, "UnifiedWebSearch"))
    flow["data"]["edges"] = [each for each in flow["data"]["edges"] if each["source"] not in (spare, tool["id"])]
    shape, definition = tool["data"]["node"], copy.deepcopy(components["CalculatorComponent"])
    about = {**shape["template"]["tools_metadata"], "value": [_CALCULATE]}
    definition |= {"tool_mode": True, "outputs": shape["outputs"]}
    definition["template"]["tools_metadata"] = about
    _rename(tool, "CalculatorComponent-Awf9O")
    tool["data"] |= {"type": "CalculatorComponent", "node": definition}
    _turn(link, source=tool["id"])
    flow["data"]["edges"].append(link)
    _prepare(flow)
    return flow


def agents(starters: Starters, components: Mapping[str, Any]) -> Flow:
    """Agents A, B and C in line; C alone has a Chat Output."""
    flow = agent(starters, components)
    flow["name"] = "Agents"
    first, out = _only(flow, "Agent"), _only(flow, "ChatOutput")["id"]
    line = [first["id"], "Agent-BBBBB", "Agent-CCCCC"]
    for name in line[1:]:
        other = copy.deepcopy(first)
        _rename(other, name)
        flow["data"]["nodes"].append(other)
    for each in flow["data"]["edges"]:
        if each["target"] == out:
            _turn(each, source=line[-1])
    flow["data"]["edges"] += [edge(a, "response", b, "input_value") for a, b in pairwise(line)]
    for node in flow["data"]["nodes"]:
        if node["id"] in line:
            node["data"]["node"]["template"]["system_prompt"]["value"] = f"You are {'ABC'[line.index(node['id'])]}."
    return flow


def asked_for_a_variable(starters: Starters) -> Flow:
    """As `basic`; what the model is told to be is the server's variable PERSONA."""
    flow = basic(starters, "Persona")
    model = _only(flow, "LanguageModelComponent")
    prompt = _only(flow, "Prompt")
    flow["data"]["nodes"].remove(prompt)
    flow["data"]["edges"] = [each for each in flow["data"]["edges"] if each["source"] != prompt["id"]]
    model["data"]["node"]["template"]["system_message"] |= {"value": "PERSONA", "load_from_db": True}
    return flow


def edge(source: str, output: str, target: str, field: str, **handle: Any) -> dict[str, Any]:
    """An edge that carries text, with its handles as LangFlow writes them."""
    out = {"dataType": source.partition("-")[0], "id": source, "name": output, "output_types": ["Message"]}
    into = {"fieldName": field, "id": target, "inputTypes": ["Message"], "type": "str", **handle}
    return {
        "id": f"xy-edge__{source}-{target}",
        "source": source,
        "target": target,
        "sourceHandle": _quoted(out),
        "targetHandle": _quoted(into),
        "data": {"sourceHandle": out, "targetHandle": into},
    }


def _fresh(flow: Flow, name: str) -> Flow:
    data = copy.deepcopy(flow["data"])
    data["nodes"] = [node for node in data["nodes"] if node["type"] != "noteNode"]
    return {"name": name, "description": "", "data": data}


def _prepare(flow: Flow) -> None:
    for node in flow["data"]["nodes"]:
        template = node["data"]["node"].get("template", {})
        if "model" in template:
            template["model"]["value"] = _MODEL
            # The agent's key is looked up as the name of a variable, unless it is empty and not looked up at all.
            template["api_key"] |= {"value": "", "load_from_db": False}
        if "stream" in template:
            template["stream"]["value"] = True


def _two_models(flow: Flow) -> tuple[str, str]:
    """The model, and a second one beside it: they are told to be A and B."""
    first = _only(flow, "LanguageModelComponent")
    second = copy.deepcopy(first)
    _rename(second, "LanguageModelComponent-BBBBB")
    prompts = {each["source"] for each in flow["data"]["edges"] if each["target"] == first["id"]}
    question = _only(flow, "ChatInput")["id"]
    flow["data"]["edges"] = [
        each
        for each in flow["data"]["edges"]
        if not (each["target"] == first["id"] and each["source"] in prompts - {question})
    ]
    flow["data"]["nodes"] = [node for node in flow["data"]["nodes"] if node["id"] not in prompts - {question}]
    for node, name in ((first, "A"), (second, "B")):
        node["data"]["node"]["template"]["system_message"]["value"] = f"You are {name}."
    flow["data"]["nodes"].append(second)
    return first["id"], second["id"]


def _only(flow: Flow, kind: str) -> dict[str, Any]:
    (node,) = (node for node in flow["data"]["nodes"] if node["data"]["type"] == kind)
    return node


def _rename(node: dict[str, Any], name: str) -> None:
    node["id"] = node["data"]["id"] = name


def _turn(each: dict[str, Any], source: str) -> None:
    out = {**each["data"]["sourceHandle"], "id": source}
    each |= {"source": source, "sourceHandle": _quoted(out), "id": f"xy-edge__{source}-{each['target']}"}
    each["data"] = {**each["data"], "sourceHandle": out}


def _quoted(handle: dict[str, Any]) -> str:
    return json.dumps(handle, ensure_ascii=False, separators=(",", ":")).replace('"', "œ")
