r"""A log as one short text, for a cell or a page: columns instead of repeated keys, each long text once, gzip, base 85.

`js/src/player/unpack.ts` reads it. Layout of the JSON inside (version 1):

- `about`: the head of the record;
- `rows`: an entry per event, in order: the event without `seq` and `t`, or the number of the stream its tokens are in;
- `t`: of each event, in microseconds after the one before (`at`, in seconds, where that would not be exact);
- `streams`: all deltas of one span, channel and call: `node`, `span`, `channel`, `call`, their joined `text`, `sizes`
  (tokens of each delta), `cuts` (code points of each token) and `dts` (milliseconds, relative to the delta's `t`);
- `texts`: texts that are referred to from anywhere, as "\u0001" and their number.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from lfwidget.errors import RecordError
from lfwidget.record.about import About

__all__ = ["pack", "squeeze", "unpack", "unsqueeze"]

Event = dict[str, Any]

VERSION = 1
_REF = "\u0001"
_LONG = 40
"""Characters from which on a text is kept once and referred to."""
_MICRO = 1_000_000
_DELTA = {"seq", "t", "kind", "node", "span", "channel", "text", "cuts", "dts"}


def pack(about: About, events: Sequence[Event]) -> str:
    """The events as squeezed JSON; `unpack` gives back what went in."""
    streams = _Streams()
    rows = [streams.take(event) if _is_plain(event) else _row(event) for event in events]
    texts = _Texts()
    joined = [{**stream, "text": texts.ref("".join(stream["text"]))} for stream in streams.all]
    packed = {
        "version": VERSION,
        "about": about.to_json(),
        **_times([event["t"] for event in events]),
        "streams": joined,
        "rows": [row if isinstance(row, int) else texts.put(row) for row in rows],
        "texts": texts.all,
    }
    return squeeze(json.dumps(packed, ensure_ascii=False, separators=(",", ":")))


def unpack(text: str) -> tuple[About, list[Event]]:
    """The head and the events.

    Raises:
        RecordError: it is no packed log, was damaged, or was made by a newer version.
    """
    try:
        packed = json.loads(unsqueeze(text))
        version = packed["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"the recorded log is damaged: {error}") from error
    if not isinstance(version, int) or version > VERSION:
        raise RecordError(f"the log was recorded by a newer lfwidget (version {version}): pip install -U lfwidget")
    try:
        return About.from_json(packed["about"]), _events(packed)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"the recorded log is damaged: {type(error).__name__}: {error}") from error


def squeeze(text: str) -> str:
    """gzip, then base 85, which takes 6 % less room than base 64, in characters that mean nothing in HTML or JSON."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, _GZIP, _MEMORY)
    packed = deflate.compress(text.encode()) + deflate.flush()
    return base64.b85encode(packed).translate(_HARMLESS).decode("ascii")


def unsqueeze(text: str) -> str:
    """What was squeezed.

    Raises:
        ValueError: it is damaged.
    """
    try:
        packed = base64.b85decode(text.strip().encode("ascii").translate(_AS_B85))
        return gzip.decompress(packed).decode()
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error


_GZIP = 31
"""zlib's name for 32 KB of history and the frame of gzip."""
_MEMORY = 6
"""How many symbols share one code; zlib's own 8 are more, and take 0.5 % more room for what is as mixed as the player.
`js/build.mjs` measures with the same."""

_HARMLESS = bytes.maketrans(b"&<>", b",./")
"""Python's alphabet (RFC 1924) without the three characters that HTML knows."""
_AS_B85 = bytes.maketrans(b",./&<>", b"&<>,./")


class _Streams:
    """The tokens of each span and channel, in columns."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def take(self, event: Event) -> int:
        where: Event = {key: event[key] for key in ("node", "span", "channel", "call") if key in event}
        key = json.dumps(where, sort_keys=True)
        if key not in self._known:
            self._known[key] = len(self.all)
            self.all.append({**where, "text": [], "sizes": [], "cuts": [], "dts": []})
        stream = self.all[self._known[key]]
        stream["text"].append(event["text"])
        stream["sizes"].append(len(event["cuts"]))
        stream["cuts"] += event["cuts"]
        stream["dts"] += event["dts"]
        return self._known[key]


class _Texts:
    """Long texts, each once: a model's answer is in its tokens, its output, what follows it, and the run's output."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._known: dict[str, int] = {}

    def ref(self, text: str) -> str:
        if text not in self._known:
            self._known[text] = len(self.all)
            self.all.append(text)
        return f"{_REF}{self._known[text]}"

    def put(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.ref(value) if len(value) >= _LONG or value.startswith(_REF) else value
        if isinstance(value, dict):
            return {key: self.put(item) for key, item in value.items()}
        return [self.put(item) for item in value] if isinstance(value, list) else value


def _is_plain(event: Event) -> bool:
    """Whether it is a delta that fits into the columns: nothing unknown in it, and tokens that add up."""
    return (
        event["kind"] == "node.delta"
        and set(event) - {"call"} == _DELTA
        and len(event["cuts"]) == len(event["dts"])
        and sum(event["cuts"]) == len(event["text"])
    )


def _row(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("seq", "t")}


def _times(times: list[float]) -> dict[str, Any]:
    """Our own are whole microseconds; those of a file may be anything."""
    micros = [round(t * _MICRO) for t in times]
    if [micro / _MICRO for micro in micros] != times:
        return {"at": times}
    return {"t": [now - last for last, now in pairwise([0, *micros])]}


def _events(packed: Mapping[str, Any]) -> list[Event]:
    texts = packed["texts"]
    deltas = [_deltas(stream, _whole(stream["text"], texts)) for stream in packed["streams"]]
    times = packed["at"] if "at" in packed else [micro / _MICRO for micro in accumulate(packed["t"])]
    events = []
    for seq, (row, t) in enumerate(zip(packed["rows"], times, strict=True), 1):
        fields = next(deltas[row]) if isinstance(row, int) else _whole(row, texts)
        events.append({"seq": seq, "t": t, **fields})
    return events


def _deltas(stream: Mapping[str, Any], text: str) -> Iterator[Event]:
    """The deltas of a stream, one after the other."""
    where = {key: stream[key] for key in ("node", "span", "channel")}
    call = {"call": stream["call"]} if "call" in stream else {}
    token, at = 0, 0
    for size in stream["sizes"]:
        cuts, dts = stream["cuts"][token : token + size], stream["dts"][token : token + size]
        end = at + sum(cuts)
        yield {"kind": "node.delta", **where, "text": text[at:end], "cuts": cuts, "dts": dts, **call}
        token, at = token + size, end


def _whole(value: Any, texts: Sequence[str]) -> Any:
    """A value with its references replaced by the texts."""
    if isinstance(value, str):
        return texts[int(value[len(_REF) :])] if value.startswith(_REF) else value
    if isinstance(value, dict):
        return {key: _whole(item, texts) for key, item in value.items()}
    return [_whole(item, texts) for item in value] if isinstance(value, list) else value
