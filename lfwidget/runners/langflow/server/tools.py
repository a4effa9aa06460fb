"""The tools that agents call on a LangFlow server: each call lights up the node that the tool is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.export import Export, as_mapping
from lfwidget.runners.langflow.server.spans import Span, Spans
from lfwidget.runners.langflow.server.vocabulary import arguments, said

__all__ = ["Tools"]


@dataclass
class _Call:
    agent: str
    name: str
    span: Span | None


class Tools:
    """The calls of one run.

    Args:
        export: the flow, which says what each tool is called.
        log: where our events go.
        spans: of the run.
    """

    def __init__(self, export: Export, log: RunLog, spans: Spans) -> None:
        self._log = log
        self._spans = spans
        self._known = set(export.components)
        self._by_name = _tool_names(export)
        self._calls: dict[str, _Call] = {}

    def take(self, about: Mapping[str, Any], agent: str) -> None:
        """A callback of an agent: `tool_start` and `tool_end` are told, the rest is its inner life."""
        run = said(about.get("run_id"))
        if about.get("type") == "tool_start" and run not in self._calls:
            self._start(run, about, agent)
        elif about.get("type") == "tool_end":
            self._end(run, about.get("output"))

    def look(self, agent: str, steps: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
        """The steps in an agent's message. They alone say that a tool failed, and what was called while nobody heard.

        Args:
            agent: whose message it is.
            steps: its tool calls so far.
            whole: whether the message is complete, so that no callback of it is still on its way.
        """
        caller = self._spans.running(agent)
        if whole and caller is not None:
            for number, step in list(enumerate(steps))[len(caller.calls) :]:
                about = {"name": step.get("name"), "inputs": step.get("tool_input")}
                self._start(f"{caller.id} {number}", about, agent)
        for step in steps:
            run = next((run for run, call in self._calls.items() if call.name == step.get("name")), "")
            if run and step.get("error"):
                self._end(run, {"status": "error", "content": step["error"]})
            elif run and whole and step.get("output") is not None:
                self._end(run, step["output"])

    def settle(self, agent: str, error: dict[str, str] | None = None) -> None:
        """An agent ended: its calls that were never answered end with it."""
        for run, call in list(self._calls.items()):
            if call.agent == agent:
                del self._calls[run]
                if call.span is not None and error is not None:
                    self._spans.fail(call.span, error)
                elif call.span is not None:
                    self._spans.cancel(call.span, "the agent went on without its answer")

    def close(self, reason: str) -> None:
        """The run is over."""
        for call in self._calls.values():
            if call.span is not None:
                self._spans.cancel(call.span, reason)
        self._calls.clear()

    def _start(self, run: str, about: Mapping[str, Any], agent: str) -> None:
        name = said(as_mapping(about.get("serialized")).get("name")) or said(about.get("name"))
        given = about.get("inputs") if about.get("inputs") is not None else about.get("input_str")
        caller = self._spans.running(agent)
        if caller is not None:
            call = {"index": len(caller.calls), "name": name, "args": arguments(given)}
            if said(about.get("tool_call_id")):
                call["id"] = about["tool_call_id"]
            caller.calls.append(call)
        node = said(as_mapping(about.get("metadata")).get("source_id"))
        node = node if node in self._known else self._by_name.get(name, "")
        within = {"parent": caller.id} if caller is not None else {}
        span = self._spans.begin(node, input=given, **within) if node else None
        self._calls[run] = _Call(agent, name, span)

    def _end(self, run: str, output: Any) -> None:
        call = self._calls.pop(run, None)
        if call is None or call.span is None:
            return
        answer = as_mapping(output)
        if answer.get("status") == "error":
            self._spans.fail(call.span, {"type": "ToolError", "message": str(answer.get("content"))})
        else:
            self._spans.finish(call.span, answer.get("content", output))


def _tool_names(export: Export) -> dict[str, str]:
    """Names of tools, and the node that each is. A name that two nodes have tells nothing."""
    found: dict[str, str] = {}
    double: set[str] = set()
    for component in export.components.values():
        for tool in component.value("tools_metadata") or () if component.is_tool else ():
            name = said(as_mapping(tool).get("name"))
            if found.setdefault(name, component.id) != component.id:
                double.add(name)
    return {name: node for name, node in found.items() if name and name not in double}
