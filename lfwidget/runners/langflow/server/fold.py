"""LangFlow's events of one run, folded into ours. No socket lives here: feed it, and read the log.

What the events say and what they leave out was seen on a LangFlow 1.13 (`tests/runners/langflow/captures/`):

- No event says that a node begins. It does when the run is sorted (`ids`), and when a node before it ends
  (`next_vertices_ids`).
- A token names its message, and the message its node; that of an agent names none until the agent is done. The agent's
  `log` events name the node, and come before its first token.
- The text of a message is whole when its state is "complete". A "partial" one may hold tokens that are yet to come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lfwidget.errors import ComponentError
from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.export import Export, as_mapping
from lfwidget.runners.langflow.groups import Groups
from lfwidget.runners.langflow.server.spans import Span, Spans
from lfwidget.runners.langflow.server.tools import Tools
from lfwidget.runners.langflow.server.vocabulary import (
    build_error,
    error_of,
    is_whole,
    names,
    result_entries,
    said,
    seconds,
    source_of,
    text_of,
    tool_steps,
    usage_of,
    value_of,
)

__all__ = ["CANCELLED", "Fold"]

CANCELLED = "the run was cancelled"
_FAILED = "an earlier node failed"
_BRANCH = "another branch was taken"
_UNCALLED = "no agent called it"
_FROZEN = "frozen: it did not run, and gave what it gave in an earlier run"
_LOUD = ("ChatOutput", "ChatInput")
"""Types whose text is that of others: what they say was said, and billed, before."""


class Fold:
    """Follows one run.

    Args:
        export: the flow.
        log: where our events go.
        keep: remembers what a span gave out.
        stream_nodes: the nodes whose tokens are logged as they come; None for all.
        hidden: ids of nodes that were added for watching; they are not shown.
        exact: whether each start is told (`build_start` with an id), and each event says from which `node` it came, as
            our plugin for LangFlow can. Else starts are inferred.
        clock: seconds.
    """

    def __init__(  # noqa: PLR0913 - the clock is for tests
        self,
        export: Export,
        log: RunLog,
        keep: Callable[[str, Any], None],
        stream_nodes: frozenset[str] | None = None,
        *,
        hidden: frozenset[str] = frozenset(),
        exact: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.ended = False
        self.cancelled = False
        self.asks = False
        self.planned: list[str] | None = None
        self.unknown: set[str] = set()
        self.outputs: dict[str, Any] = {}
        self.failure: ComponentError | None = None
        self._export = export
        self._known = set(export.components)
        self._log = log
        self._stream_nodes = stream_nodes
        self._hidden = hidden
        self._exact = exact
        self._by = ""
        self._groups = Groups(export, log)
        self._spans = Spans(log, keep, self._groups, clock)
        self._tools = Tools(export, log, self._spans)
        self._messages: dict[str, str] = {}
        self._unclaimed: list[str] = []
        self._usage: dict[str, dict[str, int]] = {}
        self._removed: set[str] = set()
        self._skipped: set[str] = set()

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one event; what is not known is passed over."""
        kind = said(event.get("event")) or said(event.get("type"))
        handler = self._HANDLERS.get(kind)
        self._by = said(event.get("node"))
        if handler is not None:
            handler(self, as_mapping(event.get("data")))
        elif kind != "build_end":
            self.unknown.add(kind or "(none)")

    @property
    def output(self) -> Any:
        """What the flow gave out, as for a flow that runs here: the last Chat Output's, or all outputs by node."""
        found = {node: value for node, value in self.outputs.items() if node not in self._hidden}
        spoken = [node for node in found if self._type(node) == "ChatOutput"]
        return found[spoken[-1]] if spoken else found or None

    def running(self, node: str) -> str:
        """The span of a node that goes on; "" if none does."""
        span = self._spans.running(node)
        return "" if span is None else span.id

    def close(self, reason: str = "", *, untold: bool = False) -> None:
        """The run is over: no span stays open, and of each node that never began it is told why.

        Args:
            reason: why it ended before its end; "" for a run that came to it.
            untold: whether the server does not tell which nodes ran: then silence about one means nothing.
        """
        self._tools.close(reason or _FAILED)
        for span in self._spans.all_running():
            if reason or self.failure:
                self._spans.cancel(span, reason or _FAILED)
            else:
                self._spans.finish(span, span.text or None)
        self._skip_the_rest(reason, untold=untold)
        self._groups.close(reason or (_FAILED if self.failure else ""), untold=untold)

    def _skip_the_rest(self, reason: str, *, untold: bool) -> None:
        if untold:
            return
        why = reason or (_FAILED if self.failure else "not taken")
        for component in self._export.components.values():
            if component.id in self._spans or component.is_group:
                continue
            self._skip(component.id, _UNCALLED if component.is_tool and not reason else why)

    # Nodes

    def _sorted(self, data: Mapping[str, Any]) -> None:
        self.planned = names(data.get("to_run"))
        for node in () if self._exact else names(data.get("ids")):
            self._begin(node)

    def _started(self, data: Mapping[str, Any]) -> None:
        if node := said(data.get("id")):
            self._begin(node)

    def _begin(self, node: str) -> None:
        if self._is_shown(node) and not self._is_tool(node) and self._spans.running(node) is None:
            self._introduce(node)
            self._spans.begin(node)

    def _ended(self, data: Mapping[str, Any]) -> None:
        build = as_mapping(data.get("build_data"))
        node, result = said(build.get("id")), as_mapping(build.get("data"))
        if node and self._is_shown(node) and not (self._is_tool(node) and build.get("valid") is not False):
            self._introduce(node, said(as_mapping(data.get("output_meta")).get("display_name")))
            if build.get("valid") is False:
                self._fail(node, build_error(result), seconds(result.get("timedelta")))
            else:
                self._finish(node, result)
                self._remember_output(node, data, result)
        for other in names(build.get("inactivated_vertices")):
            self._skip(other, _BRANCH)
        for other in () if self._exact else names(build.get("next_vertices_ids")):
            self._begin(other)

    def _finish(self, node: str, result: Mapping[str, Any]) -> None:
        span, value = self._spans.ensure(node), value_of(result.get("outputs"))
        loud = self._type(node) in _LOUD
        self._tools.settle(node)
        if result.get("used_frozen_result") is True:
            self._log.append("log", level="info", message=_FROZEN, node=node, source="server")
        if not loud:
            self._settle(span, text_of(result))
        usage = None if loud else usage_of(result.get("token_usage"))
        self._spans.finish(span, value, duration=seconds(result.get("timedelta")), usage=usage)

    def _settle(self, span: Span, text: str) -> None:
        """The text that a node gave out is what it said, for a node that speaks at all."""
        if text and (span.said or span.node in self._messages.values() or self._speaks(span.node)):
            self._spans.settle(span, text)
        elif span.said and self._removed.intersection(self._messages_of(span.node)):
            self._spans.settle(span, "")

    def _remember_output(self, node: str, data: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        meta = as_mapping(data.get("output_meta"))
        if meta.get("is_output") or self._type(node) == "ChatOutput":
            self.outputs.pop(node, None)  # the last that ran is last
            self.outputs[node] = self._spans.whole(value_of(result.get("outputs")))

    def _output(self, data: Mapping[str, Any]) -> None:
        if node := said(data.get("component_id")):
            self.outputs[node] = self._spans.whole(data.get("content"))

    def _skip(self, node: str, reason: str) -> None:
        if self._is_shown(node) and node not in self._spans and node not in self._skipped:
            self._skipped.add(node)
            self._log.append("node.skipped", node=node, reason=reason)
            self._groups.skip(node, reason)

    # What is said

    def _message(self, data: Mapping[str, Any]) -> None:
        if data.get("category") == "error":
            self._error(data)
            return
        message, node = said(data.get("id")), source_of(data)
        if data.get("sender") == "User":
            self._asked_by_user(data)
        if data.get("sender") == "User" or not message:
            return
        if node in self._known or (node := self._speaker()):
            self._claim(message, node)
        elif message not in self._messages and message not in self._unclaimed:
            self._unclaimed.append(message)
        span = self._spans.running(self._messages.get(message, ""))
        # A Chat Output sends it once more when the node is done; its `end_vertex` has said all by then.
        if span is not None and is_whole(data):
            self._settle(span, said(data.get("text")))
            if usage := usage_of(as_mapping(data.get("properties")).get("usage")):
                self._usage.setdefault(span.node, usage)
        if self._messages.get(message):
            self._tools.look(self._messages[message], tool_steps(data), whole=is_whole(data))

    def _asked_by_user(self, data: Mapping[str, Any]) -> None:
        """Where no event tells of nodes, the user's message tells of the Chat Input."""
        if self.planned is None:
            for component in self._export.of_type("ChatInput"):
                if component.id not in self._spans:
                    self._spans.finish(self._spans.begin(component.id), said(data.get("text")))

    def _claim(self, message: str, node: str) -> None:
        """From now on the message is known to be by this node."""
        self._messages[message] = node
        if message in self._unclaimed:
            self._unclaimed.remove(message)
        if self._spans.last(node) is None:
            self._begin(node)

    def _token(self, data: Mapping[str, Any]) -> None:
        token, message = said(data.get("chunk")), said(data.get("id"))
        node = self._messages.get(message) or (self._guess(message) if token else "")
        span = self._spans.running(node) if node else None
        if span is None or not token:
            return
        if message not in self._removed and self._removed.intersection(self._messages_of(node)):
            self._forget(span)
        if self._stream_nodes is None or node in self._stream_nodes:
            self._spans.say(span, token)

    def _guess(self, message: str) -> str:
        """Whose message it is, where nothing has said so: that of the only model that runs."""
        if node := self._speaker():
            self._claim(message, node)
            return node
        running = [span.node for span in self._spans.all_running() if self._speaks(span.node)]
        free = [node for node in running if node not in self._messages.values()]
        for found in (free, running):
            if len(found) == 1:
                self._claim(message, found[0])
                return found[0]
        return ""

    def _speaker(self) -> str:
        """The node that the event is from, if it speaks for itself: a Chat Output gives out what others say."""
        return self._by if self._by in self._known and self._is_shown(self._by) and self._speaks(self._by) else ""

    def _retract(self, data: Mapping[str, Any]) -> None:
        """The server takes a message back; what it said stays until the node says something else, or fails."""
        self._removed.add(said(data.get("id")))

    def _forget(self, span: Span) -> None:
        """What was taken back gives way to what the node says instead."""
        for message in self._messages_of(span.node) & self._removed:
            del self._messages[message]
        if span.said:
            self._spans.settle(span, "")
            span.said = []

    def _messages_of(self, node: str) -> set[str]:
        return {message for message, by in self._messages.items() if by == node}

    def _agent_log(self, data: Mapping[str, Any]) -> None:
        node, about = said(data.get("component_id")), data.get("message")
        if not self._is_shown(node) or node not in self._known:
            return
        if self._spans.last(node) is None:
            self._begin(node)
        if isinstance(about, str) and about:
            self._log.append("log", level="info", message=about, node=node, source=said(data.get("name")))
            return
        # The message that was opened just before is this agent's, if it has none yet.
        if self._unclaimed and node not in self._messages.values():
            self._claim(self._unclaimed[0], node)
        self._tools.take(as_mapping(about), node)

    def _warned(self, data: Mapping[str, Any]) -> None:
        if words := said(data.get("message")):
            self._log.append("log", level="warning", message=words, source="server")

    # How it ends

    def _error(self, data: Mapping[str, Any]) -> None:
        info, node = error_of(data), source_of(data)
        if node in self._known:
            self._fail(node, info)
        elif self.failure is None:
            self._fail_run(info)

    def _fail(self, node: str, info: dict[str, str], duration: float | None = None) -> None:
        span = self._spans.running(node)
        if span is None and self._spans.last(node) is not None and self.failure is not None:
            return  # the `end_vertex` after its error
        self._tools.settle(node, info)
        self._spans.fail(span or self._spans.begin(node), info, duration)
        if self.failure is None or not self.failure.node:
            self._fail_run(info, node)

    def _fail_run(self, info: Mapping[str, str], node: str = "") -> None:
        self.failure = ComponentError(info["message"], node, info["type"])

    def _end(self, data: Mapping[str, Any]) -> None:
        self.ended = True
        if "result" in data:
            self.take_result(data["result"])

    def take_result(self, result: Any) -> None:
        """The result of /api/v1/run, which is all that some ways tell."""
        for node, entry in result_entries(result):
            if not self._is_shown(node):
                continue
            message = as_mapping(as_mapping(entry.get("results")).get("message"))
            if (author := source_of(message)) in self._known:
                self._finish_author(author, message)
            value = self._spans.whole(value_of(entry.get("outputs")))
            self._spans.finish(self._spans.ensure(node), value)
            self.outputs[node] = value

    def _finish_author(self, node: str, message: Mapping[str, Any]) -> None:
        """The node whose words a Chat Output gives out. The usage told there is that of all models so far."""
        span = self._spans.last(node) or self._spans.begin(node)
        self._spans.settle(span, said(message.get("text")))
        usage = self._usage.get(node)
        if usage is None and sum(self._speaks(each) for each in self._export.components) == 1:
            usage = usage_of(as_mapping(message.get("properties")).get("usage"))
        self._spans.finish(span, span.text, usage=usage)

    def _stopped(self, _: Mapping[str, Any]) -> None:
        self.cancelled = True

    def _asked(self, _: Mapping[str, Any]) -> None:
        self.asks = True

    # The flow

    def _is_shown(self, node: str) -> bool:
        return bool(node) and node not in self._hidden

    def _is_tool(self, node: str) -> bool:
        """A tool is made ready like any node; it runs when an agent calls it."""
        return node in self._export.components and self._export.components[node].is_tool

    def _type(self, node: str) -> str:
        return self._export.components[node].type if node in self._export.components else ""

    def _speaks(self, node: str) -> bool:
        component = self._export.components.get(node)
        return component is not None and bool({"model", "stream", "agent_llm"} & set(component.template))

    def _introduce(self, node: str, title: str = "") -> None:
        """A node that the flow did not have when it was drawn."""
        if node not in self._known:
            self._known.add(node)
            new = {"id": node, "title": title or node.partition("-")[0], "type": "node"}
            self._log.append("graph.changed", nodes=[new], edges=[])

    _HANDLERS: ClassVar[dict[str, Callable[[Fold, Mapping[str, Any]], None]]] = {
        "vertices_sorted": _sorted,
        "build_start": _started,
        "end_vertex": _ended,
        "add_message": _message,
        "token": _token,
        "remove_message": _retract,
        "log": _agent_log,
        "output": _output,
        "error": _error,
        "warning": _warned,
        "end": _end,
        "cancelled": _stopped,
        "human_input_required": _asked,
    }
