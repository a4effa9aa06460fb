"""`Flow`: what can be run and watched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from lfwidget import display, runtime
from lfwidget.errors import InputError, NotAFlowError, UnknownNameError
from lfwidget.keeper import FlowKeeper
from lfwidget.model.graph import Edge, Graph, Node
from lfwidget.model.preview import preview
from lfwidget.model.values import to_json
from lfwidget.nodes import find_node
from lfwidget.options import options
from lfwidget.run import Run
from lfwidget.runners.base import Form, Runner
from lfwidget.saving import save_while_running
from lfwidget.work import Request, start

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lfwidget.gateway.link import Link
    from lfwidget.sharing import ShareOptions
    from lfwidget.widget.widget import FlowWidget

__all__ = ["Flow", "FlowGraph"]

_NAME_LENGTH = 40
"""Characters of an input that make the name of a run."""

_FLOW_KEYWORDS = ("name", "input", "examples")
_RUN_KEYWORDS = ("name", "tags", "config", "tweaks", "session_id", "stream_nodes", "variables", "model", "save")


@dataclass(frozen=True)
class FlowGraph:
    """How a flow is drawn: plain data."""

    nodes: list[Node]
    edges: list[Edge]

    def to_json(self) -> Graph:
        """A copy as one JSON object: {"nodes": [...], "edges": [...]}."""
        return deepcopy(Graph(nodes=self.nodes, edges=self.edges))


class Flow:
    """Something to run and to watch. As the last line of a cell: its graph, an input box and a Run button.

    Args:
        obj: any LangChain Runnable or compiled LangGraph graph, a function, a dict of steps to run side by
            side, or a `Runner` of your own.
        name: what it is called; by default what the object is called.
        input: makes the flow's input from the text that somebody types, where that is not obvious.
        examples: inputs to choose from in the widget.

    Raises:
        NotAFlowError: `obj` is nothing that can be run.
        InputError: a keyword has a value of the wrong kind.
        UnknownNameError: a keyword that does not exist.
    """

    def __init__(
        self,
        obj: Any,
        *,
        name: str | None = None,
        input: Callable[[str], Any] | None = None,  # noqa: A002 - it is what it is
        examples: Iterable[Any] = (),
        **unknown: Never,
    ) -> None:
        _refuse_unknown(unknown, _FLOW_KEYWORDS)
        self._runner = _runner(obj)
        self.name = str(name or self._runner.name)
        if input is not None and not callable(input):
            raise InputError(f"input= is a function that makes the input of typed text, not {type(input).__name__}")
        self._to_input = input
        self._examples = [examples] if isinstance(examples, str) else _items(examples, "examples")
        self._runs: list[Run] = []
        self._shares: list[Callable[[Run], None]] = []
        self._widget: FlowWidget | None = None
        self._keeper = FlowKeeper(self)

    @property
    def graph(self) -> FlowGraph:
        """Its nodes and edges, as they are known before a run."""
        return FlowGraph(**self._runner.graph)

    @property
    def runs(self) -> list[Run]:
        """The runs its widget keeps, oldest first."""
        return list(self._runs)

    def run(  # noqa: PLR0913 - people type only what they need
        self,
        typed: Any = None,
        *,
        name: str | None = None,
        tags: Iterable[str] = (),
        config: Mapping[str, Any] | None = None,
        tweaks: Mapping[str, Mapping[str, Any]] | None = None,
        session_id: str | None = None,
        stream_nodes: Iterable[str] | None = None,
        variables: Mapping[str, str] | None = None,
        model: Any = None,
        save: str | os.PathLike[str] | None = None,
        **unknown: Never,
    ) -> Run:
        """Start a run; it goes on in the background.

        Args:
            typed: text, which works for every flow, or the flow's own input.
            name: what this run is called in the widget.
            tags: kept with the run.
            config: a LangChain `RunnableConfig`.
            tweaks: parameters by node: {"model": {"temperature": 0}}.
            session_id: LangGraph's `thread_id`, LangFlow's session.
            stream_nodes: ids or titles of the nodes whose tokens are streamed; all by default.
            variables: values of a LangFlow flow's global variables, by name: {"OPENAI_API_KEY": "..."}.
            model: a LangChain chat model that stands in for every model of a LangFlow flow, so that it needs no key.
            save: path of a record file that is written while the run goes on, so that a crash loses nothing.
            **unknown: is refused, with the nearest keyword there is.

        Raises:
            InputError: the flow cannot take this input, or not such a keyword.
            UnknownNameError: a keyword, a node or a field of a node that does not exist.
            MissingExtraError: the flow needs a package that is not installed.
            ComponentError: a node of a LangFlow export runs on a LangFlow server only.
            UntrustedFlowError: a LangFlow flow brings code of its own, see `load_flow(trust=)`.
            OSError: the file for `save` cannot be written.
        """
        _refuse_unknown(unknown, _RUN_KEYWORDS)
        if save is not None:
            Path(save).open("ab").close()
        request = Request(
            flow=self.name,
            typed=typed,
            input=self._input(typed),
            name=name or _run_name(typed, len(self._runs) + 1),
            tags=(tags,) if isinstance(tags, str) else tuple(_items(tags, "tags")),
            config=_mapping(config, "config"),
            tweaks={
                self._node(node, "tweaks"): _mapping(fields, f"tweaks of {node!r}")
                for node, fields in _mapping(tweaks, "tweaks").items()
            },
            session_id=session_id,
            stream_nodes=None if stream_nodes is None else self._nodes(stream_nodes),
            variables=_mapping(variables, "variables"),
            model=model,
        )
        self._check(request)
        run = Run(start(self._runner, request), typed, self._is_shown)
        if save is not None:
            save_while_running(run.log, save, run.about)
        self._keep(run)
        return run

    def share(self, **how: Unpack[ShareOptions]) -> Link:
        """Let others watch each run of it, from the newest one on: one link for a whole lesson.

        Args:
            **how: as of `run.share()`; with `can="run"` they can also start runs, with what they type.

        Raises:
            GatewayError: it cannot be shared so.
            InputError: a keyword has an impossible value.
            MissingExtraError: `pip install 'lfwidget[gateway]'` is missing.
            UnknownNameError: a keyword that does not exist.
        """
        from lfwidget.sharing import share_flow

        return share_flow(self, how, self._each_run)

    def _each_run(self, share: Callable[[Run], None]) -> Callable[[], None]:
        for run in self._runs[-1:]:
            share(run)
        self._shares.append(share)
        return lambda: self._shares.remove(share)

    @property
    def form(self) -> Form:
        """What the widget asks for before a run."""
        form = self._runner.form
        if self._to_input is not None:
            form = {**form, "kind": "text", "fields": []}
        return {**form, "examples": to_json(self._examples)}

    @property
    def widget(self) -> FlowWidget:
        """The ipywidgets widget of this flow: for VBox and Tab, to observe and to link. There is one."""
        if self._widget is None or self._widget.comm is None:
            from lfwidget.widget.widget import FlowWidget

            self._widget = FlowWidget(
                graph=self._runner.graph,
                form=self.form,
                title=self.name,
                start=lambda typed: self.run(typed).id,
                cancel=lambda run: self._find(run).cancel("Stop was pressed"),
                answer=lambda run, request, value: self._find(run).answer_typed(value, request),
                note=lambda run, words, at: self._find(run).note(*words, at=at),
                keep=lambda run: self._keeper.keep(self._find(run)),
            )
            for run in self._runs:
                self._widget.add(run.id, run.name, run.log)
        return self._widget

    def to_python(self) -> str:
        """The same flow as Python code, for one that comes from LangFlow: LangChain's where its nodes allow that, else
        lfx's. No key is in it; secret fields are read from the environment.

        Raises:
            NotAFlowError: it was made in Python.
            FlowFormatError: a node has no Python.
        """
        write = getattr(self._runner, "to_python", None)
        if write is None:
            raise NotAFlowError("this flow was made in Python: there is no export to write code of")
        code: str = write()
        return code

    def _input(self, typed: Any) -> Any:
        if self._to_input is not None and isinstance(typed, str):
            return self._to_input(typed)
        return self._runner.to_input(typed)

    def _check(self, request: Request) -> None:
        """Refuse what can be refused before a run starts."""
        if check := getattr(self._runner, "check", None):
            check(request.tweaks, request.variables, request.model)
        elif request.variables or request.model is not None:
            raise InputError("variables= and model= are for LangFlow flows: this one has its models in it")

    def _nodes(self, names: Iterable[str]) -> frozenset[str]:
        # A single name is iterable too, letter by letter.
        several = [names] if isinstance(names, str) else _items(names, "stream_nodes")
        return frozenset(self._node(name, "stream_nodes") for name in several)

    def _node(self, name: str, keyword: str) -> str:
        if not isinstance(name, str):
            raise InputError(f"{keyword}= takes ids or titles of nodes, not {type(name).__name__}")
        return find_node(name, {node["id"]: node["title"] for node in self._runner.graph["nodes"]})

    def _keep(self, run: Run) -> None:
        """Keep this run, and forget the oldest that ended where there are too many."""
        self._runs.append(run)
        for share in list(self._shares):
            share(run)
        if self._is_shown() and self._widget is not None:
            self._widget.add(run.id, run.name, run.log)
        ended = [other for other in self._runs if other.log.ended]
        for old in ended[: max(0, len(self._runs) - options.keep_runs)]:
            self._runs.remove(old)
            if self._widget is not None:
                self._widget.drop(old.id)

    def _is_shown(self) -> bool:
        return self._widget is not None and self._widget.comm is not None

    def _find(self, run_id: str) -> Run:
        for run in self._runs:
            if run.id == run_id:
                return run
        raise UnknownNameError("run", run_id, [run.id for run in self._runs])

    def __repr__(self) -> str:
        from lfwidget.text import flow_text

        return flow_text(self.name, self._runner.graph)

    def _ipython_display_(self) -> None:
        """Live where somebody watches, a picture where nobody does."""
        self._keeper.show()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """For whoever asks for a form of it instead of displaying it."""
        if runtime.kernel() is None:
            return {"text/plain": repr(self)}
        return self.picture() if runtime.is_batch() else display.bundle(self.widget, repr(self))

    def picture(self) -> dict[str, Any]:
        """The graph as a cell can keep it: an image, and text."""
        from lfwidget.record.html import flow_html

        return {"text/plain": repr(self), "text/html": flow_html(self._runner.graph, self.name)}

    def shown_run(self) -> Run | None:
        """The run that the widget shows; None before any."""
        shown = self._widget.shown if self._widget is not None else ""
        return next((run for run in self._runs if run.id == shown), None)


def _refuse_unknown(unknown: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in unknown:
        raise UnknownNameError("keyword", name, known)


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping | None):
        raise InputError(f"{what} is a dict, not {type(value).__name__}")
    return dict(value or {})


def _items(values: Any, keyword: str) -> list[Any]:
    if not isinstance(values, Iterable | None):
        raise InputError(f"{keyword}= takes several, as a list, not {type(values).__name__}")
    return list(values or ())


def _runner(obj: Any) -> Runner:
    if all(hasattr(obj, name) for name in ("execute", "to_input", "graph", "form")):
        runner: Runner = obj
        return runner
    from langchain_core.runnables import Runnable
    from langchain_core.runnables.base import coerce_to_runnable

    if isinstance(obj, dict) or (callable(obj) and not isinstance(obj, Runnable | type)):
        try:
            obj = coerce_to_runnable(obj)  # what LangChain itself takes for a step of a chain
        except TypeError as error:
            raise NotAFlowError(f"not every step of this dict is a Runnable, a function or a dict: {error}") from error
    if not isinstance(obj, Runnable):
        hint = ": compile it first, with .compile()" if hasattr(obj, "compile") else ""
        raise NotAFlowError(
            f"a flow is made of a LangChain Runnable, a compiled LangGraph graph or a function, "
            f"not of {type(obj).__name__}{hint}"
        )
    from lfwidget.runners.langchain.runner import LangChainRunner

    return LangChainRunner(obj)


def _run_name(typed: Any, number: int) -> str:
    return preview(to_json(typed), _NAME_LENGTH).replace("\n", " ") or f"Run {number}"
