"""Two runs side by side: as plain data, and as a piece of HTML that needs no script. Their picture is `compare_svg.py`.

The data is JSON: the page reads the same. The HTML keeps to what `html.py` says of sanitisers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from itertools import chain
from typing import Any, TypeAlias

from lfwidget.model.graph import Edge, Graph
from lfwidget.model.layout import layout
from lfwidget.model.preview import preview
from lfwidget.record.compare_svg import (
    CARD,
    Comparison,
    Difference,
    NodeComparison,
    Pieces,
    RunHead,
    Side,
    change,
    compare_svg,
    only_in,
    say_cost,
    status_word,
    time_change,
)
from lfwidget.record.html import NUMBER, SAID, WORD, picture, seconds
from lfwidget.record.svg import STATUS_COLOURS

__all__ = ["Comparison", "compare_html", "compare_states", "diff_words"]

_Compare: TypeAlias = Callable[[list[str], list[str], "_Effort"], Iterator[tuple[str, str]]]
Costs: TypeAlias = Mapping[str, float | None] | None

_WHOLE = 1_000_000_000
"""Characters of an output that are compared: all."""
_MOST_WORDS = 4_000
_MOST_PAIRS = 1_000_000
"""Equal pairs of words that one comparison may visit, which is what difflib's time grows with."""
_SHORT_ERROR = 300
_LONG = 60
"""Words, signs and spaces from which on a stretch that is the same in both is shortened, to `_BESIDE` at its ends."""
_BESIDE = 20
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
    graph = _union(a["graph"], b["graph"])
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
    found: dict[str, Side] = {}
    for name in (node["id"] for node in state["graph"]["nodes"]):
        node = state["nodes"][name]
        found[name] = {
            "status": node["status"],
            "duration": node["duration"],
            "first_token": node["first_token"],
            "tokens": node["tokens"],
            "cost": costs.get(name),
            "text": _error(node) or node["text"] or preview(node["output"], _WHOLE),
        }
    return found


def _error(state: dict[str, Any]) -> str | None:
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


def _union(a: Graph, b: Graph) -> Graph:
    """Both graphs as one, laid out for cards of two columns."""
    nodes = {node["id"]: node for node in chain(a["nodes"], b["nodes"])}
    edges = {_edge_key(edge): edge for edge in chain(a["edges"], b["edges"])}
    bare: Graph = {
        "nodes": [_without(node, "x", "y", "width", "height") for node in nodes.values()],
        "edges": [_without(edge, "points") for edge in edges.values()],
    }
    return layout(bare, card=CARD)


def _without(item: Mapping[str, Any], *keys: str) -> Any:
    return {key: value for key, value in item.items() if key not in keys}


def _edge_key(edge: Edge) -> tuple[Any, ...]:
    return tuple(edge.get(key) for key in ("source", "target", "source_port", "target_port", "label", "kind"))


def _described(node: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen for a node. The name of a model, and the class of a parser, are in its subtitle only."""
    return {key: node.get(key) for key in ("type", "title", "subtitle")} | (node.get("params") or {})


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], path: str = "") -> list[Difference]:
    found: list[Difference] = []
    for key in dict.fromkeys(chain(a, b)):
        one, other = a.get(key), b.get(key)
        if any(isinstance(value, dict) for value in (one, other)) and _is_mapping(one) and _is_mapping(other):
            found += _differences(one or {}, other or {}, f"{path}{key}.")
        elif one != other or isinstance(one, bool) != isinstance(other, bool):
            found.append({"name": f"{path}{key}", "a": one, "b": other})
    return found


def _is_mapping(value: Any) -> bool:
    return value is None or isinstance(value, dict)


_CJK = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_PUNCTUATION = (
    "!-/:-@\\[-^`{-~\u00a1-\u00bf\u2010-\u205e\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
# What is neither is a word, combining signs and all: `\w` would cut a Hindi word at every vowel.
_WORDS = re.compile(rf"\s+|[{_CJK}{_PUNCTUATION}]|[^\s{_CJK}{_PUNCTUATION}]+")


class _Effort:
    """How much comparing is left; a text is never so long that a page waits for it."""

    def __init__(self) -> None:
        self._left = _MOST_PAIRS

    def spend(self, a: Sequence[str], b: Sequence[str]) -> bool:
        """Whether these may be compared item by item: if so, it is taken off."""
        if max(len(a), len(b)) > _MOST_WORDS:
            return False
        counts = Counter(item for item in b if not item.isspace())
        pairs = sum(counts[item] for item in a)
        if pairs > self._left:
            return False
        self._left -= pairs
        return True


def diff_words(a: str, b: str) -> Pieces:
    """What must go from a, and come in, to make b of it.

    Words, signs of punctuation and CJK characters are compared. Where two texts differ in more than about 4,000 words,
    lines are, and what is too much even so is one piece that is replaced.

    Returns:
        Pieces in order, none of them empty and no two neighbours of one kind.
    """
    return _merged(_compared(_split([a]), _split([b]), _Effort(), _by_lines))


def _compared(a: list[str], b: list[str], effort: _Effort, otherwise: _Compare) -> Iterator[tuple[str, str]]:
    """Words with what became of them; where they are too many, as `otherwise` has it."""
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    one, other = a[head : len(a) - tail], b[head : len(b) - tail]
    yield "=", "".join(a[:head])
    if not one or not other:
        yield from _as_one(one, other, effort)
    elif effort.spend(one, other):
        for tag, i, j, k, m in SequenceMatcher(str.isspace, one, other, autojunk=False).get_opcodes():
            yield from [("=", "".join(one[i:j]))] if tag == "equal" else _as_one(one[i:j], other[k:m], effort)
    else:
        yield from otherwise(one, other, effort)
    yield "=", "".join(a[len(a) - tail :])


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """How many items both begin with."""
    return next((i for i, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))


def _by_lines(a: list[str], b: list[str], effort: _Effort) -> Iterator[tuple[str, str]]:
    one, other = "".join(a).splitlines(keepends=True), "".join(b).splitlines(keepends=True)
    if not effort.spend(one, other):
        yield from _as_one(a, b, effort)
        return
    for _, i, j, k, m in SequenceMatcher(str.isspace, one, other, autojunk=False).get_opcodes():
        yield from _compared(_split(one[i:j]), _split(other[k:m]), effort, _as_one)


def _split(lines: Sequence[str]) -> list[str]:
    return _WORDS.findall("".join(lines))


def _as_one(a: list[str], b: list[str], _: _Effort) -> Iterator[tuple[str, str]]:
    yield from (("-", "".join(a)), ("+", "".join(b)))


def _merged(pieces: Iterable[tuple[str, str]]) -> Pieces:
    """Neighbours as one, what goes before what comes; a space between two changes belongs to both."""
    found: Pieces = []
    run = dict.fromkeys("-+=", "")
    for op, words in pieces:
        if op != "=" and words and run["="]:
            if run["="].strip(" ") or not (run["-"] or run["+"]):
                found += _kept(run)
                run = dict.fromkeys("-+=", "")
            run = {"-": run["-"] + run["="], "+": run["+"] + run["="], "=": ""}
        run[op] += words
    return found + _kept(run)


def _kept(run: Mapping[str, str]) -> Pieces:
    return [[op, words] for op, words in run.items() if words]


def compare_html(comparison: Comparison, title: str) -> str:
    """Two runs: a picture of both, and a table of what differs.

    Args:
        comparison: as `compare_states()` makes it.
        title: of the flow.
    """
    whole = _whole(comparison)
    heads = [_summary(name, run) for name, run in zip("AB", comparison["runs"], strict=True)]
    heads.append(_change(whole))
    lines = "".join(f'<div style="overflow-wrap:anywhere">{escape(line)}</div>' for line in heads)
    return (
        f'<div style="max-width:100%"><div style="padding:4px 0"><b>{escape(title)}</b>{lines}</div>'
        f"{picture(compare_svg(comparison, title), ' · '.join([title, *heads]))}"
        f'<table cellpadding="5" style="border-collapse:collapse;margin:8px 0;width:100%">'
        f"{_table(comparison, whole)}</table></div>"
    )


def _whole(comparison: Comparison) -> NodeComparison:
    """Both runs as a row of the table; as of a node, the tokens are those of the output."""
    a, b = (_run_side(run) for run in comparison["runs"])
    return {**_node(a, b, (None, None)), "text_diff": comparison["output_diff"]}


def _run_side(run: RunHead) -> Side:
    tokens = (run["usage"] or {}).get("output_tokens", 0)
    return {**_NOTHING, "status": run["status"], "duration": run["duration"], "tokens": tokens, "cost": run["cost"]}


_NOTHING: Side = {"status": "idle", "duration": None, "first_token": None, "tokens": 0, "cost": None, "text": ""}


def _summary(name: str, run: RunHead) -> str:
    tokens = f"{run['usage'].get('total_tokens', 0)} tokens" if run["usage"] else ""
    parts = (status_word(run["status"]), seconds(run["duration"]), tokens, say_cost(run["cost"], "cost "))
    error = preview(run["error"], _SHORT_ERROR)
    return " · ".join(filter(None, (f"{name}: {run['name'] or run['flow']}", *parts, error)))


def _change(whole: NodeComparison) -> str:
    delta = whole["delta"]
    tokens = change(delta["tokens"], "output tokens") if delta["tokens"] else ""
    return " · ".join(
        filter(None, (f"Δ (B less A): {time_change(whole)}", tokens, say_cost(delta["cost"], "cost ", sign=True)))
    )


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
        f'<td style="{WORD}"><div style="{SAID}">{params}</div></td>'
        f'<td style="{WORD};width:40%"><div style="{SAID}">{_shown(both["text_diff"])}</div></td></tr>'
    )


def _statuses(both: NodeComparison) -> str:
    """What became of it, where that is not the same in both runs."""
    if both["a"] and both["b"] and both["a"]["status"] == both["b"]["status"] == "finished":
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
    said = (("-", a), ("+", b))
    return [[op, v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)] for op, v in said if v is not None]


def _shown(pieces: Pieces) -> str:
    """A comparison of texts as HTML, cut after so many characters."""
    parts = list(_shortened(pieces))
    html, room = "", _MOST_SHOWN
    for op, words in parts:
        if room > 0:
            html += _TAGS[op].replace("…", escape(words[:room]), 1)
        room -= len(words)
    return html if room >= 0 else f"{html}… ({-room} more characters)"


def _shortened(pieces: Pieces) -> Iterator[tuple[str, str]]:
    """The pieces; of a long one that is the same in both only what stands beside a change."""
    if [op for op, _ in pieces] == ["="]:
        yield "…", "the same: "
    for i, (op, words) in enumerate(pieces):
        split = _split([words]) if op == "=" else []
        if len(split) <= _LONG:
            yield op, words
            continue
        head = _BESIDE if i or len(pieces) == 1 else 0
        tail = len(split) - (_BESIDE if i < len(pieces) - 1 else 0)
        count = sum(word[0].isalnum() for word in split[head:tail])
        yield op, "".join(split[:head])
        yield "…", f" … {count:,} words the same … "
        yield op, "".join(split[tail:])
