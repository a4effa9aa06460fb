"""Run a flow by its runner alone and tell in short lines what happened. What must hold for every run is checked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from lfwidget.model.check import check_event
from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.runners.base import Execution
from lfwidget.runners.langchain.runner import LangChainRunner
from lfwidget.scripted import Reply, ScriptedModel

HANG = 30.0


def says(*replies: str | Reply, **options: Any) -> ScriptedModel:
    """A model that says what it is told, as fast as it can; told its own place, its tokens prove where they landed."""
    return ScriptedModel(list(replies), tokens_per_second=None, **options)


@dataclass
class Watched:
    """A run that is over, or goes on.

    Attributes:
        asked: every batch of questions that was put.
        output: what the flow returned.
        error: what it raised.
        kept: the live outputs by span.
    """

    runner: LangChainRunner
    answers: list[Any]
    log: RunLog = field(default_factory=RunLog)
    asked: list[list[Any]] = field(default_factory=list)
    asking: asyncio.Event = field(default_factory=asyncio.Event)
    output: Any = None
    error: BaseException | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    async def execute(self, given: Any, **options: Any) -> Watched:
        started = {"run_id": "r1", "flow": "f", "input": None, "started_at": "", "graph": self.runner.graph}
        self.log.append("run.started", **started, format=1)
        execution = Execution(
            self.log, given, self._ask, self.kept.__setitem__, run_id=options.pop("run_id", "r1"), **options
        )
        try:
            self.output = await self.runner.execute(execution)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it raises is the result
            self.error = error
        self._check()
        return self

    async def _ask(self, questions):
        self.asked.append(list(questions))
        for question in questions:
            self.log.append(
                "input.requested",
                node=question.node,
                span=question.span,
                request=question.request,
                prompt=question.prompt,
            )
        self.asking.set()
        if not self.answers:
            await asyncio.Event().wait()
        given = {question.request: self.answers.pop(0) for question in questions}
        for question in questions:
            fields = {"node": question.node, "span": question.span, "request": question.request}
            self.log.append("input.given", **fields, value=given[question.request])
        return given

    def first_token(self) -> asyncio.Event:
        """An event that is set when a model has said its first token. To be asked for before the run."""
        spoken, loop, buffer = asyncio.Event(), asyncio.get_running_loop(), self.log.delta

        def delta(*token, **about):
            buffer(*token, **about)
            loop.call_soon_threadsafe(spoken.set)

        self.log.delta = delta
        return spoken

    def _check(self) -> None:
        """No span is open, no event is malformed, every span lies in one that was told before."""
        spans: set[str] = set()
        known = {node["id"] for node in self.runner.graph["nodes"]}
        for event in self.events:
            check_event(event)
            known |= {node["id"] for node in event.get("nodes", ())}
            spans |= {event["span"]} if event["kind"] == "node.started" else set()
            assert event.get("span") in {None, *spans}, event
            assert event.get("parent") in {None, *spans}, event
            assert event.get("node") in {None, *known}, event
        open_spans = [span.span for node in self.state.nodes.values() for span in node.spans if span.open]
        assert open_spans == []

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.log.since(0)

    @property
    def state(self) -> RunState:
        return RunState(self.events)

    @property
    def told(self) -> list[str]:
        """Every event of a node as a short line, in order."""
        return [line for event in self.events if (line := _line(event))]

    def told_of(self, *nodes: str) -> list[str]:
        """The same, of some nodes only: what runs at once has no order."""
        return [line for event in self.events if event.get("node") in nodes and (line := _line(event))]

    @property
    def spoke(self) -> dict[str, str]:
        """The text of every node that said anything by itself, of all its spans, retracted or not."""
        texts: dict[str, str] = {}
        for event in self.events:
            if event["kind"] in ("node.delta", "node.text") and event["channel"] == "text":
                texts[event["node"]] = texts.get(event["node"], "") + event["text"]
        return texts

    @property
    def skipped(self) -> dict[str, str]:
        return {event["node"]: event["reason"] for event in self.events if event["kind"] == "node.skipped"}

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]


def watched(runnable: Any, *, answers: list[Any] | None = None) -> Watched:
    return Watched(LangChainRunner(runnable), list(answers or ()))


async def run(runnable: Any, given: Any, *, answers: list[Any] | None = None, **options: Any) -> Watched:
    """Run it once; whatever it raised is in `error`."""
    return await asyncio.wait_for(watched(runnable, answers=answers).execute(given, **options), HANG)


async def run_well(runnable: Any, given: Any, **options: Any) -> Watched:
    """Run it once; it must not raise."""
    over = await run(runnable, given, **options)
    if over.error is not None:
        raise over.error
    return over


def _line(event: dict[str, Any]) -> str:
    tell = _TELL.get(event["kind"])
    return tell(event) if tell else ""


def _started(event: dict[str, Any]) -> str:
    line = f"start {event['span']}"
    line += f" in {event['parent']}" if "parent" in event else ""
    line += f" [{event['index']}]" if "index" in event else ""
    return line + (f" try {event['attempt']}" if event["attempt"] > 1 else "")


def _delta(event: dict[str, Any]) -> str:
    call = event.get("call")
    channel = f"call {call['index']} of" if call else event["channel"]
    return f"{channel} {event['span']}: {event['text']}"


_TELL = {
    "graph.changed": lambda event: "found " + " ".join(node["id"] for node in event["nodes"]),
    "node.started": _started,
    "node.delta": _delta,
    "node.text": lambda event: f"whole {event['channel']} {event['span']}: {event['text']}",
    "node.finished": lambda event: f"finish {event['span']}",
    "node.failed": lambda event: f"fail {event['span']}: {event['error']['type']}: {event['error']['message']}",
    "node.skipped": lambda event: f"skip {event['node']}: {event['reason']}",
    "node.cancelled": lambda event: f"cancel {event['span']}: {event['reason']}",
    "node.retracted": lambda event: f"retract {event['span']}",
    "log": lambda event: f"{event['level']} {event.get('node')}: {event['message']}",
    "input.requested": lambda event: f"ask {event['span']}: {event['prompt']}",
    "input.given": lambda event: f"answer {event['span']}: {event['value']}",
}
