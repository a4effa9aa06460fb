"""The events of a run in, AG-UI events out. It does no I/O; whoever replays a log from its start gets the same again.

| event | AG-UI |
|---|---|
| `run.started` | `RUN_STARTED`, then `STATE_SNAPSHOT` |
| `node.started`, and what ends a span | `STEP_STARTED`, `STEP_FINISHED`, named after the span; `STATE_DELTA` |
| `node.delta` | `TEXT_MESSAGE_*`, `REASONING_*` (a message per span), `TOOL_CALL_*` |
| `node.text` | more of the message, or `MESSAGES_SNAPSHOT` where it contradicts what was streamed |
| the end of a tool's span | `TOOL_CALL_RESULT`, where a model asked for it |
| `run.finished`, `run.cancelled` | `RUN_FINISHED`, after everything that is open was closed |
| `run.failed` | `RUN_ERROR`, likewise |
| everything else | `CUSTOM`, with the name `lfwidget.<kind>` and the event as its value |

Nothing may follow the end of a run in AG-UI, so notes that are written later are not told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from lfwidget.gateway.agui.messages import AguiEvent, Messages, Speaker
from lfwidget.gateway.agui.state import StateView
from lfwidget.model.log import ENDS

__all__ = ["PROTOCOL_VERSION", "Translator"]

PROTOCOL_VERSION = "1.0"


class Translator:
    """Tells one run.

    Args:
        run: its id, until its first event says it.

    Attributes:
        ended: whether the run has ended; nothing is told after that.
    """

    def __init__(self, run: str) -> None:
        self.ended = False
        self._run = run
        self._began = False
        self._zero: float | None = None
        self._messages = Messages(run)
        self._state = StateView()
        self._steps: dict[str, Speaker] = {}
        self._given: dict[str, Any] = {}

    def take(self, event: Mapping[str, Any]) -> list[AguiEvent]:
        """What the next event of the run is in AG-UI."""
        if self.ended:
            return []
        told = [] if event["kind"] == "run.started" else self._beginning()
        told += self._translate(event)
        self.ended = event["kind"] in ENDS
        if self._zero is not None:
            now = round((self._zero + event["t"]) * 1000)
            told = [{**made, "timestamp": now} for made in told]
        return told

    def remark(self, name: str, value: Any) -> list[AguiEvent]:
        """Something that is no event of the run: a gap, a producer that is lost."""
        return [] if self.ended else [*self._beginning(), _custom(name, value)]

    def fail(self, message: str, code: str) -> list[AguiEvent]:
        """End it, since what follows cannot be told."""
        if self.ended:
            return []
        told = [*self._beginning(), *self._close(), {"type": "RUN_ERROR", "message": message, "code": code}]
        self.ended = True
        return told

    def _beginning(self) -> list[AguiEvent]:
        """A stream begins with RUN_STARTED, also where the first events are lost."""
        if self._began:
            return []
        self._began = True
        return [self._run_started(), {"type": "STATE_SNAPSHOT", "snapshot": self._state.snapshot()}]

    def _translate(self, event: Mapping[str, Any]) -> Iterator[AguiEvent]:
        kind = event["kind"]
        patch = self._state.apply(event)
        if kind == "run.started":
            yield from self._begin(event)
            return
        if kind == "node.started":
            yield from self._open_step(event)
        elif kind in ("node.delta", "node.text"):
            yield from self._say(event)
        elif kind in ("node.finished", "node.failed", "node.cancelled"):
            yield from self._end_span(event)
        elif kind in ENDS:
            yield from self._close()
        elif kind != "node.skipped":
            yield from self._tell(event)
        if patch:
            yield {"type": "STATE_DELTA", "delta": patch}
        if kind in ENDS:
            yield self._end(event)

    # The run

    def _begin(self, event: Mapping[str, Any]) -> Iterator[AguiEvent]:
        if self._began:
            yield {"type": "STATE_SNAPSHOT", "snapshot": self._state.snapshot()}
            return
        self._began = True
        self._run = event["run_id"] or self._run
        self._messages = Messages(self._run)
        self._zero = _seconds(event["started_at"])
        yield self._run_started(event.get("input"))
        yield {"type": "STATE_SNAPSHOT", "snapshot": self._state.snapshot()}

    def _run_started(self, given: Any = None) -> AguiEvent:
        # A run that is watched is a conversation of its own: AG-UI adds the messages of a thread up.
        ids = {"threadId": self._run, "runId": self._run}
        started: AguiEvent = {"type": "RUN_STARTED", **ids, "protocolVersion": PROTOCOL_VERSION}
        if isinstance(given, str) and given:
            started["input"] = {**ids, "messages": [self._messages.asked(given)]}
        return started

    def _close(self) -> Iterator[AguiEvent]:
        """Everything that is open, what began last first."""
        yield from self._messages.close_all(self._steps.values())
        for span, speaker in reversed(self._steps.items()):
            yield _step_finished(span, {"node": speaker.node, "status": "cancelled"})
        self._steps.clear()

    def _end(self, event: Mapping[str, Any]) -> AguiEvent:
        usage = _usage(self._state.run.usage)
        if event["kind"] == "run.failed":
            error = event["error"]
            metadata = {name: event[name] for name in ("node",) if event.get(name)}
            words = {"message": error["message"] or error["type"], "code": error["type"]}
            return {"type": "RUN_ERROR", **words, **usage, **({"metadata": metadata} if metadata else {})}
        finished = {"type": "RUN_FINISHED", "threadId": self._run, "runId": self._run, **usage}
        if event["kind"] == "run.cancelled":
            return {**finished, "outcome": {"type": "cancelled"}}
        return {**finished, "result": event["output"]} if event.get("output") is not None else finished

    # Spans

    def _speaker(self, event: Mapping[str, Any]) -> Speaker:
        return Speaker(event["span"], event["node"], self._state.node(event["node"]).title)

    def _open_step(self, event: Mapping[str, Any]) -> Iterator[AguiEvent]:
        speaker = self._speaker(event)
        if speaker.span in self._steps:
            return
        self._steps[speaker.span] = speaker
        if self._is_tool(event["node"]):
            self._given[speaker.span] = event.get("input")
        names = ("node", "parent", "attempt", "index", "input")
        metadata = {"title": speaker.title, **{name: event[name] for name in names if name in event}}
        yield {"type": "STEP_STARTED", "stepName": speaker.span, "metadata": metadata}

    def _end_span(self, event: Mapping[str, Any]) -> Iterator[AguiEvent]:
        speaker = self._speaker(event)
        yield from self._messages.close(speaker, event.get("tool_calls") or ())
        if self._is_tool(event["node"]) and event["kind"] != "node.cancelled":
            tool = {speaker.title, event["node"].rpartition("/")[2]}
            yield from self._messages.answer(tool, self._given.pop(speaker.span, None), _result(event))
        if self._steps.pop(speaker.span, None) is not None:
            names = ("node", "duration", "output", "usage", "error", "reason")
            metadata = {name: event[name] for name in names if event.get(name) is not None}
            yield _step_finished(speaker.span, {"status": event["kind"].partition(".")[2], **metadata})

    def _is_tool(self, node: str) -> bool:
        return (self._state.node(node).definition or {}).get("type") == "tool"

    def _say(self, event: Mapping[str, Any]) -> Iterator[AguiEvent]:
        speaker, channel, text = self._speaker(event), event["channel"], event["text"]
        if event["kind"] == "node.text":
            yield from self._messages.replace(speaker, channel, text)
            if speaker.span not in self._steps:
                yield from self._messages.close(speaker)
        elif channel == "tool_call":
            yield from self._messages.call(speaker, event.get("call") or {"index": 0}, text)
        else:
            yield from self._messages.say(speaker, channel, text)

    def _tell(self, event: Mapping[str, Any]) -> Iterator[AguiEvent]:
        if event["kind"] == "node.retracted":
            # AG-UI has no word for what was said and does not count; a client can strike these through.
            yield _custom(event["kind"], {**event, "messages": self._messages.ids(event["span"])})
        else:
            yield _custom(event["kind"], dict(event))


def _custom(name: str, value: Any) -> AguiEvent:
    return {"type": "CUSTOM", "name": f"lfwidget.{name}", "value": value}


def _step_finished(span: str, metadata: dict[str, Any]) -> AguiEvent:
    return {"type": "STEP_FINISHED", "stepName": span, "metadata": metadata}


def _seconds(started_at: str) -> float | None:
    """Since 1970; None where it is no time."""
    try:
        return datetime.fromisoformat(started_at).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _usage(usage: Mapping[str, int] | None) -> dict[str, Any]:
    """In the accounting of AG-UI, whose total is always the sum of the other two."""
    names = {"input_tokens": "inputTokens", "output_tokens": "outputTokens"}
    counts = {names[name]: value for name, value in (usage or {}).items() if name in names and value >= 0}
    if len(counts) == len(names):
        counts["totalTokens"] = sum(counts.values())
    return {"usage": [counts]} if counts else {}


def _result(event: Mapping[str, Any]) -> str:
    """What a tool gave, as text."""
    if event["kind"] == "node.failed":
        return f"{event['error']['type']}: {event['error']['message']}"
    output = event.get("output")
    if isinstance(output, dict) and output.get("type") == "tool":
        output = output.get("content")
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
