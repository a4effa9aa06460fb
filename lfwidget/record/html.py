"""A flow or a run as a piece of HTML that needs no script: what a notebook shows where no widget can live.

Everything is inline (styles, the picture as a data URI): JupyterLab's sanitiser takes away `<style>`, inline `<svg>`
and ids, and GitHub's takes away the picture as well, which leaves the table.
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from lfwidget.model.graph import Graph
from lfwidget.model.preview import preview
from lfwidget.record.svg import STATUS_COLOURS, STATUS_GLYPHS, STATUS_WORDS, to_svg

__all__ = ["flow_html", "run_html"]

_LONGEST = 2_000
_CELL = "padding:4px 8px;text-align:left;vertical-align:top;border-bottom:1px solid #8c959f55"
_NUMBER = _CELL + ";text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
_SAID = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:9em;overflow:auto"


def flow_html(graph: Graph, title: str) -> str:
    """A flow before any run: its picture, with the names of its nodes as alternative text."""
    names = ", ".join(node["title"] for node in graph["nodes"] if node.get("card", True))
    return f'<div style="max-width:100%">{_picture(to_svg(graph, title=title), f"{title}: {names}")}</div>'


def run_html(state: dict[str, Any], title: str) -> str:
    """A run: its picture and a table of its nodes.

    Args:
        state: `RunState.to_json()`.
        title: of the flow.
    """
    picture = _picture(to_svg(state["graph"], state["nodes"], title=title), _summary(state, title))
    drawn = [
        node for node in state["graph"]["nodes"] if node.get("card", True) and node["type"] not in ("start", "end")
    ]
    rows = "".join(_row(node["id"], state["nodes"][node["id"]]) for node in drawn)
    heads = ("node", "status", "first token", "time", "tokens", "tokens/s", "text")
    head = "".join(f'<th style="{_CELL if h in ("node", "status", "text") else _NUMBER}">{h}</th>' for h in heads)
    return (
        f'<div style="max-width:100%"><div style="padding:4px 0"><b>{escape(title)}</b> &nbsp;'
        f"{escape(_summary(state))}</div>{_notices(state)}{picture}"
        f'<table style="border-collapse:collapse;table-layout:auto;margin:8px 0;width:100%">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _picture(svg: str, words: str) -> str:
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="{escape(words, quote=True)}" src="data:image/svg+xml;base64,{data}" '
        f'style="max-width:100%;height:auto;border-radius:6px"/>'
    )


def _summary(state: dict[str, Any], title: str = "") -> str:
    parts = [title] if title else []
    parts.append(f"{STATUS_GLYPHS[state['status']]} {STATUS_WORDS.get(state['status'], state['status'])}")
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


def _row(name: str, node: dict[str, Any]) -> str:
    status = node["status"]
    word = f"{STATUS_GLYPHS[status]} {STATUS_WORDS.get(status, status)}"
    numbers = (_seconds(node["first_token"]), _seconds(node["duration"]), str(node["tokens"] or ""), _rate(node))
    cells = "".join(f'<td style="{_NUMBER}">{number}</td>' for number in numbers)
    return (
        f'<tr><td style="{_CELL};white-space:nowrap">{escape(name)}</td>'
        f'<td style="{_CELL};white-space:nowrap;color:{STATUS_COLOURS[status]}">{word}</td>'
        f'{cells}<td style="{_CELL};width:55%"><div style="{_SAID}">{escape(_words(node))}</div></td></tr>'
    )


def _words(node: dict[str, Any]) -> str:
    if node["error"]:
        return f"{node['error']['type']}: {node['error']['message']}"[:_LONGEST]
    words = node["text"] or preview(node["output"], _LONGEST)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}… ({len(words) - _LONGEST} more characters)"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _rate(node: dict[str, Any]) -> str:
    """Tokens per second from the first token to the end, where it streamed; over all its spans, as the tokens are."""
    spoken = sum(span["duration"] or 0 for span in node["spans"]) - (node["first_token"] or 0)
    return f"{node['tokens'] / spoken:.1f}" if node["first_token"] is not None and spoken > 0 and node["tokens"] else ""
