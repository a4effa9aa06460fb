"""The log of one run: an append-only list of events, which every reader follows with a cursor of its own.

No clock ticks here and nothing is sent: whoever owns the log calls `flush()`, and is told by `wake` when that is due.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lfwidget.errors import EventError
from lfwidget.model.redact import MASK, ArgumentMask, Redactor
from lfwidget.model.values import clean_text, to_json

__all__ = ["ENDS", "RunLog"]

ENDS = frozenset({"run.finished", "run.failed", "run.cancelled"})
"""The kinds that end a run."""
_LARGEST_DELTA = 65_536
_WHOLE = frozenset({"graph", "nodes", "edges", "text", "tool_calls"})


class _Buffer:
    """Tokens of one channel of one span that are not in the log yet. `before` is the last character that is in it."""

    __slots__ = ("before", "call", "channel", "masked", "node", "span", "times", "tokens")

    def __init__(self, node: str, span: str, channel: str, call: dict[str, Any] | None) -> None:
        self.node = node
        self.span = span
        self.channel = channel
        self.call = call
        self.tokens: list[str] = []
        self.times: list[float] = []
        self.masked = 0
        self.before = ""

    def is_another(self, call: dict[str, Any]) -> bool:
        """Whether a fragment belongs to another tool call; only the first of a call is sure to carry its id."""
        mine = self.call or {}
        return call["index"] != mine.get("index") or call.get("id") not in (None, mine.get("id"))

    def take(self, redactor: Redactor, *, final: bool) -> tuple[list[str], list[float]]:
        """The tokens that are decided, masked; what may be the start of a secret stays, unless this is the end."""
        text, at = self.before + "".join(self.tokens), len(self.before)
        secrets = redactor.find(text, at)
        ready = len(text) if final else redactor.decided(text, at)
        count = _whole_tokens(self.tokens, at, ready, secrets)
        tokens, times = self.tokens[:count], self.times[:count]
        self.tokens, self.times, self.masked = self.tokens[count:], self.times[count:], max(0, self.masked - count)
        # Without it "ta" and "sk-or-similar-…" would look like a word and a key.
        self.before = ("".join(tokens) or self.before)[-1:]
        return [clean_text(token) for token in mask_tokens(tokens, at, secrets)], times


def _whole_tokens(tokens: list[str], used: int, ready: int, secrets: list[tuple[int, int]]) -> int:
    """How many tokens end in the first `ready` characters (`used` before them), without cutting a secret in two."""
    count = 0
    for i, token in enumerate(tokens, 1):
        used += len(token)
        if used > ready:
            break
        if not any(start < used < end for start, end in secrets):
            count = i
    return count


def mask_tokens(tokens: list[str], at: int, secrets: list[tuple[int, int]]) -> list[str]:
    """The same number of tokens, with every secret in them replaced where it begins and cut out of the rest."""
    if not secrets:
        return tokens
    masked = []
    for token in tokens:
        masked.append(_masked(token, at, secrets))
        at += len(token)
    return masked


def _masked(token: str, at: int, ranges: list[tuple[int, int]]) -> str:
    out, cursor = [], at
    for start, end in ranges:
        if end <= at or start >= at + len(token):
            continue
        out.append(token[cursor - at : max(start, at) - at])
        if start >= at:
            out.append(MASK)
        cursor = min(end, at + len(token))
    out.append(token[cursor - at :])
    return "".join(out)


def _portions(tokens: list[str], times: list[float]) -> Iterator[tuple[list[str], list[float]]]:
    """The tokens in portions of at most `_LARGEST_DELTA` characters; a token longer than that is cut."""
    portion: list[str] = []
    arrived: list[float] = []
    size = 0
    for token, time_ in zip(tokens, times, strict=True):
        for start in range(0, len(token) or 1, _LARGEST_DELTA):
            piece = token[start : start + _LARGEST_DELTA]
            if portion and size + len(piece) > _LARGEST_DELTA:
                yield portion, arrived
                portion, arrived, size = [], [], 0
            portion.append(piece)
            arrived.append(time_)
            size += len(piece)
    if portion:
        yield portion, arrived


class RunLog:
    """An append-only log of events, safe to write from any thread.

    Streamed tokens are merged *before* they enter the log, so `seq` means the same to every reader for ever: a buffer
    per span collects them, and moves into the log when `flush()` is called, when the span changes channel or has any
    other event, and when the run ends.

    Args:
        clock: seconds, never going back. The first event is at 0.
        redactor: masks secrets in whatever is appended.

    Attributes:
        ended: whether the run has ended.
        epoch: of this log, wherever it is relayed: a `seq` means nothing in another one.
        wake: called when `flush()` is due.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter, redactor: Redactor | None = None) -> None:
        self.wake: Callable[[], None] | None = None
        self.ended = False
        self.epoch = uuid.uuid4().hex[:16]
        self._clock = clock
        self._redactor = redactor or Redactor()
        self._events: list[dict[str, Any]] = []
        self._buffers: dict[str, _Buffer] = {}
        self._arguments: dict[tuple[str, int], tuple[str | None, ArgumentMask]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._zero: float | None = None
        self._last_t = 0.0
        self._dirty = False

    @property
    def last_seq(self) -> int:
        """The `seq` of the newest event; 0 while there is none."""
        return len(self._events)

    def since(self, seq: int) -> list[dict[str, Any]]:
        """The events after `seq`, in order. They are shared: read them, never change them."""
        return self._events[max(0, seq) :]

    def append(self, kind: str, /, *, ago: float = 0.0, **fields: Any) -> dict[str, Any]:
        """Add an event; what its span has buffered goes in before it.

        Args:
            kind: one of the kinds in `events.py`, or a new one.
            ago: seconds since it happened, where it is told late. It is never put before what is in the log.
            fields: what it carries. Values are turned into JSON and masked.

        Returns:
            The event as it entered the log.

        Raises:
            EventError: the run has ended (only notes may follow).
        """
        clean = {key: self._clean(key, value) for key, value in fields.items()}
        with self._lock:
            self._refuse_after_end({"kind": kind, **clean})
            if kind in ENDS:
                self._merge_all(final=True)
                self._buffers.clear()
                self.ended = True
            elif "span" in clean:
                self._merge(self._buffers.pop(clean["span"], None), final=True)
            event = self._add(kind, clean, ago)
        self._mark()
        return event

    def delta(  # noqa: PLR0913 - what a token is
        self,
        node: str,
        span: str,
        channel: str,
        text: str,
        call: dict[str, Any] | None = None,
        *,
        ago: float = 0.0,
    ) -> None:
        """Buffer one streamed token. Called for every token: it does nothing else.

        Args:
            node: id of the graph's node.
            span: which execution of it.
            channel: `text`, `reasoning` or `tool_call`.
            text: the token; for a tool call a fragment of the JSON text of its arguments.
            call: which tool call the fragment belongs to: {"index": 0, "id": ..., "name": ...}.
            ago: seconds since it came, where several that came one after the other are told at once.
        """
        with self._lock:
            buffer = self._buffers.get(span)
            if buffer is None or buffer.channel != channel or (call is not None and buffer.is_another(call)):
                if self.ended:
                    return
                self._merge(buffer, final=True)
                buffer = self._buffers[span] = _Buffer(node, span, channel, call)
            buffer.tokens.append(text)
            buffer.times.append(self._clock() - ago)
            if self._dirty:
                return
        self._mark()

    def merge(self) -> None:
        """Move what is buffered into the log. What may turn out to be the start of a secret stays behind."""
        with self._lock:
            self._merge_all(final=False)

    def flush(self) -> None:
        """Merge, then call every listener. For the one who was told by `wake`, on one thread only."""
        with self._lock:
            self._dirty = False
            self._merge_all(final=False)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called after each flush; it reads `since()` its own cursor.

        Returns:
            A function that ends the subscription.
        """
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def extend(self, events: Iterable[dict[str, Any]]) -> None:
        """Add events that carry `seq` and `t` already, from a file or a socket.

        Raises:
            EventError: one is out of order, or follows the end of the run and is no note.
        """
        try:
            with self._lock:
                for event in events:
                    self._take_in(event)
        finally:
            self._mark()

    def _take_in(self, event: dict[str, Any]) -> None:
        if event["seq"] != len(self._events) + 1 or event["t"] < self._last_t:
            raise EventError(
                f"event {event['seq']} cannot follow event {len(self._events)}: the log has a gap or goes back",
                event,
                "seq" if event["seq"] != len(self._events) + 1 else "t",
            )
        self._refuse_after_end(event)
        self._events.append(event)
        self._last_t = event["t"]
        self.ended = self.ended or event["kind"] in ENDS

    def _refuse_after_end(self, event: dict[str, Any]) -> None:
        if self.ended and event["kind"] != "note":
            raise EventError(f"the run has ended: {event['kind']!r} cannot follow", event, "kind")

    def _clean(self, key: str, value: Any) -> Any:
        """A field as JSON and without secrets. Texts of models and our own graphs are whole however long they are."""
        if key not in _WHOLE:
            value = to_json(value)
        elif isinstance(value, str):
            value = clean_text(value)
        elif key == "tool_calls":
            value = [{**to_json(call), "args": ArgumentMask().feed(clean_text(call["args"]))} for call in value]
        return self._redactor.value(value, key)

    def _mark(self) -> None:
        """Tell the owner, once for each stretch between two flushes."""
        with self._lock:
            if self._dirty:
                return
            self._dirty = True
        if self.wake is not None:
            self.wake()

    def _now(self, ago: float = 0.0) -> float:
        now = self._clock() - ago
        if self._zero is None:
            self._zero = now
        # A clock that goes back would break binary search over `t`.
        self._last_t = max(self._last_t, round(now - self._zero, 6))
        return self._last_t

    def _add(self, kind: str, fields: dict[str, Any], ago: float = 0.0) -> dict[str, Any]:
        event = {"seq": len(self._events) + 1, "t": self._now(ago), "kind": kind, **fields}
        self._events.append(event)
        return event

    def _merge_all(self, *, final: bool) -> None:
        for buffer in self._buffers.values():
            self._merge(buffer, final=final)

    def _merge(self, buffer: _Buffer | None, *, final: bool) -> None:
        """Move the decided tokens of one buffer into the log; with `final`, all of them."""
        if buffer is None or not buffer.tokens:
            return
        if buffer.channel == "tool_call":
            mask = self._argument_mask(buffer.span, buffer.call or {})
            buffer.tokens[buffer.masked :] = map(mask.feed, buffer.tokens[buffer.masked :])
            buffer.masked = len(buffer.tokens)
        for tokens, times in _portions(*buffer.take(self._redactor, final=final)):
            self._add_delta(buffer, tokens, times)

    def _argument_mask(self, span: str, call: dict[str, Any]) -> ArgumentMask:
        """The mask that has read the call so far. Another id at the same place is another call, read from its start."""
        key, call_id = (span, call.get("index", 0)), call.get("id")
        known, mask = self._arguments.get(key, (None, ArgumentMask()))
        if None not in (known, call_id) and known != call_id:
            known, mask = None, ArgumentMask()
        self._arguments[key] = (known or call_id, mask)
        return mask

    def _add_delta(self, buffer: _Buffer, tokens: list[str], times: list[float]) -> None:
        now = self._now() + (self._zero or 0.0)
        fields: dict[str, Any] = {
            "node": buffer.node,
            "span": buffer.span,
            "channel": buffer.channel,
            "text": "".join(tokens),
            "cuts": list(map(len, tokens)),
            "dts": [min(0, round((at - now) * 1000)) for at in times],
        }
        if buffer.call is not None:
            fields["call"] = buffer.call
        self._add("node.delta", fields)
