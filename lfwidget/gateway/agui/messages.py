"""What the nodes of a run say, as AG-UI messages and tool calls: opened before they go on, closed before the run ends.

Nothing is ever said twice: who reopens a message in AG-UI appends to it. What replaces a text that was streamed is told
as a snapshot of all messages, which is why they are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["AguiEvent", "Messages", "Speaker"]

AguiEvent = dict[str, Any]
"""An event of AG-UI as plain JSON."""


@dataclass(frozen=True)
class Speaker:
    """Who speaks.

    Attributes:
        span: one execution of the node.
        node: id of the node.
        title: of the node.
    """

    span: str
    node: str
    title: str

    @property
    def metadata(self) -> dict[str, Any]:
        """What a message of his carries along."""
        return {"node": self.node, "span": self.span}


@dataclass
class _Call:
    """A call a model asked for. AG-UI wants id and name first; until both are known, its arguments are held back."""

    index: int
    id: str = ""
    name: str = ""
    parts: list[str] = field(default_factory=list)
    open: bool = False
    closed: bool = False
    answered: bool = False

    @property
    def args(self) -> str:
        return "".join(self.parts)

    def takes(self, given: Any) -> bool:
        """Whether these are its arguments."""
        try:
            return bool(json.loads(self.args) == given)
        except ValueError:
            return False


@dataclass
class _Message:
    id: str
    role: str
    speaker: Speaker | None = None
    parts: list[str] = field(default_factory=list)
    open: bool = False
    calls: list[_Call] = field(default_factory=list)
    answers: str = ""

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def to_json(self) -> dict[str, Any]:
        message: dict[str, Any] = {"id": self.id, "role": self.role, "content": self.text}
        if self.answers:
            message["toolCallId"] = self.answers
        if self.speaker is not None:
            message["metadata"] = self.speaker.metadata
            if self.role == "assistant":
                message["name"] = self.speaker.title
        if self.calls:
            message["toolCalls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.args}}
                for call in self.calls
            ]
        return message


@dataclass
class _Lane:
    """What one span said: its messages by channel, and the calls that are not complete."""

    said: dict[str, list[_Message]] = field(default_factory=lambda: {"text": [], "reasoning": []})
    calls: dict[int, _Call] = field(default_factory=dict)


class Messages:
    """The messages of one run, in the order in which the client met them.

    Args:
        run: begins the ids, so that those of two runs differ.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._all: list[_Message] = []
        self._calls: list[_Call] = []
        self._ids: set[str] = set()
        self._lanes: dict[str, _Lane] = {}

    def asked(self, text: str) -> dict[str, Any]:
        """What the run was asked, as the message of a user."""
        message = _Message(self._fresh(f"{self._run}/input"), "user", parts=[text])
        self._all.append(message)
        return message.to_json()

    def ids(self, span: str) -> list[str]:
        """The messages of a span."""
        lane = self._lanes.get(span, _Lane())
        return [message.id for messages in lane.said.values() for message in messages]

    def say(self, speaker: Speaker, channel: str, text: str) -> Iterator[AguiEvent]:
        """More text of a span, on the channel `text` or `reasoning`."""
        lane = self._lane(speaker.span)
        if channel == "text":
            yield from self._end_reasoning(lane)
        if not text:
            return
        messages = lane.said[channel]
        if not messages or not messages[-1].open:
            yield from self._begin(speaker, channel, messages)
        messages[-1].parts.append(text)
        yield _content(channel, messages[-1].id, text)

    def replace(self, speaker: Speaker, channel: str, text: str) -> Iterator[AguiEvent]:
        """The whole text of a channel, whatever was streamed."""
        messages = self._lane(speaker.span).said[channel]
        said = "".join(message.text for message in messages)
        if text == said:
            return
        if text.startswith(said) and (not messages or messages[-1].open):
            yield from self.say(speaker, channel, text[len(said) :])
            return
        for message in messages:
            message.parts = []
        # One that is open goes on, so it is the one that has the text.
        messages[-1].parts = [text]
        yield self._snapshot()

    def call(self, speaker: Speaker, ref: dict[str, Any], text: str) -> Iterator[AguiEvent]:
        """A piece of the arguments of a tool call."""
        lane = self._lane(speaker.span)
        yield from self._end_reasoning(lane)
        call = lane.calls.setdefault(ref["index"], _Call(ref["index"]))
        call.parts.append(text)
        if call.open:
            if text:
                yield {"type": "TOOL_CALL_ARGS", "toolCallId": call.id, "delta": text}
            return
        call.id, call.name = call.id or ref.get("id") or "", call.name or ref.get("name") or ""
        if call.id and call.name:
            yield from self._begin_call(speaker, lane, call)

    def close(self, speaker: Speaker, calls: Iterable[dict[str, Any]] = ()) -> Iterator[AguiEvent]:
        """The span has ended; `calls` replace the tool calls that were streamed, where there are any."""
        lane = self._lane(speaker.span)
        yield from self._end_reasoning(lane)
        replaced = False
        given = {call["index"]: call for call in calls}
        if given:
            replaced = self._drop(lane, set(lane.calls) - set(given))
        for index, whole in given.items():
            replaced = self._correct(lane.calls.setdefault(index, _Call(index)), whole) or replaced
        for _, call in sorted(lane.calls.items()):
            yield from self._end_call(speaker, lane, call)
        lane.calls.clear()
        for message in lane.said["text"]:
            if message.open:
                message.open = False
                yield {"type": "TEXT_MESSAGE_END", "messageId": message.id}
        if replaced:
            yield self._snapshot()

    def close_all(self, speakers: Iterable[Speaker]) -> Iterator[AguiEvent]:
        """The run has ended."""
        known = {speaker.span: speaker for speaker in speakers}
        for span in list(self._lanes):
            yield from self.close(known.get(span) or Speaker(span, "", ""))

    def answer(self, names: Iterable[str], given: Any, content: str) -> Iterator[AguiEvent]:
        """What a tool gave, where one of the calls asked for it: one with these arguments, or else the oldest.

        Args:
            names: of the tool.
            given: its arguments.
            content: what it gave.
        """
        asked = [call for call in self._calls if not call.answered and call.closed and call.name in names]
        call = next((call for call in asked if call.takes(given)), asked[0] if asked else None)
        if call is None:
            return
        call.answered = True
        message = _Message(self._fresh(f"{call.id}/result"), "tool", parts=[content], answers=call.id)
        self._all.append(message)
        yield {"type": "TOOL_CALL_RESULT", "messageId": message.id, "toolCallId": call.id, "content": content}

    def _lane(self, span: str) -> _Lane:
        return self._lanes.setdefault(span, _Lane())

    def _fresh(self, wanted: str) -> str:
        """An id that nothing of this run has."""
        found, number = wanted, 1
        while found in self._ids:
            number += 1
            found = f"{wanted}/{number}"
        self._ids.add(found)
        return found

    def _begin(self, speaker: Speaker, channel: str, messages: list[_Message]) -> Iterator[AguiEvent]:
        thought = channel == "reasoning"
        wanted = f"{self._run}/{speaker.span}" + ("/reasoning" if thought else "")
        message = _Message(self._fresh(wanted), "reasoning" if thought else "assistant", speaker, open=True)
        messages.append(message)
        self._all.append(message)
        start = {"messageId": message.id, "role": message.role, "metadata": speaker.metadata}
        if thought:
            yield {"type": "REASONING_START", "messageId": message.id}
            yield {"type": "REASONING_MESSAGE_START", **start}
        else:
            yield {"type": "TEXT_MESSAGE_START", **start, "name": speaker.title}

    def _end_reasoning(self, lane: _Lane) -> Iterator[AguiEvent]:
        for message in lane.said["reasoning"]:
            if message.open:
                message.open = False
                yield {"type": "REASONING_MESSAGE_END", "messageId": message.id}
                yield {"type": "REASONING_END", "messageId": message.id}

    def _begin_call(self, speaker: Speaker, lane: _Lane, call: _Call) -> Iterator[AguiEvent]:
        call.id = self._fresh(call.id)
        call.open = True
        self._calls.append(call)
        said = lane.said["text"]
        start = {"type": "TOOL_CALL_START", "toolCallId": call.id, "toolCallName": call.name}
        if said:
            said[-1].calls.append(call)
            start["parentMessageId"] = said[-1].id
        else:
            # A client keeps a call without a message in one that has the call's id.
            self._all.append(_Message(call.id, "assistant", speaker, calls=[call]))
        yield {**start, "metadata": speaker.metadata}
        if call.args:
            yield {"type": "TOOL_CALL_ARGS", "toolCallId": call.id, "delta": call.args}

    def _end_call(self, speaker: Speaker, lane: _Lane, call: _Call) -> Iterator[AguiEvent]:
        if not call.open:
            call.id = call.id or f"{self._run}/{speaker.span}/call-{call.index}"
            call.name = call.name or "unknown"
            yield from self._begin_call(speaker, lane, call)
        call.open, call.closed = False, True
        yield {"type": "TOOL_CALL_END", "toolCallId": call.id}

    def _drop(self, lane: _Lane, indexes: set[int]) -> bool:
        """Calls that were streamed and are none; whether a client has heard of one."""
        heard = False
        for index in indexes:
            call = lane.calls[index]
            if not call.open:
                del lane.calls[index]
                continue
            heard = True
            call.answered = True
            for message in self._all:
                if call in message.calls:
                    message.calls.remove(call)
        return heard

    def _correct(self, call: _Call, whole: dict[str, Any]) -> bool:
        """Give a call its whole arguments; whether a client has heard others."""
        if not call.open:
            call.id, call.name = whole.get("id") or call.id, whole.get("name") or call.name
        changed = call.open and call.args != whole["args"]
        call.parts = [whole["args"]]
        return changed

    def _snapshot(self) -> AguiEvent:
        return {"type": "MESSAGES_SNAPSHOT", "messages": [message.to_json() for message in self._all]}


def _content(channel: str, message: str, text: str) -> AguiEvent:
    kind = "TEXT_MESSAGE_CONTENT" if channel == "text" else "REASONING_MESSAGE_CONTENT"
    return {"type": kind, "messageId": message, "delta": text}
