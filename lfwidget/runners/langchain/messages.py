"""Values of LangChain as JSON that a person can read: messages, prompts, documents, results of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue

from lfwidget.model.values import to_json

__all__ = ["content_parts", "readable", "tool_call", "usage_of"]

_USAGE = ("input_tokens", "output_tokens", "total_tokens")
_DEEPEST = 6


def readable(value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one line per kind of value
    """A JSON value: messages as {type, content, tool_calls, name}, prompts as their messages, documents as text and
    metadata, everything else as `to_json` has it.
    """
    if isinstance(value, BaseMessage):
        return _message(value)
    if isinstance(value, PromptValue):
        return [_message(message) for message in value.to_messages()]
    if isinstance(value, Document):
        return {"type": "document", "content": value.page_content, "metadata": to_json(value.metadata)}
    if depth >= _DEEPEST:
        return to_json(value)
    if type(value).__name__ in ("Command", "Send") and type(value).__module__.startswith("langgraph."):
        return _graph_step(value, depth)
    if isinstance(value, Mapping):
        return {str(key): readable(item, depth + 1) for key, item in list(value.items())[:1_000]}
    if isinstance(value, (list, tuple)):
        return [readable(item, depth + 1) for item in value[:1_000]]
    return to_json(value)


def _graph_step(value: Any, depth: int) -> Any:
    """What a LangGraph node tells the graph to do: only what was said, not the empty fields around it."""
    parts = {key: getattr(value, key, None) for key in ("update", "goto", "resume", "node", "arg")}
    said = {key: readable(part, depth + 1) for key, part in parts.items() if part}
    return said["update"] if set(said) == {"update"} else said


def _message(message: BaseMessage) -> dict[str, Any]:
    text, reasoning = content_parts(message)
    out: dict[str, Any] = {"type": message.type, "content": to_json(text)}
    if reasoning:
        out["reasoning"] = to_json(reasoning)
    calls = getattr(message, "tool_calls", None)
    if calls:
        out["tool_calls"] = [{"name": call["name"], "args": to_json(call["args"])} for call in calls]
    if message.name:
        out["name"] = message.name
    return out


def content_parts(message: BaseMessage) -> tuple[str, str]:
    """The text and the reasoning of a message, whatever form its provider gives them."""
    content = message.content
    reasoning = message.additional_kwargs.get("reasoning_content") or ""
    if isinstance(content, str):
        return content, str(reasoning)
    text, thought = [], [str(reasoning)]
    for block in content:
        if isinstance(block, str):
            text.append(block)
        elif block.get("type") in ("text", "output_text"):
            text.append(str(block.get("text", "")))
        elif block.get("type") in ("reasoning", "thinking"):
            thought.append(_reasoning(block))
    return "".join(text), "".join(thought)


def _reasoning(block: Mapping[str, Any]) -> str:
    """OpenAI's summaries, Anthropic's thinking, LangChain's own reasoning block."""
    summary = block.get("summary")
    if isinstance(summary, list):
        return "".join(str(part.get("text", "")) for part in summary if isinstance(part, Mapping))
    return str(block.get("reasoning") or block.get("thinking") or block.get("text") or "")


def usage_of(message: Any) -> dict[str, int] | None:
    """Tokens from a message's `usage_metadata`."""
    usage = getattr(message, "usage_metadata", None)
    if not usage:
        return None
    return {key: int(usage[key]) for key in _USAGE if usage.get(key) is not None} or None


def tool_call(index: int, call: Mapping[str, Any]) -> dict[str, Any]:
    """A whole tool call of a message, as an event has it."""
    out: dict[str, Any] = {"index": index, "args": json.dumps(readable(call["args"]), ensure_ascii=False)}
    return out | {key: call[key] for key in ("id", "name") if call.get(key)}
