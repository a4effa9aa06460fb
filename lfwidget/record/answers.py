"""What the models of a record were asked, and what they answered."""

from __future__ import annotations

import difflib
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lfwidget.errors import InputError, NotRecordedError
from lfwidget.model.node_state import Span
from lfwidget.model.preview import preview
from lfwidget.model.redact import MASK, Redactor, known_secrets
from lfwidget.model.state import RunState
from lfwidget.model.values import to_json
from lfwidget.nodes import find_node
from lfwidget.record.about import models_in

__all__ = ["Answer", "Book", "Question", "Token", "question_of", "read_answers"]

Question = tuple[str, ...]
"""What a model was asked: the JSON text of each message, without what differs from run to run."""

_SHOWN = 80
_COMPARED = 300
_HIDDEN = rf'(?:{MASK}|[^\s"\\]{{8,}})'
"""What may have stood where a record has a mask: known secrets are that long."""


@dataclass(frozen=True)
class Token:
    """A token and when it came: seconds from the start of the span. `call` says of which tool call it is."""

    at: float
    channel: str
    text: str
    call: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a model said in one span."""

    span: Span
    tokens: Sequence[Token]

    @property
    def final(self) -> bool:
        """Whether it is an answer, and one that counted."""
        return self.span.status == "finished" and not self.span.retracted

    @property
    def calls(self) -> bool:
        """Whether it calls a tool."""
        return any(token.channel == "tool_call" for token in self.tokens)

    def as_call(self, tool: str) -> Answer:
        """JSON text as a call of this tool: what is asked for a form may have said it either way."""
        text = "".join(token.text for token in self.tokens if token.channel == "text")
        if self.calls or not text.lstrip().startswith("{"):
            return self
        call = {"index": 0, "name": tool}
        spoken = [replace(one, channel="tool_call", call=call) if one.channel == "text" else one for one in self.tokens]
        return replace(self, tokens=spoken)


class Book:
    """Questions, each with its answers in the order of the record. Safe to ask from any thread."""

    def __init__(self, answers: Mapping[Question, Sequence[Answer]]) -> None:
        self._answers = answers
        self._turns = dict.fromkeys(answers, 0)
        self._masked = [question for question in answers if any(MASK in message for message in question)]
        self._lock = threading.Lock()

    def answer(self, asked: Question) -> Answer | None:
        """The answer whose turn it is."""
        key = asked if asked in self._answers else next((known for known in self._masked if _fits(known, asked)), None)
        if key is None:
            return None
        with self._lock:
            turn = self._turns[key]
            self._turns[key] += 1
        return self._answers[key][turn % len(self._answers[key])]

    def not_recorded(self, asked: Question) -> NotRecordedError:
        """The error of a question that has no answer."""
        nearest = max(self._answers, key=lambda known: _likeness(known, asked))
        return NotRecordedError(_words(asked[-1:]), _words(nearest[-1:]), _difference(asked, nearest))


def read_answers(logs: Sequence[Sequence[dict[str, Any]]], node: str | None = None) -> tuple[Book, list[str]]:
    """What the models of some runs said.

    Args:
        logs: the events of each run; to the same question the later run counts.
        node: only what this node said, and what is found below it: an id, or a unique title.

    Returns:
        The answers, and the names of the models.

    Raises:
        InputError: no model answered anything there.
        UnknownNameError: there is no such node.
    """
    states = [RunState(events) for events in logs]
    titles = {key: shown.title for state in states for key, shown in state.nodes.items()}
    wanted = None if node is None else find_node(node, titles)
    answers: dict[Question, list[Answer]] = {}
    names: dict[str, None] = {}
    for events, state in zip(logs, states, strict=True):
        spans = _model_spans(state, wanted)
        new = _grouped(spans, _tokens(events, spans))
        answers |= {key: said for key, said in new.items() if key not in answers or any(one.final for one in said)}
        definitions = [state.nodes[span.node].definition or {} for span in spans.values()]
        names |= dict.fromkeys(models_in(definitions))
    if not answers:
        where = f"in the node {node!r}" if node else "in this record"
        listed = ", ".join(f"{title!r}" if title == key else f"{key!r} ({title})" for key, title in titles.items())
        raise InputError(f"no model answered anything {where}. The nodes there are: {listed or 'none'}")
    return Book(answers), list(names)


def _model_spans(state: RunState, wanted: str | None) -> dict[str, Span]:
    """The spans in which a model was asked, and that came to an end. A model that only asks another one is none."""
    found: dict[str, Span] = {}
    for span in state.spans.values():
        definition = state.nodes[span.node].definition or {}
        lies_there = wanted is None or span.node == wanted or span.node.startswith(f"{wanted}/")
        # A LangGraph node named "model" is asked with its state, which is no list of messages.
        asked = definition.get("type") == "model" and isinstance(span.input, (list, str))
        if lies_there and asked and span.status in ("finished", "failed") and not _inside(span, found, state):
            found[span.id] = span
    return found


def _inside(span: Span, others: Mapping[str, Span], state: RunState) -> bool:
    """Whether one of the others was asked the same, and asked this one."""
    parent = state.spans.get(span.parent or "")
    while parent is not None and not (parent.id in others and parent.input == span.input):
        parent = state.spans.get(parent.parent or "")
    return parent is not None


def _tokens(events: Iterable[Mapping[str, Any]], spans: Mapping[str, Span]) -> dict[str, list[Token]]:
    """The tokens of each span, in the order they came; what was told whole is one token."""
    tokens: dict[str, list[Token]] = {span: [] for span in spans}
    for event in events:
        span = spans.get(event.get("span", ""))
        if span is None:
            continue
        said, at = tokens[span.id], event["t"] - span.start
        if event["kind"] == "node.delta":
            said += _delta(event, at)
        elif event["kind"] == "node.text":
            _replace(said, event["channel"], [Token(at, event["channel"], event["text"])])
        elif event.get("tool_calls"):
            _replace(said, "tool_call", (Token(at, "tool_call", call["args"], call) for call in event["tool_calls"]))
    return tokens


def _delta(event: Mapping[str, Any], at: float) -> Iterator[Token]:
    start = 0
    for size, ms in zip(event["cuts"], event["dts"], strict=True):
        token = event["text"][start : start + size]
        yield Token(max(0.0, at + ms / 1000), event["channel"], token, event.get("call") or {})
        start += size


def _replace(said: list[Token], channel: str, whole: Iterable[Token]) -> None:
    """What is told whole stands for what was streamed."""
    said[:] = [*(token for token in said if token.channel != channel), *whole]


def _grouped(spans: Mapping[str, Span], tokens: Mapping[str, Sequence[Token]]) -> dict[Question, list[Answer]]:
    """The answers to each question, without failures and retracted attempts that a later answer made up for."""
    grouped: dict[Question, list[Answer]] = {}
    for span in spans.values():
        grouped.setdefault(question_of(span.input), []).append(Answer(span, tokens[span.id]))
    return {
        asked: [one for i, one in enumerate(said) if one.final or not any(later.final for later in said[i:])]
        for asked, said in grouped.items()
    }


def question_of(messages: Any) -> Question:
    """Messages, as a record has them or a model is asked: both go through what masks and cuts the events of a run."""
    given = [{"type": "human", "content": messages}] if isinstance(messages, str) else messages
    # A new one each time: a Redactor learns, and the same question must stay the same.
    clean = Redactor(known_secrets()).value(to_json(given), "input")
    return tuple(json.dumps(_same(message), ensure_ascii=False, sort_keys=True) for message in clean)


def _same(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    kept = {key: message[key] for key in ("content", "name") if message.get(key)}
    if message.get("tool_calls"):
        kept["tool_calls"] = [[call.get("name"), call.get("args")] for call in message["tool_calls"]]
    return {"type": str(message.get("type")).removesuffix("MessageChunk").lower(), **kept}


def _fits(known: Question, asked: Question) -> bool:
    """Whether they are the same but for what the record hides."""
    return len(known) == len(asked) and all(
        re.fullmatch(_HIDDEN.join(map(re.escape, one.split(MASK))), other)
        for one, other in zip(known, asked, strict=True)
    )


def _likeness(one: Question, other: Question) -> float:
    ratios = (
        difflib.SequenceMatcher(None, a[:_COMPARED], b[:_COMPARED], autojunk=False).ratio()
        for a, b in zip(one, other, strict=False)
    )
    return sum(ratios) / max(len(one), len(other), 1)


def _difference(asked: Question, nearest: Question) -> str:
    if asked[-1:] != nearest[-1:]:
        return f"The nearest question that was: {_words(nearest[-1:])!r}."
    if len(asked) != len(nearest):
        return f"It was recorded with {len(nearest)} messages in all, not with {len(asked)}."
    before, now = next(pair for pair in zip(nearest, asked, strict=True) if pair[0] != pair[1])
    return f"It was recorded after another message: {_words([before])!r}, not {_words([now])!r}."


def _words(messages: Sequence[str]) -> str:
    return preview(json.loads(messages[-1]), _SHOWN) if messages else ""
