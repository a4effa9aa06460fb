"""What a LangFlow component is, in words and colours: its type of node, icon, subtitle and what a person set in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lfwidget.model.graph import NodeType, Port
from lfwidget.model.redact import is_secret_name
from lfwidget.model.values import clean_text, to_json
from lfwidget.runners.langflow.drawing.handles import type_color
from lfwidget.runners.langflow.drawing.icons import icon
from lfwidget.runners.langflow.export import Component

__all__ = ["color_of", "icon_of", "kind_of", "params_of", "subtitle_of"]

_TYPES: dict[str, NodeType] = {
    "Prompt": "prompt",
    "Prompt Template": "prompt",
    "parser": "parser",
    "ParserComponent": "parser",
    "ParseData": "parser",
    "TypeConverterComponent": "parser",
    "StructuredOutput": "model",
    "ConditionalRouter": "branch",
    "SmartRouter": "branch",
    "LoopComponent": "each",
}
_FLAGS = ("beta", "legacy", "frozen")
_NO_PARAMS = ("code", "SecretStr", "SecretStrInput")
_LONGEST_NAME = 60


def kind_of(component: Component) -> NodeType:
    """The type of node that fits best."""
    if component.is_group:
        return "graph"
    if component.type in _TYPES:
        return _TYPES[component.type]
    if _is_model(component):
        return "model"
    if component.is_tool:
        return "tool"
    if {"search_query", "ingest_data"} <= component.template.keys() or "Retriever" in component.type:
        return "retriever"
    return "node"


def _is_model(component: Component) -> bool:
    """Whether a model speaks in it: it is one, is an agent, or has one to choose."""
    types = {str(each) for output in component.outputs for each in _list(output.get("types"))}
    chooses = any(field.get("type") == "model" for _, field in component.fields)
    return "LanguageModel" in types or component.type.endswith("Agent") or (chooses and "Message" in types)


def color_of(component: Component, outputs: Sequence[Port]) -> str:
    """#rrggbb: that of what comes out of it first."""
    return (
        outputs[0].get("color", type_color(()))
        if outputs
        else type_color(_list(component.definition.get("base_classes")))
    )


def icon_of(component: Component) -> str:
    """The path of its icon, or a letter."""
    name = component.definition.get("icon")
    return icon(name if isinstance(name, str) else "", component.title)


def subtitle_of(component: Component) -> str:
    """Which model it uses, and whether LangFlow calls it beta, legacy or frozen."""
    model = _model_name(component)
    words = [model] if model else []
    words += [flag for flag in _FLAGS if component.definition.get(flag) is True]
    return " · ".join(words)


def _model_name(component: Component) -> str:
    for name in ("model", "agent_llm", "model_name"):
        field = component.template.get(name, {})
        value = _chosen(field.get("value"))
        if isinstance(value, str) and value and (name != "model" or field.get("type") in ("model", "str")):
            return clean_text(value[:_LONGEST_NAME])
    return ""


def params_of(component: Component, connected: Collection[str]) -> dict[str, Any]:
    """What a person set in it, by the name of the field; no secrets, no code, nothing that an edge brings."""
    return {
        clean_text(name): to_json(_chosen(field["value"], field.get("type")))
        for name, field in component.fields
        if name not in connected and _is_param(name, field)
    }


def _is_param(name: str, field: Mapping[str, Any]) -> bool:
    if field.get("show") is False or field.get("advanced") or field.get("password") or field.get("load_from_db"):
        return False
    if (
        name == "code"
        or name.startswith("_")
        or field.get("type") in _NO_PARAMS
        or field.get("_input_type") == "SecretStrInput"
    ):
        return False
    return not is_secret_name(name) and field.get("value") not in (None, "", [], {}, "__UNDEFINED__")


def _chosen(value: Any, kind: Any = "model") -> Any:
    """A model and tools by their names: LangFlow keeps them as lists of descriptions."""
    if kind == "tools" and isinstance(value, list):
        return [each.get("name", each) if isinstance(each, Mapping) else each for each in value]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        name = value[0].get("name")
        if isinstance(name, str) and "provider" in value[0]:
            return name
    return value


def _list(value: Any) -> list[Any]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
