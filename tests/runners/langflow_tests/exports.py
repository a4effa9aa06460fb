"""Small LangFlow exports, made as LangFlow writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["chat", "component", "edge", "export", "field"]


def field(value: Any = "", **more: Any) -> dict[str, Any]:
    """A field of a component's template."""
    return {"type": "str", "show": True, "advanced": False, "value": value, **more}


def component(node_id: str, title: str, outputs: Sequence[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
    """A node; its type is what stands before the dash of its id."""
    node = {"display_name": title, "template": {"_type": "Component", **fields}, "outputs": list(outputs)}
    position = {"x": 0.0, "y": 0.0}
    return {
        "id": node_id,
        "type": "genericNode",
        "position": position,
        "data": {"id": node_id, "type": node_id.partition("-")[0], "node": node},
    }


def output(name: str, method: str, kind: str = "Message", **more: Any) -> dict[str, Any]:
    """An output of a component."""
    return {"name": name, "display_name": name.title(), "method": method, "types": [kind], "selected": kind, **more}


def edge(source: str, out: str, target: str, into: str) -> dict[str, Any]:
    """An edge between an output and a field."""
    handles = {
        "sourceHandle": {"dataType": source.partition("-")[0], "id": source, "name": out, "output_types": ["Message"]},
        "targetHandle": {"fieldName": into, "id": target, "inputTypes": ["Message"], "type": "str"},
    }
    texts = {name: json.dumps(handle).replace('"', "œ") for name, handle in handles.items()}
    return {"id": f"{source}-{target}", "source": source, "target": target, "data": handles, **texts}


def export(
    nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]], name: str = "Small"
) -> dict[str, Any]:
    """A whole export."""
    return {"name": name, "description": "", "data": {"nodes": list(nodes), "edges": list(edges), "viewport": {}}}


def chat(model: Any = "", **model_fields: Any) -> dict[str, Any]:
    """Question and prompt to a model, and its answer."""
    prompt = component(
        "Prompt-b",
        "Style",
        [output("prompt", "build_prompt")],
        template=field("Answer {tone}, in {words} words.", type="prompt"),
        tone=field("shortly"),
        words=field(""),
    )
    prompt["data"]["node"]["custom_fields"] = {"template": ["tone", "words"]}
    nodes = [
        component("ChatInput-a", "Chat Input", [output("message", "message_response")], input_value=field("Hello")),
        component("TextInput-e", "Words", [output("text", "text_response")], input_value=field("ten")),
        prompt,
        component(
            "LanguageModelComponent-c",
            "Language Model",
            [output("text_output", "text_response"), output("model_output", "build_model", "LanguageModel")],
            model=field(model, type="model"),
            api_key=field("", password=True),
            temperature=field(0.5, type="slider"),
            input_value=field(),
            system_message=field(),
            **model_fields,
        ),
        component("ChatOutput-d", "Chat Output", [output("message", "message_response")], input_value=field()),
    ]
    edges = [
        edge("ChatInput-a", "message", "LanguageModelComponent-c", "input_value"),
        edge("TextInput-e", "text", "Prompt-b", "words"),
        edge("Prompt-b", "prompt", "LanguageModelComponent-c", "system_message"),
        edge("LanguageModelComponent-c", "text_output", "ChatOutput-d", "input_value"),
    ]
    return export(nodes, edges, "Short answers")
