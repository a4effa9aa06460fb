"""Run a LangChain Runnable or a compiled LangGraph graph, and watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase

from lfwidget.errors import LfwidgetError, UnknownNameError
from lfwidget.exits import original
from lfwidget.model.graph import NEVER_RUN, Graph
from lfwidget.model.layout import layout
from lfwidget.model.state import RunState
from lfwidget.runners.base import Execution, Form, Question
from lfwidget.runners.langchain.graph import walk
from lfwidget.runners.langchain.inputs import InputShape
from lfwidget.runners.langchain.interrupts import interrupts_of, question_of
from lfwidget.runners.langchain.secrets import secrets_of
from lfwidget.runners.langchain.stop import stoppable
from lfwidget.runners.langchain.tweak import tweaked
from lfwidget.runners.langchain.watch import StreamingWatch, Watch

__all__ = ["LangChainRunner"]

_CANCELLED = "the run was cancelled"
_NO_CHECKPOINTER = (
    "the graph asked for input, but it has no checkpointer, so it cannot go on from there: "
    "compile it with `checkpointer=InMemorySaver()` (from langgraph.checkpoint.memory)"
)
_BREAKPOINT = "The graph has a breakpoint before {name}. Any answer lets it go on."
_INSIDE_A_CHAIN = (
    "a graph inside this chain asked for input, and a chain cannot go on from its middle: "
    "make the graph the flow, lf.Flow(graph), with the other steps as its nodes"
)


class LangChainRunner:
    """Runs one Runnable; a new `Watch` for each run.

    Args:
        runnable: any Runnable, or a compiled LangGraph graph.
    """

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._runnable = runnable
        graph, self._root = walk(runnable)
        self._graph = layout(graph)
        self._shape = InputShape.of(runnable)

    @property
    def name(self) -> str:
        """The run name the user gave, or the name of the class."""
        name = _run_name(self._runnable) or self._runnable.get_name()
        return {"RunnableSequence": "Chain", "LangGraph": "Graph"}.get(name, name)

    @property
    def graph(self) -> Graph:
        """The flow as it is drawn."""
        return self._graph

    @property
    def form(self) -> Form:
        """What the page asks for."""
        return self._shape.form

    @property
    def secrets(self) -> set[str]:
        """The keys that its models and tools were made with."""
        return secrets_of(self._runnable)

    def to_input(self, typed: Any) -> Any:
        """What somebody typed as the input of the runnable."""
        return self._shape.to_input(typed)

    async def execute(self, execution: Execution) -> Any:
        """Run once; see `Runner.execute`."""
        self._check(execution)
        flow = tweaked(self._runnable, self._root, execution.tweaks) if execution.tweaks else self._runnable
        kind = Watch if execution.stream_nodes == frozenset() else StreamingWatch
        watch = kind(self._root, execution.log, execution.keep, execution.stream_nodes, execution.input)
        config = self._config(execution, watch)
        outcome = "not taken"
        try:
            output = await self._invoke(flow, execution, watch, config)
            watch.returned(output)
        except asyncio.CancelledError:
            outcome = _CANCELLED
            raise
        except BaseException as error:
            outcome = "an earlier node failed" if watch.raised(original(error)) else "the run failed before"
            raise
        else:
            return output
        finally:
            watch.close(cancelled=outcome == _CANCELLED)
            self._skip(execution, outcome)

    def _check(self, execution: Execution) -> None:
        known = [node["id"] for node in self._graph["nodes"]]
        for name in [*(execution.stream_nodes or ()), *execution.tweaks]:
            if name not in known:
                raise UnknownNameError("node", name, known)

    async def _invoke(self, flow: Runnable[Any, Any], execution: Execution, watch: Watch, config: Any) -> Any:
        value = execution.input
        while True:
            output = await stoppable(flow.ainvoke(value, config))
            interrupts = interrupts_of(output)
            stopped = None if interrupts else await self._breakpoint(config)
            if stopped is not None:
                value = None  # which is how LangGraph is told to go on
                await self._go_on(execution, watch, stopped)
            elif interrupts and watch.interrupts:
                value = await self._resume(execution, watch, interrupts)
            else:
                return output

    async def _resume(self, execution: Execution, watch: Watch, interrupts: Sequence[Any]) -> Any:
        if self._pregel() is None:
            raise LfwidgetError(_INSIDE_A_CHAIN)
        if not getattr(self._pregel(), "checkpointer", None):
            raise LfwidgetError(_NO_CHECKPOINTER)
        from langgraph.types import Command

        asked = [question_of(interrupt, *watch.interrupts.get(interrupt.id, ("", ""))) for interrupt in interrupts]
        return Command(resume=await execution.ask(asked))

    async def _breakpoint(self, config: Any) -> Any:
        """The state of a graph that stopped at `interrupt_before` or `interrupt_after`, which no output tells."""
        graph = self._pregel()
        if not (getattr(graph, "interrupt_before_nodes", None) or getattr(graph, "interrupt_after_nodes", None)):
            return None
        if not getattr(graph, "checkpointer", None):
            raise LfwidgetError(_NO_CHECKPOINTER)
        state = await graph.aget_state(config)
        return state if state.next else None

    async def _go_on(self, execution: Execution, watch: Watch, stopped: Any) -> None:
        """Ask whether to go on from a breakpoint. Whatever the answer is, it goes on."""
        name = stopped.next[0]
        node, span = watch.hold(name)
        request = f"{name}@{stopped.config['configurable'].get('checkpoint_id', '')}"
        await execution.ask([Question(request, node, span, _BREAKPOINT.format(name=name))])

    def _pregel(self) -> Any:
        """The LangGraph graph this flow is, if it is one."""
        runnable: Any = self._runnable
        while isinstance(runnable, RunnableBindingBase):
            runnable = runnable.bound
        return runnable if hasattr(runnable, "get_state") and hasattr(runnable, "checkpointer") else None

    def _config(self, execution: Execution, watch: Watch) -> dict[str, Any]:
        config = dict(execution.config)
        config["callbacks"] = _with_watch(config.get("callbacks"), watch)
        pregel = self._pregel()
        if execution.session_id or (pregel is not None and getattr(pregel, "checkpointer", None)):
            configurable = dict(config.get("configurable") or {})
            bound = _bound(self._runnable).get("thread_id")
            configurable.setdefault("thread_id", execution.session_id or bound or execution.run_id)
            config["configurable"] = configurable
        return config

    def _skip(self, execution: Execution, reason: str) -> None:
        """Say of every card that never started that it did not, and why."""
        state = RunState(execution.log.since(0))
        for node in self._graph["nodes"]:
            if node["type"] in NEVER_RUN or not node.get("card", True):
                continue
            if not state.node(node["id"]).group:
                execution.log.append("node.skipped", node=node["id"], reason=reason)


def _run_name(runnable: Any) -> str | None:
    """The name given by `with_config(run_name=...)`, which `get_name` does not tell."""
    while isinstance(runnable, RunnableBindingBase):
        if name := runnable.config.get("run_name"):
            return name
        runnable = runnable.bound
    return None


def _bound(runnable: Any) -> dict[str, Any]:
    """What `with_config(configurable=...)` binds; the outermost counts, and it must not be overridden by chance."""
    bound: dict[str, Any] = {}
    while isinstance(runnable, RunnableBindingBase):
        bound = {**(runnable.config.get("configurable") or {}), **bound}
        runnable = runnable.bound
    # `CompiledStateGraph.with_config` makes no binding but a copy that has a config of its own.
    return {**((getattr(runnable, "config", None) or {}).get("configurable") or {}), **bound}


def _with_watch(callbacks: Any, watch: Watch) -> Any:
    """The user's callbacks and ours."""
    if isinstance(callbacks, BaseCallbackManager):
        manager = callbacks.copy()
        manager.add_handler(watch, inherit=True)
        return manager
    return [*(callbacks or ()), watch]
