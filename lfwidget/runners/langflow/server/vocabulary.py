"""What stands in LangFlow's events, as far as we read it. Whatever is missing or odd there reads as nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lfwidget.runners.langflow.export import as_mapping

__all__ = [
    "KEPT",
    "arguments",
    "build_error",
    "error_of",
    "is_cut",
    "is_whole",
    "names",
    "result_entries",
    "said",
    "seconds",
    "source_of",
    "text_of",
    "tool_steps",
    "usage_of",
    "value_of",
]

KEPT = {
    *("build_start", "build_end", "vertices_sorted", "end_vertex", "output", "add_message", "remove_message"),
    *("error", "warning", "end", "human_input_required"),
}
"""Events that the server keeps, with a number of their own (`_LANGFLOW_DURABLE_EVENTS` of lfx 1.13); tokens and the
logs of agents are for those who listen."""
_TYPE = re.compile(r"\*\*([A-Za-z_][\w.]*)\*\*")
_CUT_AT = 6_000
"""Characters of a text in the outputs of a node (`MAX_TEXT_LENGTH` in `lfx.serialization.constants`); dots follow."""
_USAGE = ("input_tokens", "output_tokens", "total_tokens")


def said(value: Any) -> str:
    """The text, or "" where it is none."""
    return value if isinstance(value, str) else ""


def is_cut(value: Any) -> bool:
    """Whether LangFlow passed on only the beginning of a text."""
    return isinstance(value, str) and len(value) == _CUT_AT + 3 and value.endswith("...")


def names(value: Any) -> list[str]:
    """The texts in a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def seconds(value: Any) -> float | None:
    """A duration."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def source_of(message: Mapping[str, Any]) -> str:
    """Id of the node that a message is by; "" where it does not say, as those of a running agent do not."""
    return said(as_mapping(as_mapping(message.get("properties")).get("source")).get("id"))


def usage_of(value: Any) -> dict[str, int] | None:
    """Tokens that were billed."""
    found = {key: count for key in _USAGE if isinstance(count := as_mapping(value).get(key), int)}
    return found or None


def value_of(outputs: Any) -> Any:
    """What a node gave out: by output where it has several that hold anything, else just that one."""
    found = {
        str(name): as_mapping(each).get("message")
        for name, each in as_mapping(outputs).items()
        if as_mapping(each).get("message") not in (None, "") and as_mapping(each).get("type") != "error"
    }
    return next(iter(found.values())) if len(found) == 1 else found or None


def error_of(message: Mapping[str, Any]) -> dict[str, str]:
    """An `error` event as ErrorInfo: the class is in its reason ("**ValueError**"), where it tells one."""
    if isinstance(message.get("error"), str):
        return {"type": "Exception", "message": message["error"].strip()}
    detail = next((step for step in _contents(message) if step.get("type") == "error"), {})
    kind = _TYPE.search(said(detail.get("reason")))
    info = {"type": kind[1] if kind else "Exception", "message": said(message.get("text")).strip()}
    if said(detail.get("traceback")):
        info["traceback"] = said(detail.get("traceback"))
    return info


def tool_steps(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tool calls in an agent's message: `name`, `tool_input`, and `output` or `error` once they are over."""
    return [step for step in _contents(message) if step.get("type") == "tool_use"]


def _contents(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for block in _list(message.get("content_blocks")):
        yield from map(as_mapping, _list(as_mapping(block).get("contents")))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def result_entries(result: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The outputs in the result of /api/v1/run: id of the component, and its entry."""
    for run in _list(as_mapping(result).get("outputs")):
        for entry in _list(as_mapping(run).get("outputs")):
            if node := said(as_mapping(entry).get("component_id")):
                yield node, as_mapping(entry)


def arguments(value: Any) -> str:
    """What a tool was called with, as JSON text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def is_whole(message: Mapping[str, Any]) -> bool:
    """Whether nothing will be added to the text of a message."""
    return said(as_mapping(message.get("properties")).get("state")) == "complete"


def text_of(result: Mapping[str, Any]) -> str:
    """The text among what a node gave out."""
    for each in as_mapping(result.get("outputs")).values():
        if as_mapping(each).get("type") == "text" and said(as_mapping(each).get("message")):
            return said(as_mapping(each)["message"])
    return ""


def build_error(result: Mapping[str, Any]) -> dict[str, str]:
    """The error in the outputs of a node that failed without an `error` event."""
    for each in as_mapping(result.get("outputs")).values():
        found = as_mapping(as_mapping(each).get("message"))
        if said(found.get("errorMessage")):
            info = {"type": "Exception", "message": said(found["errorMessage"]).strip()}
            trace = said(found.get("stackTrace"))
            return {**info, "traceback": trace} if trace else info
    return {"type": "Exception", "message": "the server did not say why"}
