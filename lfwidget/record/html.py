"""A flow or a run as a piece of HTML: a part that needs no script, and for a run the player, which takes its place.

In the static part everything is inline (styles, the picture as a data URI): JupyterLab's sanitiser takes away
`<style>`, inline `<svg>` and ids, and GitHub's takes away the picture as well, which leaves the table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

from lfwidget.model.graph import NEVER_RUN, Graph
from lfwidget.model.preview import preview
from lfwidget.model.redact import MASK
from lfwidget.page_files import page_file
from lfwidget.record.about import About
from lfwidget.record.found import LOG_TYPE
from lfwidget.record.pack import pack, squeeze
from lfwidget.record.svg import data_uri, to_svg
from lfwidget.record.words import STATUS_COLOURS, STATUS_GLYPHS, seconds, status_name, status_word

__all__ = ["flow_html", "record_html", "run_html"]

PLAYER_TYPE = "application/x-lfwidget-player"

_LONGEST = 2_000
_LONGEST_OUTPUT = 600
"""Characters of an output that nobody said: it is mostly made of what was said."""
_REPEATED = 80
"""Characters from which on a text is not written twice, and may take several lines."""
_LINES = 2
"""Of text on a card of the picture: the table below it has the rest."""
# Short, since they stand in every row. JupyterLab's own style aligns cells to the right.
WORD = "text-align:left"
NUMBER = "text-align:right"
_HEADS = {"node": WORD, "status": WORD, "text": f"{WORD};width:55%"}
SAID = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:9em;overflow:auto"


def flow_html(graph: Graph, title: str) -> str:
    """A flow before any run: its picture, with the names of its nodes as alternative text."""
    names = ", ".join(node["title"] for node in graph["nodes"] if node.get("card", True))
    return f'<div style="max-width:100%">{picture(to_svg(graph, title=title), f"{title}: {names}")}</div>'


def record_html(about: About, events: Sequence[dict[str, Any]], state: dict[str, Any], token: str = "") -> str:
    """A run with everything that playing it needs. No ids: the same record may stand in a page twice.

    Args:
        about: the head of the record.
        events: of the run.
        state: `RunState.to_json()` after the last of them.
        token: by which a page finds this very record.

    Raises:
        DisplayError: the page's bundle is missing.
    """
    title = f"{state['flow']}: {state['name']}" if state["name"] else state["flow"]
    return (
        f'<div class="lfwidget-record" data-lfw="{escape(token, quote=True)}">'
        f"<div>{run_html(state, title)}{_HOW}</div>{_player(page_file('record.js'))}"
        f'<script type="{LOG_TYPE}">{pack(about, events)}</script>'
        f"<script>{page_file('loader.js')}</script></div>"
    )


@lru_cache(maxsize=1)
def _player(code: str) -> str:
    """The player, compressed, in a script element that no browser runs: `loader.js` unpacks it, once in a page."""
    key = hashlib.sha256(code.encode()).hexdigest()[:12]
    return f'<script type="{PLAYER_TYPE}" data-key="{key}">{squeeze(code)}</script>'


_HOW = (
    '<div style="padding:4px 0;opacity:.75;font-size:90%">This run can be played back. In Jupyter: choose '
    "<b>Trust Notebook</b> (command palette, or File menu), then reopen it. In Python: "
    "<code>lfwidget.open(&quot;this-notebook.ipynb&quot;)</code>. No kernel, server or key is needed.</div>"
)


def run_html(state: dict[str, Any], title: str) -> str:
    """A run: its picture and a table of its nodes.

    Args:
        state: `RunState.to_json()`.
        title: of the flow.
    """
    svg = to_svg(state["graph"], state["nodes"], title=title, lines=_LINES)
    drawn = [node for node in state["graph"]["nodes"] if node.get("card", True) and node["type"] not in NEVER_RUN]
    said: dict[str, str] = {}
    rows = "".join(_row(node["id"], state["nodes"][node["id"]], said) for node in drawn)
    heads = ("node", "status", "first token", "time", "tokens", "tokens/s", "text")
    head = "".join(f'<th style="{_HEADS.get(h, NUMBER)}">{h}</th>' for h in heads)
    return (
        f'<div style="max-width:100%"><div style="padding:4px 0"><b>{escape(title)}</b> &nbsp;'
        f"{escape(_summary(state))}</div>{_notices(state)}{picture(svg, _summary(state, title))}"
        f'<table cellpadding="5" style="border-collapse:collapse;margin:8px 0;width:100%">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def picture(svg: str, words: str) -> str:
    return (
        f'<img alt="{escape(words, quote=True)}" src="{data_uri(svg)}" '
        f'style="max-width:100%;height:auto;border-radius:6px"/>'
    )


def _summary(state: dict[str, Any], title: str = "") -> str:
    parts = [title] if title else []
    parts.append(f"{status_word(state['status'])}")
    if state["duration"] is not None:
        parts.append(f"{state['duration']:.1f} s")
    if state["usage"]:
        parts.append(f"{state['usage'].get('total_tokens', 0)} tokens")
    return " · ".join(parts)


def _notices(state: dict[str, Any]) -> str:
    """What is asked, and an error that is in no row of the table."""
    lines = [("waiting", f"{asked['node']} asks: {preview(asked['prompt'], _LONGEST)}") for asked in state["pending"]]
    if state["error"] and not any(node["error"] for node in state["nodes"].values()):
        lines.append(("failed", f"{state['error']['type']}: {state['error']['message'][:_LONGEST]}"))
    return "".join(
        f'<div style="padding:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;color:{STATUS_COLOURS[status]}">'
        f"{escape(words)}</div>"
        for status, words in lines
    )


def _row(name: str, node: dict[str, Any], said: dict[str, str]) -> str:
    """A row of the table. `said` has what the rows before say, by whom: an answer is often passed on as it is."""
    words = _words(node, name, said)
    long = len(words) > _REPEATED or "\n" in words
    # In a row of one line there is nothing to align.
    top = ";vertical-align:top" if long else ""
    numbers = (seconds(node["first_token"]), seconds(node["duration"]), str(node["tokens"] or ""), _rate(node))
    cells = "".join(f'<td style="{NUMBER}{top}">{number}</td>' if number else "<td></td>" for number in numbers)
    words_html = said_html(words)
    text = f'<div style="{SAID}">{words_html}</div>' if long else words_html
    return (
        f'<tr><td style="{WORD}{top}">{escape(name)}</td>'
        f'<td style="{WORD}{top};white-space:nowrap">{status_html(node["status"])}</td>'
        f'{cells}<td style="{WORD}{top}">{text}</td></tr>'
    )


def said_html(words: str) -> str:
    """What a model or a user said, as text; a mask says what it is to whoever points at it."""
    return escape(words).replace(MASK, f'<span title="{MASK} stands for a secret">{MASK}</span>')


def status_html(status: str) -> str:
    """The status in words, its sign in its colour. The words have the colour of the page, which may be dark."""
    sign = f'<span style="color:{STATUS_COLOURS[status]}">{STATUS_GLYPHS[status]}</span>'
    return f"{sign} {status_name(status)}"


def _words(node: dict[str, Any], name: str, said: dict[str, str]) -> str:
    if node["error"]:
        return f"{node['error']['type']}: {node['error']['message']}"[:_LONGEST]
    words = node["text"] or preview(node["output"], _LONGEST)
    if len(words) >= _REPEATED and said.setdefault(words[:_LONGEST], name) != name:
        return f"(the same as {said[words[:_LONGEST]]})"
    most = _LONGEST if node["text"] else _LONGEST_OUTPUT
    return words if len(words) <= most else f"{words[:most]}… ({len(words) - most:,} more characters)"


def _rate(node: dict[str, Any]) -> str:
    """Tokens per second from the first token to the end, where it streamed; over all its spans, as the tokens are."""
    spoken = sum(span["duration"] or 0 for span in node["spans"]) - (node["first_token"] or 0)
    return f"{node['tokens'] / spoken:.1f}" if node["first_token"] is not None and spoken > 0 and node["tokens"] else ""
