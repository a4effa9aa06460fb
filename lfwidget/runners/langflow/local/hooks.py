"""Where lfx and LangChain let nobody in: functions of theirs that are wrapped while a run is active.

Each wrapper does nothing unless the context it is called in belongs to a run of ours, so other users of lfx in the
process, and other runs, do not notice. After the last run everything is as it was.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["Hooked", "hooked"]


class Hooked(Protocol):
    """A run, as the wrappers ask it.

    Attributes:
        streams: whether models stream though the flow does not ask for it.
        history: what stands in for lfx's store of messages, see `history.py`.
    """

    streams: bool
    history: Any

    @property
    def switches(self) -> Mapping[str, Any]:
        """The settings of lfx that are others for the code that runs now."""

    async def build(self, graph: Any, node: str, build: Callable[[], Any]) -> Any:
        """A node of a graph is about to run; `build()` runs it."""

    def allow(self, code: str) -> None:
        """Code is about to be executed; raises where it may not be."""


_current: ContextVar[Hooked | None] = ContextVar("lfwidget_lfx_run", default=None)


@contextmanager
def hooked(run: Hooked) -> Iterator[None]:
    """While this is open, lfx tells `run` of what happens in this context, and in what it starts."""
    token = _current.set(run)
    _hooks.open()
    try:
        yield
    finally:
        _hooks.close()
        _current.reset(token)


class _Hooks:
    """The wrappers: in place from the start of the first run to the end of the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._put: list[tuple[Any, str, Any, Any]] = []

    def open(self) -> None:
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                for module, path, wrap in _WRAPPED:
                    self._wrap(module, path, wrap)

    def close(self) -> None:
        with self._lock:
            self._runs -= 1
            while not self._runs and self._put:
                owner, name, before, ours = self._put.pop()
                # Where somebody has put something of their own over ours it stays, and ours lets pass.
                if vars(owner).get(name) is ours:
                    setattr(owner, name, before)

    def _wrap(self, module: str, path: str, wrap: Callable[[Any], Any]) -> None:
        owner: Any = importlib.import_module(module)
        *holders, name = path.split(".")
        for holder in holders:
            owner = getattr(owner, holder)
        before = getattr(owner, name)
        ours = wrap(before)
        setattr(owner, name, ours)
        self._put.append((owner, name, before, ours))


def _building(before: Any) -> Any:
    """`Graph.build_vertex`, on the class: the body of a loop is a graph that lfx makes itself."""

    async def build_vertex(self: Any, vertex_id: str, **about: Any) -> Any:
        run = _current.get()
        if run is None:
            return await before(self, vertex_id, **about)
        return await run.build(self, vertex_id, lambda: before(self, vertex_id, **about))

    return build_vertex


def _streaming(before: Any) -> Any:
    """`BaseChatModel._streaming_disabled`: lfx says `streaming=False` to every model, which no handler can overrule."""

    def disabled(self: Any, **about: Any) -> bool:
        run = _current.get()
        wanted = run is not None and run.streams and "stream" not in about
        never = self.disable_streaming is True or (self.disable_streaming == "tool_calling" and about.get("tools"))
        return bool(before(self, **about)) if never or not wanted else False

    return disabled


def _remembering(before: Any) -> Any:
    """`lfx.memory._impl`: without LangFlow's database lfx forgets every message."""

    def impl() -> Any:
        run = _current.get()
        return before() if run is None else run.history

    return impl


def _serving(before: Any) -> Any:
    """`get_service`, through which lfx asks for everything. Its settings are those of the process, and our switches are
    for one run; and without LangFlow there is no service of variables, though lfx has one that needs no database.
    """

    def get_service(service_type: Any, default: Any = None) -> Any:
        run = _current.get()
        service = before(service_type, default)
        name = getattr(service_type, "value", service_type)
        if run is not None and service is None and name == "variable_service":
            from lfx.services.variable.service import VariableService

            return VariableService()
        if run is not None and service is not None and name == "settings_service" and run.switches:
            return _Settings(service, run.switches)
        return service

    return get_service


class _Settings:
    """The service of settings, and its settings, with some of them others."""

    def __init__(self, service: Any, switches: Mapping[str, Any]) -> None:
        self._service = service
        self.settings = _Switched(service.settings, switches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


class _Switched:
    def __init__(self, settings: Any, switches: Mapping[str, Any]) -> None:
        self._settings = settings
        self.__dict__.update(switches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)


def _executing(before: Any) -> Any:
    """`create_class`: the one place where lfx executes the code of a node."""

    def create_class(code: str, class_name: str) -> Any:
        run = _current.get()
        if run is not None:
            run.allow(code)
        return before(code, class_name)

    return create_class


_WRAPPED: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("lfx.graph.graph.base", "Graph.build_vertex", _building),
    ("langchain_core.language_models.chat_models", "BaseChatModel._streaming_disabled", _streaming),
    ("lfx.memory", "_impl", _remembering),
    ("lfx.services.deps", "get_service", _serving),
    ("lfx.custom.validate", "create_class", _executing),
)

_hooks = _Hooks()
