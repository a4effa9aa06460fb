"""Run a flow on a server by its runner alone, and tell what happened."""

from __future__ import annotations

import asyncio
from typing import Any

from langflow_double import HANG, KEY

from lfwidget.model.check import check_event
from lfwidget.model.log import RunLog
from lfwidget.model.redact import Redactor
from lfwidget.model.state import RunState
from lfwidget.runners.base import Execution
from lfwidget.runners.langflow.server.http import Patience
from lfwidget.runners.langflow.server.runner import ServerRunner
from lfwidget.runners.langflow.server.ways import WAYS

HASTY = Patience(connect=5, answer=20, keepalive=20, silence=20, lost=2, first_pause=0.01, longest_pause=0.05)


class Ran:
    """A run that is over, or goes on. What must hold for every run is checked.

    Attributes:
        output: what the flow returned.
        error: what it raised.
    """

    def __init__(self, runner: ServerRunner) -> None:
        self.runner = runner
        self.log = RunLog(redactor=Redactor(runner.secrets))
        self.output: Any = None
        self.error: BaseException | None = None

    async def execute(self, given: Any = "hello", **options: Any) -> Ran:
        self.log.append(
            "run.started", run_id="r1", flow="f", input=None, started_at="", graph=self.runner.graph, format=1
        )
        execution = Execution(self.log, self.runner.to_input(given), _ask, lambda *_: None, run_id="r1", **options)
        try:
            async with asyncio.timeout(HANG):
                self.output = await self.runner.execute(execution)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it raises is the result
            self.error = error
        self.log.merge()
        self._check()
        return self

    async def heard(self, node: str = "", kind: str = "", words: str = "") -> None:
        """Wait until this was told."""
        told = asyncio.Event()
        self.log.wake = told.set
        async with asyncio.timeout(HANG):
            while True:
                self.log.flush()
                found = self.events
                if any(
                    event["kind"] == kind and event.get("node", "") == node and words in str(event) for event in found
                ):
                    return
                await told.wait()
                told.clear()

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.log.since(1)

    @property
    def state(self) -> RunState:
        return RunState(self.log.since(0))

    def text(self, node: str) -> str:
        return self.state.node(node).text

    def statuses(self) -> dict[str, str]:
        return {node.id: node.status for node in self.state.nodes.values()}

    def streamed(self, node: str) -> list[str]:
        """The tokens of a node, as they came."""
        tokens = []
        for event in self.events:
            if event["kind"] == "node.delta" and event["node"] == node:
                text = event["text"]
                for cut in event["cuts"]:
                    tokens.append(text[:cut])
                    text = text[cut:]
        return tokens

    def kinds(self, node: str) -> list[str]:
        return [event["kind"] for event in self.events if event.get("node") == node]

    def remarks(self, *levels: str) -> str:
        found = [each for each in self.events if each["kind"] == "log" and (not levels or each["level"] in levels)]
        return "\n".join(each["message"] for each in found)

    def _check(self) -> None:
        for event in self.log.since(0):
            check_event(event)
        assert not [span.id for span in self.state.spans.values() if span.open]
        assert KEY not in repr(self.log.since(0))
        assert KEY not in repr(self.error)


async def _ask(questions):
    raise AssertionError("nobody asks")


def find(fake, flow="Basic", **options) -> ServerRunner:
    return ServerRunner.find(fake.url, flow, api_key=KEY, **{"patience": HASTY, **options})


async def ran(fake, *, runner=None, tap=True, ways=WAYS, patience=HASTY, **options) -> Ran:
    runner = runner or find(fake, fake.flow["name"], tap=tap, patience=patience, ways=ways)
    return await Ran(runner).execute("hello", **options)
