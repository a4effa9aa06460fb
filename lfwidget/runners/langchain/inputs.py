"""What a Runnable wants to be given, read from its schema, and how typed text becomes that."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable
from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from lfwidget.errors import InputError
from lfwidget.runners.base import Field, Form

__all__ = ["InputShape"]

_CONTROLS: dict[str, Literal["text", "number", "integer", "boolean", "json"]] = {
    "string": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
}
_WANTED = {"number": "a number", "integer": "a whole number", "boolean": "true or false"}


@dataclass(frozen=True)
class InputShape:
    """How a flow takes its input.

    Args:
        kind: `text` as it is (a model, a plain function), `messages` a state with a list of messages, `variables` named
            values (a prompt, a state).
        fields: the named values, where there are any.
        messages: names among the fields that hold messages.
    """

    kind: Literal["text", "messages", "variables"]
    fields: tuple[Field, ...] = ()
    messages: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, runnable: Runnable[Any, Any]) -> InputShape:
        """Read the schema of a runnable. One that has none takes text as it is."""
        schema = _schema(runnable)
        properties = schema.get("properties")
        if schema.get("type") != "object" or not isinstance(properties, Mapping) or not properties:
            return cls("text")
        definitions = schema.get("$defs", {})
        if _is_whole(properties):
            return cls("text")
        if len(properties) > 1:  # what a passthrough beside a prompt adds: the input as a whole
            properties = {name: about for name, about in properties.items() if name != "root"}
        messages = frozenset(name for name, about in properties.items() if _holds_messages(about, definitions))
        if "messages" in messages:
            return cls("messages", messages=messages)
        required = set(schema.get("required", ()))
        fields = tuple(_field(name, about, definitions, name in required) for name, about in properties.items())
        return cls("variables", fields=fields, messages=messages)

    @property
    def form(self) -> Form:
        """One box for one text; a form for several values, or for one that is no text."""
        if self.kind != "variables" or self._only_text() is not None:
            return {"kind": "text", "fields": [], "examples": []}
        return {"kind": "fields", "fields": list(self.fields), "examples": []}

    def to_input(self, typed: Any) -> Any:
        """Text becomes a user message, the only variable, or stays text; a dict is checked for what is missing."""
        if self.kind == "messages":
            return {"messages": [HumanMessage(typed)]} if isinstance(typed, str) else typed
        if self.kind == "text":
            return typed
        if isinstance(typed, str):
            return self._from_text(typed)
        if typed is None:
            # What a graph goes on from its checkpoint with; it requires nothing.
            self._refuse_missing({})
        return self._from_values(typed) if isinstance(typed, Mapping) else typed

    def _only_text(self) -> str | None:
        """The one field that typed text can be meant for: the only required text, or the only text at all."""
        texts = [item for item in self.fields if item["type"] == "text"]
        wanted = [item for item in texts if item.get("required")] or texts
        others = [item for item in self.fields if item.get("required") and item not in wanted]
        return wanted[0]["name"] if len(wanted) == 1 and not others else None

    def _from_text(self, text: str) -> dict[str, Any]:
        name = self._only_text()
        if name is None:
            names = [item["name"] for item in self.fields]
            raise InputError(
                f"this flow takes {_and(names)}, so one text is not enough: "
                f"pass a dict, flow.run({{{', '.join(f'{n!r}: ...' for n in names)}}}), or give `input=` to lf.Flow",
                names,
            )
        return {name: [HumanMessage(text)] if name in self.messages else text}

    def _refuse_missing(self, values: Mapping[str, Any]) -> None:
        missing = [item["name"] for item in self.fields if item.get("required") and item["name"] not in values]
        if missing:
            raise InputError(f"the input lacks {_and(missing)}", missing)

    def _from_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        self._refuse_missing(values)
        for item in self.fields:
            _check_type(item, values.get(item["name"]))
        out = dict(values)
        for name in self.messages & out.keys():
            if isinstance(out[name], str):
                out[name] = [HumanMessage(out[name])] if out[name] else []
        return out


def _check_type(item: Field, value: Any) -> None:
    """Refuse a text or a list where a number or yes/no is wanted; a text may be anything that prints."""
    if item["type"] in _WANTED and isinstance(value, (str, list, dict)):
        wanted = _WANTED[item["type"]]
        raise InputError(f"`{item['name']}` is to be {wanted}, not {value!r:.60}", [item["name"]])


def _schema(runnable: Runnable[Any, Any]) -> Mapping[str, Any]:
    """The JSON Schema of the input; {} where a runnable cannot tell."""
    state = _state(runnable)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's remarks on the field names of somebody's state
        try:
            return runnable.get_input_jsonschema() if state is None else _state_schema(state)
        except Exception:  # noqa: BLE001 - schemas of unusual types raise many things, and text is a good guess
            return {}


def _is_whole(properties: Mapping[str, Any]) -> bool:
    """Whether this is LangChain's name for the input as a whole, in a parallel of functions that do not say their type.

    A prompt's own variable of that name has a type.
    """
    return set(properties) == {"root"} and set(properties["root"]) <= {"title"}


def _state(runnable: Any) -> type | None:
    """The TypedDict that a LangGraph graph starts from, if the flow starts with one."""
    while not hasattr(runnable, "builder"):
        inner = getattr(runnable, "bound", None) or getattr(runnable, "first", None)
        if inner is None:
            return None
        runnable = inner
    state = getattr(runnable.builder, "input_schema", None)
    return state if is_typeddict(state) else None


def _state_schema(state: type) -> dict[str, Any]:
    """The schema of a TypedDict as LangGraph takes it: none of the keys is required, whatever the class says.

    It is made key by key, since pydantic refuses a whole `typing.TypedDict` on Python 3.11.
    """
    properties, definitions = {}, {}
    for name, hint in get_type_hints(state).items():
        about = _hint_schema(hint)
        definitions.update(about.pop("$defs", {}))
        properties[name] = about
    return {"type": "object", "properties": properties, "$defs": definitions}


def _hint_schema(hint: Any) -> dict[str, Any]:
    try:
        return TypeAdapter(hint).json_schema()
    except Exception:  # noqa: BLE001 - one key of a type that has no schema leaves the others readable
        return {"type": "object"}


def _holds_messages(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Whether a property is a list of LangChain messages, by the names of what its items may be."""
    if about.get("type") != "array":
        return False
    named = json.dumps(about.get("items", {}))
    kinds = ("HumanMessage", "BaseMessage")  # all that there are, or only their base, as a history has it
    return any(kind in named and any(kind in name for name in definitions) for kind in kinds)


def _field(name: str, about: Mapping[str, Any], definitions: Mapping[str, Any], required: bool) -> Field:  # noqa: FBT001
    kind, choices = _control(about, definitions)
    if _holds_messages(about, definitions):
        kind = "text"
    out: Field = {"name": name, "title": name.replace("_", " "), "type": kind, "required": required}
    if choices:
        out["choices"] = choices
    if about.get("default") is not None:
        out["default"] = about["default"]
    if about.get("description"):
        out["description"] = str(about["description"])
    return out


def _control(
    about: Mapping[str, Any], definitions: Mapping[str, Any]
) -> tuple[Literal["text", "number", "integer", "boolean", "json", "choice"], list[Any]]:
    if "$ref" in about:
        return _control(definitions.get(str(about["$ref"]).rsplit("/", 1)[-1], {}), definitions)
    if isinstance(about.get("enum"), list):
        return "choice", list(about["enum"])
    options = [option for option in about.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        return _control(options[0], definitions)
    if {"type": "string"} in options and "BaseMessage" in json.dumps(options):
        return "text", []  # what a history takes: it makes a user message of it
    if "type" not in about and not options:
        return "text", []  # a prompt's variable without a type is text
    return _CONTROLS.get(str(about.get("type")), "json"), []


def _and(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
