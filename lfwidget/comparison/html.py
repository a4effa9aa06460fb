"""Two runs as a piece of HTML that needs no script: a picture, and a table of what differs. See `record/html.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from lfwidget.comparison.data import NOTHING, Comparison, Difference, NodeComparison, whole_of
from lfwidget.comparison.diff import Pieces, diff_words, joined, words_of
from lfwidget.comparison.svg import compare_svg
from lfwidget.comparison.words import change, in_words, only_in, say_cost, time_change
from lfwidget.model.graph import NEVER_RUN
from lfwidget.record.html import NUMBER, SAID, WORD, picture, said_html, status_html
from lfwidget.record.words import seconds

__all__ = ["compare_html"]

_LONG = 40
"""Words and signs from which on a stretch that is the same in both is shortened, to `_BESIDE` at its ends."""
_BESIDE = 12
_MOST_SHOWN = 4_000
# JupyterLab gives every column the same width where its head asks for none.
_FIGURES = {"time": (7, 7, 14), "tokens": (6, 6, 6), "cost": (8, 8, 8)}
_WORDS = {"node": 9, "parameters": 16, "text": 29}
_TAGS = {
    "=": "…",
    "-": '<del style="background-color:rgba(207,34,46,.2);text-decoration:line-through">…</del>',
    "+": '<ins style="background-color:rgba(26,127,55,.2);text-decoration:underline">…</ins>',
    "…": '<i style="opacity:.75">…</i>',
}


def compare_html(comparison: Comparison, title: str) -> str:
    """Two runs: a picture of both, and a table of what differs.

    Args:
        comparison: as `compare_states()` makes it.
        title: of the flow.
    """
    whole = whole_of(comparison)
    heads = in_words(comparison, whole)
    lines = "".join(f'<div style="overflow-wrap:anywhere">{escape(line)}</div>' for line in heads)
    return (
        f'<div style="max-width:100%"><div style="padding:4px 0"><b>{escape(title)}</b>{lines}</div>'
        f"{picture(compare_svg(comparison, title), ' · '.join([title, *heads]))}"
        f'<div style="overflow:auto"><table cellpadding="5" '
        f'style="border-collapse:collapse;margin:8px 0;width:100%;min-width:{80 if _priced(comparison) else 64}em">'
        f"{_table(comparison, whole)}</table></div></div>"
    )


def _table(comparison: Comparison, whole: NodeComparison) -> str:
    nodes = comparison["nodes"]
    priced = _priced(comparison)
    # A call inside a function has no card; it has a row where something else was chosen for it.
    listed = (
        node["id"]
        for node in comparison["graph"]["nodes"]
        if node["type"] not in NEVER_RUN and (node.get("card", True) or nodes[node["id"]]["params"])
    )
    heads = list(_heads(priced=priced))
    share = 100 / sum(width for _, _, width in heads)
    head = "".join(f'<th style="{style};width:{share * width:.1f}%">{name}</th>' for name, style, width in heads)
    rows = [_row("whole run", whole, priced=priced), *(_row(name, nodes[name], priced=priced) for name in listed)]
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"


def _heads(*, priced: bool) -> Iterator[tuple[str, str, int]]:
    """The columns: their names, how their heads look, and their shares of the width."""
    node, *words = ((name, WORD, width) for name, width in _WORDS.items())
    yield node
    for of, widths in _FIGURES.items():
        if of != "cost" or priced:
            yield from zip((f"{of} A", f"{of} B", "Δ"), [NUMBER] * 3, widths, strict=True)
    yield from words


def _priced(comparison: Comparison) -> bool:
    sides = (side for both in comparison["nodes"].values() for side in (both["a"], both["b"]))
    return any(side and side["cost"] is not None for side in sides)


def _row(name: str, both: NodeComparison, *, priced: bool) -> str:
    a, b, delta = both["a"] or NOTHING, both["b"] or NOTHING, both["delta"]
    figures = [seconds(a["duration"]), seconds(b["duration"]), time_change(both)]
    figures += [str(a["tokens"] or ""), str(b["tokens"] or "")]
    figures.append(change(delta["tokens"], "") if a["tokens"] or b["tokens"] else "")
    figures += [say_cost(a["cost"]), say_cost(b["cost"]), say_cost(delta["cost"], sign=True)] if priced else []
    cells = "".join(f'<td style="{NUMBER};white-space:nowrap">{figure}</td>' for figure in figures)
    params = "".join(f"<div>{escape(item['name'])}: {_shown(_param(item))}</div>" for item in both["params"])
    return (
        f'<tr><td style="{WORD}"><div>{escape(name)}</div>{_statuses(both)}</td>{cells}'
        f'<td style="{WORD}"><div style="{SAID}">{params}</div></td>'
        f'<td style="{WORD}"><div style="{SAID}">{_shown(both["text_diff"])}</div></td></tr>'
    )


def _statuses(both: NodeComparison) -> str:
    """What became of it, unless both runs finished it, or neither came to it."""
    if {side["status"] if side else None for side in (both["a"], both["b"])} in ({"finished"}, {"idle"}):
        return ""
    lines = [
        f'<div style="white-space:nowrap">{run} {status_html(side["status"])}</div>'
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
            html += _TAGS[op].replace("…", said_html(words[:room]), 1)
        room -= len(words)
    return html if room >= 0 else f"{html}… ({-room} more characters)"


def _shortened(pieces: Pieces) -> Iterator[tuple[str, str]]:
    """The pieces; of a long one that is the same in both only what stands beside a change."""
    if [op for op, _ in pieces] == ["="]:
        yield "…", "the same: "
    for i, (op, words) in enumerate(pieces):
        split = words_of(words) if op == "=" else []
        if len(split) <= _LONG:
            yield op, words
            continue
        head = _BESIDE if i or len(pieces) == 1 else 0
        tail = len(split) - (_BESIDE if i < len(pieces) - 1 else 0)
        count = sum(word[:1].isalnum() for _, word in split[head:tail])
        yield op, joined(split[:head])
        yield "…", f" … {count:,} words the same … "
        yield op, joined(split[tail:])
