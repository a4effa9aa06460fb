"""Read a Runnable: the graph a person sees, and the slots its runs belong to. Nothing is run.

`get_graph()` of LangChain makes new ids at every call, drops the keys of a parallel and hides branches and fallbacks,
so the walk is our own; only for the edges of a LangGraph graph is it asked, where it is right.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase, RunnableEachBase
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.runnables.passthrough import RunnableAssign
from langchain_core.runnables.retry import RunnableRetry

from lfwidget.model.graph import Edge, Graph, Node, NodeType
from lfwidget.model.layout import WORDS, WORDS_SIZE
from lfwidget.model.measure import fit
from lfwidget.runners.langchain.describe import Description, describe
from lfwidget.runners.langchain.slots import Slot

__all__ = ["walk"]

_NO_MERE_WRAPPERS = (RunnableRetry, RunnableWithMessageHistory)
_PILLS: tuple[tuple[str, NodeType], ...] = (("__start__", "start"), ("__end__", "end"))


@dataclass(frozen=True)
class _End:
    """One end of an edge to come: a node, its port, and what stands on the line."""

    node: str
    port: str | None = None
    label: str | None = None
    kind: str = "flow"


@dataclass(frozen=True)
class _Part:
    """A piece of a flow: where lines come in, where they go out, and the slot of its runs."""

    entries: list[_End]
    exits: list[_End]
    slot: Slot


@dataclass(frozen=True)
class _Scope:
    """Where new nodes go: the prefix of their ids, the node they lie in, and names given from outside.

    `whole` says that what is added is the flow itself, at most in a wrapper; `configurable` is what is bound around it
    and chooses among alternatives.
    """

    prefix: str = ""
    parent: str | None = None
    key: str | None = None
    name: str | None = None
    whole: bool = False
    configurable: Mapping[str, Any] = field(default_factory=dict)

    def inside(self, node: str) -> _Scope:
        return _Scope(prefix=f"{node}/", parent=node, configurable=self.configurable)

    def bound(self, config: Mapping[str, Any] | None) -> _Scope:
        """The scope of what a config is bound to. What is bound further out counts, as LangChain has it."""
        bound = (config or {}).get("configurable") or {}
        return replace(self, configurable={**bound, **self.configurable})

    def at(self, key: str | None, name: str | None = None) -> _Scope:
        return replace(self, key=key, name=name, whole=False)

    def below(self) -> _Scope:
        """The scope of several nodes under one key: `joke/prompt`, `joke/model`."""
        label = None if self.whole else self.key or self.name  # the name of the whole is the flow's own
        prefix = f"{self.prefix}{_slug(label)}/" if label else self.prefix
        return replace(self, prefix=prefix, key=None, name=None, whole=False)

    def branches(self) -> _Scope:
        """The scope of what lies beside a join or a fork: below its key, if it has one."""
        prefix = f"{self.prefix}{_slug(self.key)}/" if self.key else self.prefix
        return replace(self, prefix=prefix, key=None, name=None, whole=False)


def walk(runnable: Runnable[Any, Any], config: Any = None) -> tuple[Graph, Slot]:
    """The graph of a flow, without positions, and the slot of its outermost run."""
    walker = _Walker()
    part = walker.part(runnable, _Scope(whole=True).bound(config))
    return {"nodes": list(walker.nodes.values()), "edges": walker.edges}, part.slot


def _slug(name: str | None) -> str:
    words = "".join(c if c.isalnum() or c in "._-" else "-" for c in (name or "").strip()).strip("-")
    return words.lower() if words.isupper() else words or "node"


@dataclass
class _Walker:
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def part(self, runnable: Any, scope: _Scope) -> _Part:
        """Add a runnable and all it is made of."""
        runnable, scope = self._unwrap(runnable, scope)
        for kind, method in self._composites():
            if isinstance(runnable, kind):
                return method(runnable, scope)
        return self._leaf(runnable, scope)

    def _composites(self) -> list[tuple[type, Callable[[Any, _Scope], _Part]]]:
        found: list[tuple[type, Callable[[Any, _Scope], _Part]]] = [
            (RunnableSequence, self._sequence),
            (RunnableParallel, self._parallel),
            (RunnableAssign, self._assign),
            (RunnableBranch, self._branch),
            (RunnableWithFallbacks, self._fallbacks),
            (RunnableRetry, self._retry),
            (RunnableEachBase, self._each),
            (RunnableWithMessageHistory, self._history),
        ]
        pregel = _pregel()
        return [*found, (pregel, self._subgraph)] if pregel else found

    def _unwrap(self, runnable: Any, scope: _Scope) -> tuple[Any, _Scope]:
        """Take off the wrappers that make no run of their own: bind, with_config, configurable fields."""
        while True:
            if isinstance(runnable, DynamicRunnable):
                runnable, config = runnable.prepare({"configurable": dict(scope.configurable)})
                scope = replace(scope, configurable=config.get("configurable") or {})
            elif isinstance(runnable, RunnableBindingBase) and not isinstance(runnable, _NO_MERE_WRAPPERS):
                scope = replace(scope.bound(runnable.config), name=scope.name or runnable.config.get("run_name"))
                runnable = runnable.bound
            else:
                return runnable, scope

    def _leaf(self, runnable: Any, scope: _Scope) -> _Part:
        about = describe(runnable)
        node = self._add(about, scope)
        role = "opaque" if about.opaque else "step"
        return _Part([_End(node)], [_End(node)], Slot(node, role, sync=about.sync))  # type: ignore[arg-type]

    def _add(self, about: Description, scope: _Scope, **fields: Any) -> str:
        node_id = self._free(scope.prefix + _slug(scope.key or scope.name or about.name))
        node: Node = {"id": node_id, "title": scope.name or scope.key or about.title, "type": about.type, **fields}  # type: ignore[typeddict-item]
        if about.subtitle and about.subtitle != node["title"]:
            node["subtitle"] = about.subtitle
        if scope.parent:
            node["parent"] = scope.parent
        if about.params:
            node["params"] = about.params
        self.nodes[node_id] = node
        return node_id

    def _free(self, wanted: str) -> str:
        node_id, count = wanted, 1
        while node_id in self.nodes:
            count += 1
            node_id = f"{wanted}-{count}"
        return node_id

    def _connect(self, sources: Sequence[_End], targets: Sequence[_End], kind: str = "flow") -> None:
        for source in sources:
            for target in targets:
                edge: Edge = {"source": source.node, "target": target.node}
                how = kind if kind != "flow" else source.kind
                if how != "flow":
                    edge["kind"] = how  # type: ignore[typeddict-item]
                if target.port:
                    edge["target_port"] = target.port
                if source.label:
                    edge["label"] = source.label
                if edge not in self.edges:
                    self.edges.append(edge)

    def _sequence(self, sequence: Any, scope: _Scope) -> _Part:
        below = scope.below()
        parts = [self.part(step, below) for step in sequence.steps]
        for before, after in pairwise(parts):
            self._connect(before.exits, after.entries)
        slot = Slot(None, tagged={f"seq:step:{i}": part.slot for i, part in enumerate(parts, 1)})
        return _Part(parts[0].entries, parts[-1].exits, slot)

    def _parallel(self, parallel: Any, scope: _Scope) -> _Part:
        below = scope.branches()
        parts = {key: self.part(step, below.at(key)) for key, step in parallel.steps__.items()}
        join = self._join(Description("parallel", "Parallel", "parallel"), scope, parts)
        entries = [end for part in parts.values() for end in part.entries]
        slot = Slot(join, tagged={f"map:key:{key}": part.slot for key, part in parts.items()})
        return _Part(entries, [_End(join)], slot)

    def _join(self, about: Description, scope: _Scope, parts: dict[str, _Part]) -> str:
        """A card that collects what the branches give, with a port for each key."""
        ports = [{"name": key, "title": fit(key, WORDS, WORDS_SIZE)} for key in parts]
        join = self._add(about, scope, inputs=ports)
        for key, part in parts.items():
            self._connect(part.exits, [_End(join, port=key)])
        return join

    def _assign(self, assign: Any, scope: _Scope) -> _Part:
        mapper = assign.mapper
        below = scope.branches()
        parts = {key: self.part(step, below.at(key)) for key, step in mapper.steps__.items()}
        join = self._join(Description("assign", "Assign", "parallel"), scope, parts)
        inner = Slot(None, tagged={f"map:key:{key}": part.slot for key, part in parts.items()})
        entries = [_End(join), *(end for part in parts.values() for end in part.entries)]
        return _Part(entries, [_End(join)], Slot(join, "one", rest=[inner]))

    def _branch(self, branch: Any, scope: _Scope) -> _Part:
        node = self._add(Description("branch", "Branch", "branch"), scope)
        below = scope.branches()
        slot = Slot(node)
        exits: list[_End] = []
        for i, (condition, then) in enumerate(branch.branches, 1):
            about = describe(self._unwrap(condition, below)[0])
            hidden = self._add(about, replace(below.inside(node), key=f"if-{i}"), card=False)
            slot.tagged[f"condition:{i}"] = Slot(hidden, "opaque", sync=about.sync)
            label = about.title if about.title not in ("lambda", "Lambda") else f"if {i}"
            slot.tagged[f"branch:{i}"] = self._option(node, label, then, below, exits)
        slot.tagged["branch:default"] = self._option(node, "else", branch.default, below, exits)
        return _Part([_End(node)], exits, slot)

    def _option(self, node: str, label: str, then: Any, scope: _Scope, exits: list[_End]) -> Slot:
        part = self.part(then, scope)
        self._connect([_End(node, label=label, kind="conditional")], part.entries)
        exits += part.exits
        return part.slot

    def _fallbacks(self, runnable: Any, scope: _Scope) -> _Part:
        attempts = [runnable.runnable, *runnable.fallbacks]
        parts = [self.part(attempt, replace(scope, whole=False)) for attempt in attempts]
        for before, after in pairwise(parts):
            self._connect(before.exits, after.entries, kind="fallback")
        exits = [end for part in parts for end in part.exits]
        return _Part(parts[0].entries, exits, Slot(None, "tries", rest=[part.slot for part in parts]))

    def _retry(self, retry: Any, scope: _Scope) -> _Part:
        name = retry.config.get("run_name") if getattr(retry, "config", None) else None
        part = self.part(retry.bound, replace(scope.bound(retry.config), name=scope.name or name))
        return replace(part, slot=Slot(None, "retry", rest=[part.slot]))

    def _each(self, each: Any, scope: _Scope) -> _Part:
        node = self._add(Description("each", "For each", "each"), scope)
        inner = self.part(each.bound, scope.inside(node))
        return _Part([_End(node)], [_End(node)], Slot(node, "each", rest=[inner.slot]))

    def _history(self, history: Any, scope: _Scope) -> _Part:
        """What loads the history, and what it is for: LangChain hides that in a function that returns it."""
        below = replace(scope.bound(history.config), name=scope.name or history.config.get("run_name")).below()
        load, call = self._unwrap(history.bound, below)[0].steps
        held = inspect.getclosurevars(self._unwrap(call, below)[0].func).nonlocals.values()
        wrapped = next((thing for thing in held if isinstance(thing, Runnable)), None)
        first, second = self.part(load, below), self.part(wrapped or call, below)
        self._connect(first.exits, second.entries)
        inner = Slot(None, "one", rest=[second.slot]) if wrapped else second.slot
        return _Part(first.entries, second.exits, Slot(None, tagged={"seq:step:1": first.slot, "seq:step:2": inner}))

    def _subgraph(self, graph: Any, scope: _Scope) -> _Part:
        """A LangGraph graph: its nodes as they are where it is the whole flow, else a frame around them."""
        if scope.whole:
            tagged = self._graph_nodes(graph, scope.below(), pills=True)
            return _Part([], [], Slot(None, "graph", tagged=tagged))
        name = graph.get_name()
        about = Description("graph", "Graph" if name == "LangGraph" else name, "graph")
        node = self._add(about, scope)
        tagged = self._graph_nodes(graph, scope.inside(node), pills=False)
        return _Part([_End(node)], [_End(node)], Slot(node, "graph", tagged=tagged))

    def _graph_nodes(self, graph: Any, scope: _Scope, *, pills: bool) -> dict[str, Slot]:
        ids, slots = {}, {}
        scope = scope.bound(graph.config)
        for name, node in graph.nodes.items():
            if name == "__start__":
                continue
            ids[name], slots[name] = self._graph_node(name, node.bound, scope)
        self._graph_edges(graph, ids, scope, pills=pills)
        return slots

    def _graph_node(self, name: str, bound: Any, scope: _Scope) -> tuple[str, Slot]:
        """One node of a LangGraph graph. LangGraph runs what it holds as `seq:step:1` of the node's own run."""
        bound, inner_scope = self._unwrap(bound, scope)
        scope = replace(scope, configurable=inner_scope.configurable)
        if isinstance(bound, RunnableSequence):
            return self._framed(name, bound, scope)
        about = describe(bound)
        composite = any(isinstance(bound, kind) for kind, _ in self._composites())
        if composite:
            return self._framed(name, bound, scope)
        tools = getattr(bound, "tools_by_name", None)
        about = replace(about, type="node") if tools else about
        node = self._add(replace(about, type="model") if name == "model" else about, scope.at(name))
        slot = Slot(node, "opaque", sync=about.sync)
        for tool_name, tool in (tools or {}).items():
            tool_node = self._add(describe(tool), scope.inside(node).at(tool_name))
            slot.tagged[f"tool:{tool_name}"] = Slot(tool_node, "opaque", sync=describe(tool).sync)
        if not about.function and not tools:
            inner = self._add(about, scope.inside(node).at(about.name), card=False)
            slot.tagged["seq:step:1"] = Slot(inner, "opaque" if about.opaque else "step", sync=about.sync)
        return node, slot

    def _framed(self, name: str, bound: Any, scope: _Scope) -> tuple[str, Slot]:
        node = self._add(Description("graph", name, "graph"), scope.at(name))
        inside = scope.inside(node)
        pregel = _pregel()
        if pregel and isinstance(bound, pregel):
            inner = Slot(None, "graph", tagged=self._graph_nodes(bound, inside, pills=False))
            return node, Slot(node, "one", rest=[inner])
        slot = self.part(bound, inside).slot
        if isinstance(bound, RunnableSequence):
            return node, replace(slot, node=node)
        return node, Slot(node, "one", rest=[slot])

    def _graph_edges(self, graph: Any, ids: dict[str, str], scope: _Scope, *, pills: bool) -> None:
        drawn = graph.get_graph()
        for edge in drawn.edges:
            for name, kind in _PILLS:
                if pills and name in (edge.source, edge.target) and name not in ids:
                    ids[name] = self._add(Description(kind, kind, kind), scope)
            if edge.source in ids and edge.target in ids:
                how = "conditional" if edge.conditional else "flow"
                label = str(edge.data) if edge.data and str(edge.data) != edge.target else None
                self._connect([_End(ids[edge.source], label=label, kind=how)], [_End(ids[edge.target])])


def _pregel() -> type | None:
    """LangGraph's compiled graph, where langgraph is installed (langchain brings it, langchain-core does not)."""
    try:
        from langgraph.pregel import Pregel
    except ImportError:
        return None
    return Pregel
