"""A flow on a LangFlow server: drawn here, run there, watched node by node and token by token."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lfwidget.errors import InputError, ServerError, UnknownNameError
from lfwidget.model.graph import Graph
from lfwidget.runners.base import Execution, Form
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import Export, as_mapping, read_export
from lfwidget.runners.langflow.inputs import form_of, stored_text, text_of
from lfwidget.runners.langflow.server.drive import DataRefusedError, Drive, WayMissingError
from lfwidget.runners.langflow.server.fold import CANCELLED, Fold
from lfwidget.runners.langflow.server.http import Patience, Server
from lfwidget.runners.langflow.server.job import Job
from lfwidget.runners.langflow.server.plugin import is_there
from lfwidget.runners.langflow.server.relay import Relay
from lfwidget.runners.langflow.server.tap import Tapped, speakers, tap
from lfwidget.runners.langflow.server.vocabulary import said
from lfwidget.runners.langflow.server.ways import ROUTES, WAYS
from lfwidget.runners.langflow.to_python import to_python
from lfwidget.runners.langflow.tweak import check_tweaks, secrets_of

__all__ = ["ServerRunner"]

_WITH_VARIABLES = ("run_stream", "run")
_VARIABLE = re.compile(r"[A-Z0-9_.-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_TELLS_NODES = ("background", "stream", "build")


class ServerRunner:
    """Runs one flow on a server.

    Args:
        server: which, and the key to it.
        flow: the flow as the server has it: `id`, `name`, `data`.
        tap: whether models stream that no Chat Output follows.
        ways: how to run it, best first; names of `WAYS`.
        socket: whether it is watched over our plugin's socket, where the server has one.
    """

    def __init__(
        self,
        server: Server,
        flow: Mapping[str, Any],
        *,
        tap: bool = True,
        ways: Sequence[str] = WAYS,
        socket: bool = True,
    ) -> None:
        self._server = server
        self._id = str(flow["id"])
        self._export = read_export(flow)
        self._graph = draw(self._export)
        self._tap = tap
        self._ways = tuple(ways)
        self._has_socket = None if socket else False

    @classmethod
    def find(  # noqa: PLR0913 - the last three are for tests
        cls,
        url: str,
        flow: str | None = None,
        *,
        api_key: str | None = None,
        tap: bool = True,
        ways: Sequence[str] = WAYS,
        patience: Patience | None = None,
        socket: bool = True,
    ) -> ServerRunner:
        """The runner of a flow on a server; asked for in synchronous code, whether a loop runs or not.

        Args:
            url: of the server.
            flow: id, name or endpoint name of the flow.
            api_key: of LangFlow; by default the environment's LANGFLOW_API_KEY.
            tap: whether models stream that no Chat Output follows.
            ways: how to run it, best first.
            patience: how long is waited for what.
            socket: whether it is watched over our plugin's socket, where the server has one.

        Raises:
            UnknownNameError: the server has no such flow.
            InputError: several flows have this name, or the address is none.
            FlowFormatError: the flow cannot be drawn.
            ServerError: the server refuses, fails, or cannot be reached.
        """
        server = Server.at(url, api_key, patience)
        listed = server.get("/api/v1/flows/", get_all="true", header_flows="true")
        found = _choose([each for each in listed if isinstance(each, Mapping)], flow or "")
        return cls(server, as_mapping(server.get(f"/api/v1/flows/{found}")), tap=tap, ways=ways, socket=socket)

    def __repr__(self) -> str:
        return f"<ServerRunner {self.name!r} at {self._server.url}>"

    @property
    def name(self) -> str:
        """As on the server."""
        return self._export.name

    @property
    def graph(self) -> Graph:
        """The flow as it is drawn."""
        return self._graph

    @property
    def form(self) -> Form:
        """A text box where the flow has a Chat Input."""
        return form_of(self._export)

    @property
    def secrets(self) -> set[str]:
        """The API key, and what stands in fields of the flow that hold passwords."""
        return self._server.secrets | secrets_of(self._export)

    def to_input(self, typed: Any) -> str:
        """The text for the Chat Input; see `text_of`. Nothing is what is stored in it: the server would take none."""
        text = text_of(self._export, typed)
        return stored_text(self._export) if text is None else text

    def to_python(self) -> str:
        """The flow as Python code; see `Flow.to_python()`."""
        return to_python(self._export)

    def check(self, tweaks: Mapping[str, Mapping[str, Any]], variables: Mapping[str, Any], model: Any) -> None:
        """Refuse what the server could not do, before a run starts.

        Raises:
            InputError: a model of yours, or a variable that cannot be sent.
            UnknownNameError: a node or a field that does not exist.
        """
        if model is not None:
            raise InputError("model= stands in for the models of a flow that runs here: this one runs on the server")
        check_tweaks(self._export, tweaks)
        for name, value in variables.items():
            if not _VARIABLE.fullmatch(name):
                raise InputError(f"variables=: the server takes no name like {name!r}: A-Z, 0-9 and _ only", [name])
            if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
                raise InputError(f"variables=: the value of {name!r} is no text that can be sent in a header", [name])

    async def execute(self, execution: Execution) -> Any:
        """Run once; see `Runner.execute`.

        Raises:
            ComponentError: a node failed.
            ServerError: the server refuses the run, or is lost.
            InputRequiredError: a node asks a person.
        """
        async with self._server.client() as client:
            job = await self._job(execution, client)
            ways = list(self._ways_for(execution))
            if self._has_socket is None and "background" in ways:
                self._has_socket = await is_there(self._server, client)
            while ways:
                fold, relay = self._fold(execution, job), self._relay(execution)
                drive = Drive(self._server, client, job, fold, execution.log, relay=relay)
                try:
                    await self._follow(drive, ways[0])
                except WayMissingError as missing:
                    self._remark(execution, "info", f"the server has no {ROUTES[ways.pop(0)]} ({missing})")
                except DataRefusedError as refused:
                    self._remark(execution, "warning", f"only models with a Chat Output stream here: {refused}")
                    job = job.plain()
                else:
                    return self._outcome(execution, drive.told, job)
            raise ServerError(
                f"{self._server.url}: this server has no way to run a flow: is it LangFlow?", self._server.url
            )

    async def _follow(self, drive: Drive, way: str) -> None:
        """Take a way to its end; whatever happens, no span stays open and the server's run does not go on alone."""
        reason = "the run failed"
        begun = True
        try:
            await drive.take(way)
            reason = CANCELLED if drive.told.cancelled else ""
        except (WayMissingError, DataRefusedError):
            begun = False
            raise
        except asyncio.CancelledError:
            reason = CANCELLED
            raise
        finally:
            if begun:
                await drive.stop()
                drive.told.close(reason, untold=way not in _TELLS_NODES)

    async def _job(self, execution: Execution, client: Any) -> Job:
        """What to ask: the flow as the server has it now, with taps where they are wanted."""
        export = await self._newest(execution, client)
        wanted = execution.stream_nodes
        tapped = tap(export, wanted) if self._tap and not execution.variables else Tapped()
        for speaker, readers in tapped.readers.items():
            self._remark(execution, "info", _about_readers(export, speaker, readers, speaker in tapped.tapped))
        return Job(
            flow=self._id,
            text=str(execution.input),
            session=execution.session_id or f"lfwidget-{uuid.uuid4().hex}",
            stored=export.data,
            key=f"lfwidget-{uuid.uuid4().hex}",
            tweaks=execution.tweaks,
            streams=self._streams(export, wanted),
            data=tapped.data,
            hidden=tapped.hidden,
            variables=execution.variables,
            has_chat_output=bool(export.of_type("ChatOutput")),
        )

    async def _newest(self, execution: Execution, client: Any) -> Export:
        """The flow may have been edited since it was drawn; what runs is what the server has."""
        path = f"/api/v1/flows/{self._id}"
        flow = as_mapping(await self._server.ask(client, path))
        if _essence(flow) == _essence(self._export.raw):
            return self._export
        self._remark(
            execution,
            "warning",
            "the flow was changed on the server since it was drawn: connect() again to draw it anew",
        )
        return read_export(flow)

    def _streams(self, export: Export, wanted: frozenset[str] | None) -> dict[str, bool]:
        """Switches for the nodes that have one, where it stands otherwise."""
        if wanted is None and not self._tap:
            return {}
        switches = {
            each.id: wanted is None or each.id in wanted for each in speakers(export) if "stream" in each.template
        }
        return {node: on for node, on in switches.items() if bool(export.components[node].value("stream")) != on}

    def _fold(self, execution: Execution, job: Job) -> Fold:
        return Fold(self._export, execution.log, execution.keep, execution.stream_nodes, hidden=job.hidden)

    def _relay(self, execution: Execution) -> Relay | None:
        return Relay(execution.log, execution.keep, execution.stream_nodes) if self._has_socket else None

    def _ways_for(self, execution: Execution) -> Sequence[str]:
        if not execution.variables:
            return self._ways
        able = [way for way in self._ways if way in _WITH_VARIABLES]
        if not able:
            raise InputError("variables=: LangFlow takes them only by /api/v1/run", list(execution.variables))
        self._remark(
            execution, "info", "LangFlow takes variables= only by /api/v1/run, which tells less than its other ways"
        )
        return able

    def _outcome(self, execution: Execution, fold: Fold | Relay, job: Job) -> Any:
        if job.hidden and fold.planned and job.hidden.isdisjoint(fold.planned):
            self._remark(
                execution, "info", "the server ran its own copy of the flow: only models with a Chat Output stream"
            )
        if fold.unknown:
            self._remark(execution, "debug", f"events that lfwidget does not know: {', '.join(sorted(fold.unknown))}")
        if fold.failure is not None:
            raise fold.failure
        if fold.cancelled:
            raise asyncio.CancelledError("it was stopped on the server")
        return fold.output

    @staticmethod
    def _remark(execution: Execution, level: str, message: str) -> None:
        execution.log.append("log", level=level, message=message, source="server")


def _choose(flows: Sequence[Mapping[str, Any]], wanted: str) -> str:
    """The id of the flow that is meant.

    Raises:
        UnknownNameError: there is none.
        InputError: there are several.
    """
    flows = [flow for flow in flows if not flow.get("is_component") and said(flow.get("id"))]
    for key in ("id", "endpoint_name", "name"):
        found = [flow for flow in flows if wanted and said(flow.get(key)) == wanted]
        if len(found) == 1:
            return said(found[0]["id"])
        if found:
            ids = [said(flow["id"]) for flow in found]
            raise InputError(f"{len(ids)} flows are called {wanted!r}: give the id of one, {' or '.join(ids)}", ids)
    names = [said(flow.get("name")) for flow in flows] + [said(flow.get("endpoint_name")) for flow in flows]
    raise UnknownNameError("flow", wanted, dict.fromkeys(filter(None, names)))


def _essence(flow: Mapping[str, Any]) -> Any:
    """What of a flow makes it run as it does: not where its nodes stand."""
    data = as_mapping(flow.get("data"))
    nodes = {
        each.get("id"): as_mapping(each.get("data")).get("node") for each in map(as_mapping, data.get("nodes") or ())
    }
    edges = [(each.get("sourceHandle"), each.get("targetHandle")) for each in map(as_mapping, data.get("edges") or ())]
    return nodes, edges


def _about_readers(export: Export, speaker: str, readers: Sequence[str], tapped: bool) -> str:  # noqa: FBT001 - a fact
    title, others = export.titles[speaker], ", ".join(export.titles[node] for node in readers)
    if tapped:
        return f"{title} streams, so what it says is in the run's chat history, where {others} may read it"
    return (
        f"{title} shows its text only when it is done: to stream, it would have to leave it in the run's chat history, "
        f"which {others} reads. stream_nodes=[{speaker!r}] makes it do so"
    )
