"""Two runs side by side: as plain data, and as a piece of HTML that needs no script. Their picture is `compare_svg.py`.

The data is JSON: the page reads the same. The HTML keeps to what `html.py` says of sanitisers.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from itertools import accumulate, chain, groupby, takewhile
from typing import Any, TypeAlias

from lfwidget.model.preview import preview
from lfwidget.record.compare_svg import (
    Comparison,
    Difference,
    NodeComparison,
    Pieces,
    RunHead,
    Side,
    change,
    compare_svg,
    in_words,
    only_in,
    say_cost,
    status_word,
    time_change,
    union,
)
from lfwidget.record.html import NUMBER, SAID, WORD, picture, seconds
from lfwidget.record.svg import STATUS_COLOURS

__all__ = ["Comparison", "compare_html", "compare_states", "diff_words"]

_Unit: TypeAlias = tuple[str, str]
"""White space, and what follows it: a word, a sign, a line."""
_Told: TypeAlias = Iterator[tuple[str, str]]
_Compare: TypeAlias = Callable[[str, str], _Told]
Costs: TypeAlias = Mapping[str, float | None] | None

_WHOLE = 1_000_000_000
"""Characters of an output that are compared: all."""
_MOST_UNITS = 4_000
_MOST_VISITS = 5_000_000
"""Pairs of words that difflib may look at for one text: about half a second."""
_LONG = 40
"""Words and signs from which on a stretch that is the same in both is shortened, to `_BESIDE` at its ends."""
_BESIDE = 12
_MOST_SHOWN = 4_000
_TAGS = {
    "=": "…",
    "-": '<del style="background-color:rgba(207,34,46,.2);text-decoration:line-through">…</del>',
    "+": '<ins style="background-color:rgba(26,127,55,.2);text-decoration:underline">…</ins>',
    "…": '<i style="opacity:.75">…</i>',
}


def compare_states(a: dict[str, Any], b: dict[str, Any], *, costs: tuple[Costs, Costs] = (None, None)) -> Comparison:
    """Compare two finished runs, node by node.

    Args:
        a: `RunState.to_json()` of the run that is compared with.
        b: that of the other; where both know a node, it is drawn as here.
        costs: of the nodes of each, by id; None where no price is known.

    Returns:
        Plain JSON data. Nodes are the same where their ids are.
    """
    sides = [_sides(state, known or {}) for state, known in zip((a, b), costs, strict=True)]
    defined = [{node["id"]: node for node in state["graph"]["nodes"]} for state in (a, b)]
    graph = union(a["graph"], b["graph"])
    return {
        "runs": [_head(a, costs[0] or {}), _head(b, costs[1] or {})],
        "graph": graph,
        "nodes": {
            name: _node(sides[0].get(name), sides[1].get(name), [known.get(name) for known in defined])
            for name in (node["id"] for node in graph["nodes"])
        },
        "output_diff": diff_words(*(state["text"] or preview(state["output"], _WHOLE) for state in (a, b))),
    }


def _head(state: dict[str, Any], costs: Mapping[str, float | None]) -> RunHead:
    cards = {node["id"] for node in state["graph"]["nodes"] if node.get("card", True)}
    known = [cost for name, cost in costs.items() if name in cards and cost is not None]
    return {
        "name": state["name"],
        "flow": state["flow"],
        "status": state["status"],
        "duration": state["duration"],
        "usage": state["usage"],
        "cost": sum(known) if known else None,
        "input": state["input"],
        "started_at": state["started_at"],
        "error": _error(state),
    }


def _sides(state: dict[str, Any], costs: Mapping[str, float | None]) -> dict[str, Side]:
    return {node["id"]: _side(state["nodes"][node["id"]], costs.get(node["id"])) for node in state["graph"]["nodes"]}


def _side(node: Mapping[str, Any], cost: float | None) -> Side:
    return {
        "status": node["status"],
        "duration": node["duration"],
        "first_token": node["first_token"],
        "tokens": node["tokens"],
        "cost": cost,
        "text": _error(node) or node["text"] or preview(node["output"], _WHOLE),
    }


def _error(state: Mapping[str, Any]) -> str | None:
    return f"{state['error']['type']}: {state['error']['message']}" if state["error"] else None


def _node(a: Side | None, b: Side | None, definitions: Sequence[Mapping[str, Any] | None]) -> NodeComparison:
    first, second = definitions
    return {
        "in": [a is not None, b is not None],
        "params": _differences(_described(first), _described(second)) if first and second else [],
        "a": a,
        "b": b,
        "delta": {
            "duration": _less(a, b, "duration"),
            "first_token": _less(a, b, "first_token"),
            "tokens": _less(a, b, "tokens"),
            "cost": _less(a, b, "cost"),
        },
        "text_diff": diff_words(a["text"] if a else "", b["text"] if b else ""),
    }


def _less(a: Side | None, b: Side | None, key: str) -> Any:
    """B less A, without what binary fractions add to six decimals."""
    before, after = (side[key] if side else None for side in (a, b))  # type: ignore[literal-required] # one of four
    return None if before is None or after is None else round(after - before, 9)


def _described(node: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen for a node. The name of a model, and the class of a parser, are in its subtitle only."""
    return {key: node.get(key) for key in ("type", "title", "subtitle")} | (node.get("params") or {})


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], path: str = "") -> list[Difference]:
    found: list[Difference] = []
    for key in dict.fromkeys(chain(a, b)):
        one, other = a.get(key), b.get(key)
        if {type(one), type(other)} in ({dict}, {dict, type(None)}):
            found += _differences(one or {}, other or {}, f"{path}{key}.")
        elif one != other or isinstance(one, bool) != isinstance(other, bool):
            found.append({"name": f"{path}{key}", "a": one, "b": other})
    return found


_CJK = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_PUNCTUATION = (
    "!-/:-@\\[-^`{-~\u00a1-\u00bf\u2010-\u205e\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
# What is neither is a word, combining signs and all: `\w` would cut a Hindi word at every vowel.
_WORDS = re.compile(rf"(\s*)([{_CJK}{_PUNCTUATION}]|[^\s{_CJK}{_PUNCTUATION}]+|\Z)")


class _Effort:
    """How much comparing is left: no text is so long that somebody waits for it."""

    def __init__(self) -> None:
        self._left = _MOST_VISITS

    def spend(self, visits: int) -> bool:
        """Whether there is enough left; if so, it is taken off."""
        enough = visits <= self._left
        self._left -= visits if enough else 0
        return enough


def diff_words(a: str, b: str) -> Pieces:
    """What must go from a, and come in, to make b of it.

    Words, signs of punctuation and CJK characters are compared. Where two texts differ in more than about 4,000 words,
    lines are, and what is too much even so is one piece that is replaced.

    Returns:
        Pieces in order, none of them empty and no two neighbours of one kind.
    """
    effort = _Effort()

    def within(a: str, b: str) -> _Told:
        return _compared(_words(a), _words(b), effort, _as_one, _as_one)

    def by_lines(a: str, b: str) -> _Told:
        return _compared(_lines(a), _lines(b), effort, within, _as_one)

    return _merged(_compared(_words(a), _words(b), effort, _as_one, by_lines))


def _words(text: str) -> list[_Unit]:
    return _WORDS.findall(text)


def _lines(text: str) -> list[_Unit]:
    return [("", line) for line in text.splitlines(keepends=True)]


def _compared(a: list[_Unit], b: list[_Unit], effort: _Effort, changed: _Compare, too_much: _Compare) -> _Told:
    """What became of the units: `changed` tells of stretches between those that are the same, `too_much` of all."""
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    yield from _same(a[:head], b[:head])
    one, other = a[head : len(a) - tail], b[head : len(b) - tail]
    matches = _matches([word for _, word in one], [word for _, word in other], effort)
    if matches is None:
        yield from too_much(_joined(one), _joined(other))
    else:
        at, to = 0, 0
        for i, j, size in [*matches, (len(one), len(other), 0)]:
            yield from changed(_joined(one[at:i]), _joined(other[to:j]))
            yield from _same(one[i : i + size], other[j : j + size])
            at, to = i + size, j + size
    yield from _same(a[len(a) - tail :], b[len(b) - tail :])


def _common(a: Sequence[_Unit], b: Sequence[_Unit]) -> int:
    """With how many words both begin."""
    return sum(1 for _ in takewhile(lambda both: both[0][1] == both[1][1], zip(a, b, strict=False)))


def _matches(a: Sequence[str], b: Sequence[str], effort: _Effort) -> list[tuple[int, int, int]] | None:
    """Where a and b have the same: from where in either, and how much of it. None where there is too much to compare.

    As difflib's `get_matching_blocks`, which on texts of few different words takes cubic time: 20 s for 2,000 words.
    """
    counts = Counter(b)
    visits = [0, *accumulate(1 + counts[item] for item in a)]
    if max(len(a), len(b)) > _MOST_UNITS or visits[-1] > _MOST_VISITS:
        return None
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    found, todo = [], deque([(0, len(a), 0, len(b))])
    while todo:
        left, right, top, bottom = todo.popleft()
        if left < right and top < bottom and effort.spend(visits[right] - visits[left]):
            i, j, size = matcher.find_longest_match(left, right, top, bottom)
            found += [(i, j, size)] if size else []
            todo += [(left, i, top, j), (i + size, right, j + size, bottom)] if size else []
    return sorted(found)


def _same(a: Iterable[_Unit], b: Iterable[_Unit]) -> _Told:
    """The same words, with what white space before them is not the same."""
    for (space, word), (other, _) in zip(a, b, strict=True):
        yield from [("=", space)] if space == other else [("-", space), ("+", other)]
        yield "=", word


def _as_one(a: str, b: str) -> _Told:
    space = a[: len(a) - len(a.lstrip())]
    if space and space == b[: len(b) - len(b.lstrip())]:
        yield "=", space
        a, b = a.lstrip(), b.lstrip()
    yield from (("-", a), ("+", b))


def _joined(units: Iterable[_Unit]) -> str:
    return "".join(chain.from_iterable(units))


def _merged(told: _Told) -> Pieces:
    """Neighbours as one, and what goes before what comes."""
    found: Pieces = []
    for same, group in groupby((item for item in told if item[1]), key=lambda item: item[0] == "="):
        pieces = list(group)
        joined = [[op, "".join(words for other, words in pieces if other == op)] for op in ("=" if same else "-+")]
        found += [piece for piece in joined if piece[1]]
    return found


def compare_html(comparison: Comparison, title: str) -> str:
    """Two runs: a picture of both, and a table of what differs.

    Args:
        comparison: as `compare_states()` makes it.
        title: of the flow.
    """
    whole = _whole(comparison)
    heads = in_words(comparison, whole)
    lines = "".join(f'<div style="overflow-wrap:anywhere">{escape(line)}</div>' for line in heads)
    return (
        f'<div style="max-width:100%"><div style="padding:4px 0"><b>{escape(title)}</b>{lines}</div>'
        f"{picture(compare_svg(comparison, title), ' · '.join([title, *heads]))}"
        f'<div style="overflow:auto"><table cellpadding="5" style="border-collapse:collapse;margin:8px 0;width:100%">'
        f"{_table(comparison, whole)}</table></div></div>"
    )


def _whole(comparison: Comparison) -> NodeComparison:
    """Both runs as a row of the table; as of a node, the tokens are those of the output."""
    a, b = (_run_side(run) for run in comparison["runs"])
    return {**_node(a, b, (None, None)), "text_diff": comparison["output_diff"]}


def _run_side(run: RunHead) -> Side:
    tokens = (run["usage"] or {}).get("output_tokens", 0)
    return {**_NOTHING, "status": run["status"], "duration": run["duration"], "tokens": tokens, "cost": run["cost"]}


_NOTHING: Side = {"status": "idle", "duration": None, "first_token": None, "tokens": 0, "cost": None, "text": ""}


def _table(comparison: Comparison, whole: NodeComparison) -> str:
    nodes = comparison["nodes"]
    priced = any(side and side["cost"] is not None for both in nodes.values() for side in (both["a"], both["b"]))
    # A call inside a function has no card; it has a row where something else was chosen for it.
    listed = (
        node["id"]
        for node in comparison["graph"]["nodes"]
        if node["type"] not in ("start", "end") and (node.get("card", True) or nodes[node["id"]]["params"])
    )
    figures = [f"{of} A|{of} B|Δ" for of in ("time", "tokens", *(["cost"] if priced else []))]
    heads = ["node", *"|".join(figures).split("|"), "parameters", "text"]
    words = ("node", "parameters", "text")
    head = "".join(f'<th style="{WORD if name in words else NUMBER}">{name}</th>' for name in heads)
    rows = [_row("whole run", whole, priced=priced), *(_row(name, nodes[name], priced=priced) for name in listed)]
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"


def _row(name: str, both: NodeComparison, *, priced: bool) -> str:
    a, b, delta = both["a"] or _NOTHING, both["b"] or _NOTHING, both["delta"]
    figures = [seconds(a["duration"]), seconds(b["duration"]), time_change(both)]
    figures += [str(a["tokens"] or ""), str(b["tokens"] or "")]
    figures.append(change(delta["tokens"], "") if a["tokens"] or b["tokens"] else "")
    figures += [say_cost(a["cost"]), say_cost(b["cost"]), say_cost(delta["cost"], sign=True)] if priced else []
    cells = "".join(f'<td style="{NUMBER};white-space:nowrap">{figure}</td>' for figure in figures)
    params = "".join(f"<div>{escape(item['name'])}: {_shown(_param(item))}</div>" for item in both["params"])
    return (
        f'<tr><td style="{WORD}"><div>{escape(name)}</div>{_statuses(both)}</td>{cells}'
        f'<td style="{WORD};width:20%"><div style="{SAID};min-width:9em">{params}</div></td>'
        f'<td style="{WORD};width:40%"><div style="{SAID};min-width:18em">{_shown(both["text_diff"])}</div></td></tr>'
    )


def _statuses(both: NodeComparison) -> str:
    """What became of it, unless both runs finished it, or neither came to it."""
    if {side["status"] if side else None for side in (both["a"], both["b"])} in ({"finished"}, {"idle"}):
        return ""
    lines = [
        f'<div style="white-space:nowrap;color:{STATUS_COLOURS[side["status"]]}">'
        f"{run} {status_word(side['status'])}</div>"
        for run, side in (("A", both["a"]), ("B", both["b"]))
        if side
    ]
    return "".join([f"<div>{only_in(both)}</div>" if only_in(both) else "", *lines])


def _param(item: Difference) -> Pieces:
    a, b = item["a"], item["b"]
    if all(isinstance(value, str) and len(value.split()) > 1 for value in (a, b)):
        return diff_words(a, b)
    before, after = (
        "" if v is None else v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in (a, b)
    )
    return [["-", before], ["=", " → " if before and after else ""], ["+", after]]


def _shown(pieces: Pieces) -> str:
    """A comparison of texts as HTML, cut after so many characters."""
    parts = list(_shortened(pieces))
    html, room = "", _MOST_SHOWN
    for op, words in parts:
        if room > 0 and words:
            html += _TAGS[op].replace("…", escape(words[:room]), 1)
        room -= len(words)
    return html if room >= 0 else f"{html}… ({-room} more characters)"


def _shortened(pieces: Pieces) -> Iterator[tuple[str, str]]:
    """The pieces; of a long one that is the same in both only what stands beside a change."""
    if [op for op, _ in pieces] == ["="]:
        yield "…", "the same: "
    for i, (op, words) in enumerate(pieces):
        split = _words(words) if op == "=" else []
        if len(split) <= _LONG:
            yield op, words
            continue
        head = _BESIDE if i or len(pieces) == 1 else 0
        tail = len(split) - (_BESIDE if i < len(pieces) - 1 else 0)
        count = sum(word[:1].isalnum() for _, word in split[head:tail])
        yield op, _joined(split[:head])
        yield "…", f" … {count:,} words the same … "
        yield op, _joined(split[tail:])
