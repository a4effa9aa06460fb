"""Run a LangFlow export in this process, with lfx, LangFlow's own engine."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lfwidget.errors import InputError
from lfwidget.model.graph import NEVER_RUN, Graph
from lfwidget.runners.base import Execution, Form
from lfwidget.runners.langchain.stop import stoppable
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import Export
from lfwidget.runners.langflow.inputs import form_of, text_of
from lfwidget.runners.langflow.local.engine import LocalRun, ready
from lfwidget.runners.langflow.local.frozen import Frozen
from lfwidget.runners.langflow.local.history import History, MessageFile
from lfwidget.runners.langflow.local.needs import require_packages
from lfwidget.runners.langflow.local.shipped import require_lfx, shipped
from lfwidget.runners.langflow.local.trust import Trust, trusted_flow
from lfwidget.runners.langflow.local.watch import FlowWatch, StreamingFlowWatch
from lfwidget.runners.langflow.to_python import to_python
from lfwidget.runners.langflow.tweak import check_tweaks, files_named, secrets_of, tweaked

__all__ = ["LocalRunner"]

_CANCELLED = "the run was cancelled"


class LocalRunner:
    """Runs one export; its runs may overlap, and share nothing but the messages of their sessions, and what frozen
    nodes gave.

    Args:
        export: as `read_export()` gives it.
        trust: as in `load_flow(trust=)`.
        model: as in `load_flow(model=)`.
        history: as in `load_flow(history=)`.
    """

    def __init__(
        self,
        export: Export,
        *,
        trust: Trust = False,
        model: Any = None,
        history: str | os.PathLike[str] | None = None,
    ) -> None:
        if trust not in (True, False, "upgrade"):
            raise InputError(f'trust= is True, False or "upgrade", not {trust!r}')
        self._export = export
        if model is not None:
            _check_model(model)
        self._trust = trust
        self._model = model
        self._history = History(None if history is None else MessageFile(history))
        self._flow_id = str(uuid.uuid4())
        self._allowed: Mapping[str, Any] | None = None
        self._frozen: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """As in the export."""
        return self._export.name

    @cached_property
    def graph(self) -> Graph:
        """The flow as LangFlow has it; nothing of it is run for that."""
        return draw(self._export)

    @property
    def form(self) -> Form:
        """A text box where the flow has a Chat Input."""
        return form_of(self._export)

    @property
    def secrets(self) -> set[str]:
        """What stands in password fields, and the variables that fields name."""
        return secrets_of(self._export)

    def to_input(self, typed: Any) -> str | None:
        """The text for the Chat Input; see `text_of`."""
        return text_of(self._export, typed)

    def check(self, tweaks: Mapping[str, Mapping[str, Any]], variables: Mapping[str, str], model: Any) -> None:
        """Refuse what can be refused before a run starts.

        Raises:
            MissingExtraError: lfx, or a package that a component needs, is not installed.
            ComponentError: a component needs LangFlow itself.
            UntrustedFlowError: the flow brings code of its own.
            UnknownNameError: a tweak of a field that does not exist.
            InputError: a tweak of code, a variable that is no text, or a model that is none.
        """
        require_lfx()
        self._flow()
        check_tweaks(self._export, tweaks)
        given: Mapping[Any, Any] = variables
        for name, value in given.items():
            if not (isinstance(name, str) and isinstance(value, str)):
                raise InputError(f"variables= are texts by name; {name!r} is {type(value).__name__}")
        if model is not None:
            _check_model(model)
        require_packages(self._export, tweaks, has_model=model is not None or self._model is not None)

    def to_python(self) -> str:
        """The flow as Python code; see `Flow.to_python()`."""
        return to_python(self._export)

    async def execute(self, execution: Execution) -> Any:
        """Run once; see `Runner.execute`."""
        self.check(execution.tweaks, execution.variables, execution.model)
        kind = FlowWatch if execution.stream_nodes == frozenset() else StreamingFlowWatch
        watch = kind(execution.log, execution.keep, execution.stream_nodes, self._export)
        run = LocalRun(
            flow=tweaked(self._flow(), execution.tweaks)["data"],
            flow_id=self._flow_id,
            watch=watch,
            history=self._history,
            session=execution.session_id or execution.run_id or uuid.uuid4().hex,
            ask=execution.ask,
            input=execution.input,
            variables=execution.variables,
            model=self._model if execution.model is None else execution.model,
            shipped=None if self._trust is True else shipped(),
            opens=frozenset(files_named(self._export, execution.tweaks)),
            streams=kind is StreamingFlowWatch,
            frozen=Frozen(self._frozen, anew=frozenset(execution.tweaks)),
        )
        outcome = ""
        try:
            await ready(execution.log)
            return await stoppable(run.run())
        except asyncio.CancelledError:
            outcome = _CANCELLED
            raise
        except BaseException:
            outcome = "an earlier node failed"
            raise
        finally:
            watch.close(reason=outcome or "the run ended before it did")
            self._skip(execution, run, outcome)
            watch.groups.close(outcome)

    def _flow(self) -> Mapping[str, Any]:
        """The flow as it may run."""
        if self._allowed is None:
            self._allowed = trusted_flow(self._export.raw, self._trust)
        return self._allowed

    def _skip(self, execution: Execution, run: LocalRun, outcome: str) -> None:
        """Say of every node that never started that it did not, and why."""
        for node in self.graph["nodes"]:
            component = self._export.components.get(node["id"])
            if component is None or component.is_group or node["type"] in NEVER_RUN or node["id"] in run.watch.started:
                continue
            if node["id"] in run.passed:
                reason = f"{run.passed[node['id']]} went another way"
            elif component.is_tool and not outcome:
                reason = "no agent called it"
            else:
                reason = outcome or "nothing led to it"
            execution.log.append("node.skipped", node=node["id"], reason=reason)
            run.watch.groups.skip(node["id"], reason)


def _check_model(model: Any) -> None:
    from langchain_core.language_models.chat_models import BaseChatModel

    if not isinstance(model, BaseChatModel):
        raise InputError(f"model= is a LangChain chat model, not {type(model).__name__}")
