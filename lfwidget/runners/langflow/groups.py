"""What is told of the groups of a flow. LangFlow runs only the nodes in them: a group is what these do, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.export import Component, Export, as_mapping

__all__ = ["Groups"]

_DIFFERENT = "none of its nodes ran"
_EMPTY = "nothing is in it"


@dataclass
class _Group:
    """One group.

    Attributes:
        nodes: the ids of those that lie directly in it.
        exits: the output of a node that the group gives, by the id of that node; empty where it does not say.
        span: of the execution that goes on; "" while none does.
        count: how many there were.
        running: how many of its nodes run.
        due: its nodes that have neither run in this execution nor been skipped.
        error: of a node that failed.
        stopped: why the node that ended last was stopped.
        output: what was given last.
    """

    id: str
    nodes: frozenset[str]
    exits: Mapping[str, str]
    span: str = ""
    count: int = 0
    running: int = 0
    due: set[str] = field(default_factory=set)
    error: Mapping[str, Any] | None = None
    stopped: str = ""
    output: Any = None


class Groups:
    """The groups of one run: each starts with the first of its nodes, and ends when all of them have. Who calls this
    holds a lock around it, or lives on one loop.

    Args:
        export: the flow.
        log: where the events go.
    """

    def __init__(self, export: Export, log: RunLog) -> None:
        self._log = log
        self._parents = {component.id: component.parent for component in export.components.values()}
        self._reasons: dict[str, str] = {}
        self._groups = {
            component.id: _Group(
                component.id,
                nodes=frozenset(node for node, parent in self._parents.items() if parent == component.id),
                exits=_exits(component),
            )
            for component in export.components.values()
            if component.is_group
        }

    def begin(self, node: str, within: str | None = None) -> str | None:
        """A node is about to begin.

        Args:
            node: its id.
            within: the span that called it.

        Returns:
            The span that it begins in: the one that called it, or that of its group.
        """
        group = self._of(node, within)
        if group is not None:
            if not group.span:
                self._start(group)
            group.running += 1
            within = within or group.span
        if parent := self._groups.get(self._parents.get(node, "")):
            parent.due.discard(node)
        return within

    def end(self, node: str, within: str | None, kind: str, fields: Mapping[str, Any]) -> None:
        """A node has ended.

        Args:
            node: its id.
            within: the span that it began in.
            kind: of the event that said so.
            fields: of that event.
        """
        group = self._of(node, within)
        if group is None or not group.span:
            return
        group.running -= 1
        if kind == "node.failed" and group.error is None:
            group.error = {key: value for key, value in fields["error"].items() if key != "traceback"}
        group.stopped = str(fields.get("reason") or "") if kind == "node.cancelled" else ""
        if kind == "node.finished" and (node in group.exits or not group.exits):
            output, name = fields.get("output"), group.exits.get(node, "")
            group.output = as_mapping(output).get(name, output)
        self._settle(group)

    def skip(self, node: str, reason: str) -> None:
        """A node was passed over."""
        self._reasons[node] = reason
        group = self._groups.get(self._parents.get(node, ""))
        if group is not None:
            group.due.discard(node)
            self._settle(group)

    def close(self, reason: str = "", *, untold: bool = False) -> None:
        """The run is over, and so is every group.

        Args:
            reason: why it ended before its end; "" for a run that came to it.
            untold: whether it is not known which nodes ran: then silence about them means nothing.
        """
        for group in reversed(self._groups.values()):  # each comes after the one it lies in
            if group.span:
                group.stopped = reason
                self._finish(group)
            elif not group.count and not untold:
                reasons = {self._reasons.get(node, "") for node in group.nodes} or {_EMPTY}
                why = next(iter(reasons)) if len(reasons) == 1 else _DIFFERENT
                self._log.append("node.skipped", node=group.id, reason=why or _DIFFERENT)
                self.skip(group.id, why)

    def _of(self, node: str, within: str | None) -> _Group | None:
        """The group that a node runs in by itself; none where another one in it called it, and answers for it."""
        group = self._groups.get(self._parents.get(node, ""))
        caller = self._parents.get((within or "").rpartition("#")[0], "")
        while caller and group is not None:
            if caller == group.id:
                return None
            caller = self._parents.get(caller, "")
        return group

    def _start(self, group: _Group) -> None:
        outer = self.begin(group.id)
        group.count += 1
        group.span = f"{group.id}#{group.count}"
        group.due = set(group.nodes)
        group.error, group.output = None, None
        within: dict[str, Any] = {"parent": outer} if outer else {}
        self._log.append("node.started", node=group.id, span=group.span, attempt=1, **within)

    def _settle(self, group: _Group) -> None:
        if group.span and not group.running and (group.error or not group.due):
            self._finish(group)

    def _finish(self, group: _Group) -> None:
        kind, fields = _end_of(group)
        self._log.append(kind, node=group.id, span=group.span, **fields)
        group.span, group.running = "", 0
        outer = self._groups.get(self._parents[group.id])
        self.end(group.id, outer.span if outer is not None else None, kind, fields)


def _end_of(group: _Group) -> tuple[str, dict[str, Any]]:
    if group.error:
        return "node.failed", {"error": group.error}
    if group.stopped:
        return "node.cancelled", {"reason": group.stopped}
    return "node.finished", {"output": group.output}


def _exits(component: Component) -> dict[str, str]:
    proxies = [as_mapping(output.get("proxy")) for output in component.outputs]
    return {str(proxy["id"]): str(proxy.get("name")) for proxy in proxies if "id" in proxy}
