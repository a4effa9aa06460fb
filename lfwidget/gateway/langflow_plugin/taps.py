"""Where the plugin listens inside LangFlow 1.13: two functions that every build of a flow goes through.

- `langflow.api.build.generate_flow_events` runs a flow for API v2, for `/api/v1/build` and for the playground. While it
  does, our `Tee` stands where its queue of events stood. What it passes on is not changed, nor how.
- `Graph.build_vertex` runs one node. It is the only place that knows when a node starts, and it hands the node the
  event manager that its tokens go through: one whose queue is labelled, since a token names no node.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import langflow.api.build
from lfx.graph.graph.base import Graph
from lfx.log.logger import logger

from lfwidget.gateway.langflow_plugin.runs import About, Runs
from lfwidget.gateway.langflow_plugin.tapped import TappedRun

__all__ = ["Tee", "install"]


class Tee:
    """Stands where a run's queue of events stands: it passes on everything, and has the run remember it.

    Args:
        queue: LangFlow's own.
        run: that goes on.
        node: from which the events come; "" where they are those of the run.
    """

    def __init__(self, queue: Any, run: TappedRun, node: str = "") -> None:
        self.run = run
        self._queue, self._node = queue, node

    def put_nowait(self, item: Any) -> None:
        """Called for each event, on the run's loop."""
        self._queue.put_nowait(item)
        if item[1] is not None:
            self.run.note(item[1], self._node)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def of(self, node: str) -> Tee:
        """One for the events of a node."""
        return Tee(self._queue, self.run, node)


def install(runs: Runs) -> None:
    """Listen from now on, in this process."""
    build = langflow.api.build.generate_flow_events
    langflow.api.build.generate_flow_events = _listening(build, runs)
    Graph.build_vertex = _labelling(Graph.build_vertex)


def _listening(build: Callable[..., Awaitable[None]], runs: Runs) -> Callable[..., Awaitable[None]]:
    @functools.wraps(build)
    async def generate_flow_events(*args: Any, **kwargs: Any) -> None:
        run = _begun(runs, kwargs)
        if run is None:
            await build(*args, **kwargs)
            return
        manager = kwargs["event_manager"]
        queue, manager.queue = manager.queue, Tee(manager.queue, run)
        try:
            await build(*args, **kwargs)
        except asyncio.CancelledError:
            run.end("cancelled")
            raise
        except BaseException as error:
            run.end("failed", error)
            raise
        else:
            run.end("finished")
        finally:
            manager.queue = queue

    return generate_flow_events


def _begun(runs: Runs, asked: Mapping[str, Any]) -> TappedRun | None:
    """The run that begins; None for one that nobody may watch. Whatever goes wrong here, LangFlow's run goes on."""
    try:
        # Anonymous visitors and end users of a serving LangFlow share an account; a flow that somebody else owns has
        # values that must not be seen.
        if asked.get("end_user_id") or not asked.get("persist_messages", True) or asked.get("redact_build_params"):
            return None
        return runs.begin(_about(asked))
    except Exception:  # noqa: BLE001 - it is LangFlow's run, and more important than watching it
        logger.exception("lfwidget: a run cannot be watched")
        return None


def _about(asked: Mapping[str, Any]) -> About:
    inputs, flow = asked.get("inputs"), asked.get("provider_policy_flow")
    sent = asked.get("data")
    return About(
        run=str(asked.get("job_id") or asked.get("run_id") or _job_of(asked["event_manager"]) or uuid.uuid4()),
        owner=str(asked["current_user"].id),
        flow_id=str(asked["flow_id"]),
        name=str(asked.get("flow_name") or getattr(flow, "name", None) or "Flow"),
        input=getattr(inputs, "input_value", None),
        data={"nodes": sent.nodes, "edges": sent.edges} if sent else getattr(flow, "data", None) or {},
    )


def _job_of(manager: Any) -> str:
    """The id that `/api/v1/build` gave the run; only the service that holds its queue knows it."""
    from langflow.services.deps import get_queue_service

    queues: Mapping[str, Any] = getattr(get_queue_service(), "_queues", {})
    return next((job for job, entry in queues.items() if entry[1] is manager), "")


def _labelling(build_vertex: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(build_vertex)
    async def labelled(self: Any, vertex_id: str, *args: Any, event_manager: Any = None, **kwargs: Any) -> Any:
        if event_manager is not None and isinstance(event_manager.queue, Tee):
            event_manager.queue.run.note_start(vertex_id)
            event_manager = _for_node(event_manager, vertex_id)
        return await build_vertex(self, vertex_id, *args, event_manager=event_manager, **kwargs)

    return labelled


def _for_node(manager: Any, node: str) -> Any:
    """An event manager as this one, whose events are those of a node."""
    # Not `copy.copy`: it asks for `__setstate__`, and this class has an answer to every name.
    made = object.__new__(type(manager))
    made.__dict__.update(manager.__dict__)
    made.queue = manager.queue.of(node)
    made.events = {name: _rebound(call, manager, made) for name, call in manager.events.items()}
    return made


def _rebound(call: Any, old: Any, new: Any) -> Any:
    """A callback of one manager as that of another."""
    if not isinstance(call, partial):
        return call
    function = call.func
    if getattr(function, "__self__", None) is old:
        function = getattr(new, function.__name__)
    given = {name: new if value is old else value for name, value in call.keywords.items()}
    return partial(function, *call.args, **given)
