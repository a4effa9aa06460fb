"""Run a LangFlow flow with lfx 1.13: our own scheduler over `Graph.build_vertex`, as LangFlow's server has one.

lfx's own run methods do not stream, or run parallel branches one after the other, or take `sys.stdout` away. Here each
node runs as soon as what it needs is there.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lfwidget.errors import UntrustedFlowError
from lfwidget.model.log import RunLog
from lfwidget.runners.base import Ask
from lfwidget.runners.langflow.export import as_mapping
from lfwidget.runners.langflow.local.asking import decision_of, question_of
from lfwidget.runners.langflow.local.frozen import Frozen
from lfwidget.runners.langflow.local.history import History
from lfwidget.runners.langflow.local.hooks import hooked
from lfwidget.runners.langflow.local.lacking import explained
from lfwidget.runners.langflow.local.needs import is_chat_model
from lfwidget.runners.langflow.local.quiet import is_loaded, load_lfx
from lfwidget.runners.langflow.local.shipped import Shipped, lfx_version
from lfwidget.runners.langflow.local.values import readable, text_of
from lfwidget.runners.langflow.local.watch import FlowWatch

__all__ = ["LocalRun", "ready"]


async def ready(log: RunLog) -> None:
    """Import lfx where nobody has yet, and say so, since it takes a while. The page shows a warning above the cards
    until the next log.
    """
    was_loaded = is_loaded()
    if not was_loaded:
        message = f"loading LangFlow's engine, lfx {lfx_version()}: this takes a while the first time"
        log.append("log", level="warning", message=message, source="lfwidget")
    await asyncio.to_thread(load_lfx)  # also where another run is in the middle of it
    if not was_loaded:
        log.append("log", level="info", message="LangFlow's engine is loaded", source="lfwidget")


@dataclass
class LocalRun:
    """One run of a flow.

    Args:
        flow: the JSON, for this run alone.
        flow_id: of the flow, a UUID: lfx keeps messages only of flows that have one.
        watch: what happens is told to it.
        history: the messages of the flow.
        session: whose messages they are.
        input: what the chat inputs get; None leaves them as they are.
        variables: values of global variables.
        model: stands in for every model.
        ask: puts questions to a person.
        shipped: the only code that may be executed; None where all may.
        opens: the nodes in which the user named a file: these may read it, wherever it is.
        streams: whether models stream though the flow does not ask for it.
        frozen: what frozen nodes gave in earlier runs.

    Attributes:
        passed: nodes that a router passed by, and its title.
        outputs: what the nodes returned, by id, in the order they did.
    """

    flow: dict[str, Any]
    flow_id: str
    watch: FlowWatch
    history: History
    session: str
    ask: Ask
    input: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    model: Any = None
    shipped: Shipped | None = None
    opens: frozenset[str] = frozenset()
    streams: bool = True
    frozen: Frozen = field(default_factory=lambda: Frozen({}))
    passed: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    _edges: dict[str, list[Any]] = field(default_factory=dict)
    _asked: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _executed: str = ""

    @property
    def switches(self) -> Mapping[str, Any]:
        """The settings of lfx that are others for the code that runs now: its own wall against unknown code, and files
        outside of LangFlow's storage. Those are closed to a flow, and open where its user named one.
        """
        wall = {"allow_custom_components": False, "block_code_interpreter_components": True}
        # As it loads a flow lfx looks at every path in it, and again when the node runs.
        here = self.watch.here
        opens = self.shipped is None or (here in self.opens if here else bool(self.opens))
        return (wall if self.shipped is not None else {}) | ({"restrict_local_file_access": False} if opens else {})

    async def run(self) -> Any:
        """Run it; what a component raised is raised as it is.

        Returns:
            The text of the last chat output, or what the last nodes returned, by id.
        """
        with hooked(self), self.watch.listening(), _request_variables(self.variables):
            try:
                graph = await asyncio.to_thread(self._load)
                await self._drive(graph)
            except Exception as error:
                inner = self.watch.unwrapped(error)
                if inner is error:
                    raise
                # Its own traceback says where it arose; how it came through lfx tells nobody anything.
                raise inner from inner.__cause__
            return self._output(graph)

    # What the hooks call

    async def build(self, graph: Any, node: str, build: Callable[[], Awaitable[Any]]) -> Any:
        """Run a node, watched."""
        vertex = graph.get_vertex(node)
        build = self._explaining(vertex, build)
        self._inject(vertex)
        graph.request_pause = self._pause
        if _is_tool(vertex):
            return await self._build_tool(vertex, build)
        with self.watch.node(node, self._inputs(graph, vertex)) as call:
            result = await build()
            while request := self._asked.pop(f"{node}:{graph.run_id}", None):
                question = question_of(request, node, call.span or "")
                answers = await self.ask([question])
                made = {question.request: decision_of(answers[question.request])}
                graph.human_input_decisions = {**getattr(graph, "human_input_decisions", {}), **made}
                vertex.custom_component.reset_all_output_values()  # or it keeps what it gave before
                result = await build()
            output = _outputs(vertex)
            self.outputs[node] = self.outputs.pop(node, None)  # the last that ran is last
            self.outputs[node] = output
            self.watch.finish(call, output)
        if node in self.frozen.used:
            self.watch.remark(node, "frozen: it did not run, and gave what it gave in an earlier run")
        self._note_tools(vertex)
        for other in graph.inactivated_vertices | graph.conditionally_excluded_vertices:
            self.passed.setdefault(other, vertex.display_name)
        return result

    def allow(self, code: str) -> None:
        """The wall behind the check of the export: whatever it missed is not executed.

        Raises:
            UntrustedFlowError: this is not LangFlow's own code.
        """
        self._executed = code
        if self.shipped is not None and not self.shipped.knows(code):
            raise UntrustedFlowError("this flow may not run code that LangFlow did not ship: see load_flow(trust=)")

    # How it works

    def _load(self) -> Any:
        """A graph of its own for this run. Called in a thread: lfx imports what the components need."""
        from lfx.graph.graph.base import Graph
        from lfx.run._defaults import apply_run_defaults
        from lfx.utils.async_helpers import run_until_complete
        from lfx.utils.flow_validation import ensure_component_hash_lookups_loaded

        if self.shipped is not None:
            run_until_complete(ensure_component_hash_lookups_loaded(force=True))
        context = {"request_variables": dict(self.variables)} if self.variables else None
        try:
            graph = Graph.from_payload(self.flow, flow_id=self.flow_id, context=context, user_id=uuid.uuid4().hex)
        except Exception as error:
            # lfx says not which node it was, but that is the one whose code it executed last.
            for node in _nodes_with(self.flow, self._executed):
                self.watch.fail(node, error)
            raise
        apply_run_defaults(graph, session_id=self.session, user_id=graph.user_id)
        graph.prepare()
        for edge in graph.edges:
            self._edges.setdefault(edge.target_id, []).append(edge)
        return graph

    async def _drive(self, graph: Any) -> None:
        await graph.initialize_run()
        lock = asyncio.Lock()
        going = {asyncio.create_task(self._one(graph, lock, node)) for node in graph.first_layer}
        try:
            while going:
                done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                # Every error is looked at, or asyncio complains of the second of two that come at once.
                failed = [error for task in done if not task.cancelled() and (error := task.exception())]
                if failed:
                    raise failed[0]
                following = dict.fromkeys(node for task in done for node in task.result())
                going |= {asyncio.create_task(self._one(graph, lock, node)) for node in following}
        finally:
            for task in going:
                task.cancel()
            await asyncio.gather(*going, return_exceptions=True)

    async def _one(self, graph: Any, lock: asyncio.Lock, node: str) -> list[str]:
        """Run a node; the nodes that can run next."""
        inputs = {"session": graph.session_id}
        if self.input is not None:
            inputs["input_value"] = self.input
        built = await graph.build_vertex(
            vertex_id=node,
            user_id=graph.user_id,
            inputs_dict=inputs,
            fallback_to_env_vars=True,
            **self._cache(graph.get_vertex(node)),
        )
        following = await graph.get_next_runnable_vertices(lock, vertex=built.vertex, cache=False)
        graph.reset_inactivated_vertices(node)
        graph.reset_activated_vertices()
        return list(following)

    def _cache(self, vertex: Any) -> dict[str, Any]:
        """A tool is made anew: it tells the run it was made in."""
        return {} if _is_tool(vertex) else self.frozen.cache(vertex)

    def _explaining(self, vertex: Any, build: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        async def built() -> Any:
            try:
                return await build()
            except Exception as error:
                inner = self.watch.unwrapped(error)
                told = explained(inner, vertex.id, vertex.data)
                if told is inner:
                    raise
                raise told from inner

        return built

    def _pause(self, reason: str = "", data: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - it is lfx's
        """A node asks a person. lfx would end the run and begin it anew with the answer; here the node waits for it."""
        request = data or {}
        self._asked[":".join(str(request.get("request_id")).split(":")[:2])] = request

    async def _build_tool(self, vertex: Any, build: Callable[[], Awaitable[Any]]) -> Any:
        """Make the tool of a node. For a person it does nothing until an agent calls it."""
        try:
            result = await build()
        except Exception as error:
            self.watch.fail(vertex.id, error)
            raise
        self._note_tools(vertex)
        return result

    def _note_tools(self, vertex: Any) -> None:
        """Remember by what names the agents behind this node call its tools."""
        from langchain_core.tools import BaseTool

        for value in (vertex.results or {}).values():
            for tool in value if isinstance(value, list) else [value]:
                if isinstance(tool, BaseTool):
                    for agent in vertex.successors_ids:
                        self.watch.tools[agent, tool.name] = vertex.id

    def _inject(self, vertex: Any) -> None:
        """Give a node the model of this run, whether it chooses one in a field or makes one itself."""
        if self.model is None:
            return
        template = vertex.data["node"].get("template") or {}
        chosen = [name for name, about in template.items() if isinstance(about, dict) and is_chat_model(about)]
        if chosen:
            vertex.update_raw_params(dict.fromkeys(chosen, self.model), overwrite=True)
        elif callable(getattr(type(vertex.custom_component), "build_model", None)):
            vertex.custom_component.__dict__["build_model"] = lambda: self.model

    def _inputs(self, graph: Any, vertex: Any) -> Any:
        """What comes in over the node's edges, by field; alone, without its field."""
        if vertex.data.get("type") == "ChatInput":
            return self.input if self.input is not None else vertex.raw_params.get("input_value")
        inputs: dict[str, Any] = {}
        for edge in self._edges.get(vertex.id, ()):
            name = getattr(edge.target_handle, "field_name", None)
            if name is None:
                continue  # the way back of a loop
            source = graph.get_vertex(edge.source_id) if edge.source_id in graph.get_vertex_ids() else None
            # In the body of a loop the item was put where the edge would have brought it.
            value = vertex.raw_params.get(name) if source is None else _result(source, edge.source_handle.name)
            if value is not None:
                inputs.setdefault(name, []).extend(readable(value) if isinstance(value, list) else [readable(value)])
        single = {name: values[0] if len(values) == 1 else values for name, values in inputs.items()}
        return next(iter(single.values())) if len(single) == 1 else (single or None)

    def _output(self, graph: Any) -> Any:
        said = [node for node in self.outputs if graph.get_vertex(node).data.get("type") == "ChatOutput"]
        if said:
            text = text_of(self.outputs[said[-1]])
            return text if text is not None else readable(self.outputs[said[-1]])
        return {node: readable(self.outputs[node]) for node in graph.get_terminal_nodes() if node in self.outputs}


@contextmanager
def _request_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """The variables where lfx looks for them, in this context."""
    from lfx.services.variable.request_scope import activate_request_variables, reset_request_variables

    token = activate_request_variables(dict(variables) or None)
    try:
        yield
    finally:
        reset_request_variables(token)


def _nodes_with(data: Any, code: str) -> Iterator[str]:
    """The first node with this code, groups opened."""
    for node in as_mapping(data).get("nodes") or ():
        about = as_mapping(node["data"].get("node"))
        if code and as_mapping(as_mapping(about.get("template")).get("code")).get("value") == code:
            yield str(node["id"])
            return
        yield from _nodes_with(as_mapping(about.get("flow")).get("data"), code)


def _is_tool(vertex: Any) -> bool:
    return bool(vertex.data["node"].get("tool_mode")) and any(
        edge.source_handle.name == "component_as_tool" for edge in vertex.outgoing_edges
    )


def _result(vertex: Any, name: str) -> Any:
    results = vertex.results or {}
    return results.get(name, next(iter(results.values()), None) if len(results) == 1 else None)


def _outputs(vertex: Any) -> Any:
    """What a node returned, by output; alone, without the output's name."""
    results = {name: value for name, value in (vertex.results or {}).items() if value is not None}
    return next(iter(results.values())) if len(results) == 1 else results
