"""Fields of an export: those that a run changes (`tweaks=`), and those that hold secrets."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any

from lfwidget.errors import InputError, UnknownNameError
from lfwidget.model.redact import secrets_in
from lfwidget.runners.langflow.export import Component, Export, as_mapping

__all__ = ["check_tweaks", "files_named", "secrets_of", "tweaked"]

Tweaks = Mapping[str, Mapping[str, Any]]

_RUN_AS_CODE = frozenset(
    {
        "allow_dangerous_code",
        "code",
        "filter_instruction",
        "function_code",
        "global_imports",
        "python_code",
        "tool_code",
    }
)
"""Fields that are run, or say what may be: LangFlow refuses tweaks of them too (`CODE_EXECUTION_FIELD_NAMES` of
`lfx.utils.flow_validation`)."""


def check_tweaks(export: Export, tweaks: Tweaks) -> None:
    """Refuse tweaks of what is not there, or is code.

    Args:
        export: of the flow.
        tweaks: values by field, by node id.

    Raises:
        UnknownNameError: there is no such node, or it has no such field; the nearest is named.
        InputError: the field holds code.
    """
    for node, fields in tweaks.items():
        component = export.components.get(node)
        if component is None:
            raise UnknownNameError("node", node, list(export.components))
        for name in fields:
            if name not in component.template:
                raise UnknownNameError(f"field of {component.title!r}", name, _known(component))
            if name in _RUN_AS_CODE or component.template[name].get("type") == "code":
                raise InputError(f"the field {name!r} of {component.title!r} is run as code: a tweak cannot change it")


def tweaked(flow: Mapping[str, Any], tweaks: Tweaks) -> dict[str, Any]:
    """A copy of a flow for one run, with its fields changed.

    Args:
        flow: the JSON of an export.
        tweaks: checked by `check_tweaks`. A dict for a field that takes no dict changes its keys, as in LangFlow:
            {"api_key": {"value": "MY_VARIABLE", "load_from_db": True}}.
    """
    made = copy.deepcopy(dict(flow))
    for node in _nodes(made["data"], ()):
        for name, value in tweaks.get(str(node["id"]), {}).items():
            for template in (node["template"], *node["around"]):
                for field in _fields(template, str(node["id"]), name, own=template is node["template"]):
                    _set(field, value)
    return made


def files_named(export: Export, tweaks: Tweaks) -> set[str]:
    """The nodes in which a tweak names a file."""
    return {
        node
        for node, fields in tweaks.items()
        for name in fields
        if export.components[node].template[name].get("type") == "file"
    }


def secrets_of(export: Export) -> set[str]:
    """What must not appear in a run: the text of password fields, the variables that fields name, and whatever stands
    under a secret name.
    """
    found = set()
    for component in export.components.values():
        for name, field in component.template.items():
            value = field.get("value")
            if field.get("load_from_db"):
                found.add(os.environ.get(value, "") if isinstance(value, str) else "")
            elif field.get("password") and isinstance(value, str):
                found.add(value)
            else:
                found.update(secrets_in(value, name))
    return found - {""}


def _known(component: Component) -> list[str]:
    return [name for name, field in component.fields if name not in _RUN_AS_CODE and field.get("type") != "code"]


def _nodes(data: Any, around: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    """Every node with its template and those of the groups it lies in, whose fields lfx puts over its own."""
    for node in as_mapping(data).get("nodes") or ():
        inner = as_mapping(as_mapping(as_mapping(node).get("data")).get("node"))
        template = inner.get("template")
        if isinstance(template, dict):
            node_id = as_mapping(node).get("id") or as_mapping(as_mapping(node).get("data")).get("id")
            yield {"id": node_id, "template": template, "around": around}
        yield from _nodes(as_mapping(inner.get("flow")).get("data"), (*around, template or {}))


def _fields(template: Mapping[str, Any], node: str, name: str, *, own: bool) -> Iterator[dict[str, Any]]:
    for key, field in template.items():
        proxy = as_mapping(as_mapping(field).get("proxy"))
        if (own and key == name) or (not own and proxy.get("id") == node and proxy.get("field") == name):
            yield field


def _set(field: dict[str, Any], value: Any) -> None:
    """As `lfx.processing.process.apply_tweaks` does it."""
    kind = field.get("type")
    if isinstance(value, Mapping) and kind not in ("dict", "NestedDict", "mcp"):
        field.update({"file_path" if kind == "file" and key == "value" else key: each for key, each in value.items()})
        field["load_from_db"] = bool(value.get("load_from_db"))
        return
    field["file_path" if kind == "file" else "value"] = value
    if "load_from_db" in field:
        field["load_from_db"] = False
