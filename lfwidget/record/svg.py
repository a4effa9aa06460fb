"""A flow, or a run of it, as an SVG picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lfwidget.model.graph import Graph, Node
from lfwidget.model.measure import fit
from lfwidget.model.preview import preview
from lfwidget.record.draw import LINE, at, draw, is_color, number, rect, status_text, stripe, stroke, text, tokens, wrap
from lfwidget.record.words import STATUS_COLOURS, seconds

__all__ = ["data_uri", "to_svg"]

_BODY_TOP = 58
_NOTE_LINE = 16.0


def to_svg(
    graph: Graph, nodes: Mapping[str, Mapping[str, Any]] | None = None, *, title: str = "flow", lines: int | None = None
) -> str:
    """Draw a graph, with the state of its nodes where there is one.

    Args:
        graph: with positions, as `layout()` gives it.
        nodes: the `nodes` of `RunState.to_json()`; None draws the flow before any run.
        title: for screen readers, as `<title>`.
        lines: of text on a card; None for as many as it has room for.

    Returns:
        A whole SVG document. Everything that came from a model or a user is escaped.
    """
    states = nodes or {}

    def frame(node: Node) -> str:
        return _note(node) if node["type"] == "note" else _frame(node, states.get(node["id"], {}))

    def card(node: Node) -> str:
        return _card(node, states.get(node["id"], {}), lines)

    return draw(graph, title, frame, card)


def data_uri(svg: str) -> str:
    """The picture as an address, for an attribute in double quotes. Only what would end it is encoded: as base64 it
    would take a sixth more.
    """
    return "data:image/svg+xml," + _ENDING.sub(lambda match: f"%{ord(match[0]):02X}", svg)


_ENDING = re.compile('[%#<>&"\n\r\t]')


def _frame(node: Node, state: Mapping[str, Any]) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    return (
        rect(x, y, width, height, " class='f' rx='10' stroke-dasharray='4 3'")
        + text(x + 12, y + 22, fit(node["title"], width - 110, 13), "h")
        + status_text(state, x + width - 12, y + 22, "e")
    )


def _note(node: Node) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    color = node.get("color", "")
    paint = f" fill='{color}' fill-opacity='.45'" if is_color(color) else " fill='none'"
    drawn, at_y = rect(x, y, width, height, f" rx='8'{paint}"), y + 10.0
    for style, line in _lines(node):
        size = 13 if style == "h" else 11
        rows = int((y + height - at_y - 4) // _NOTE_LINE)
        for row in wrap(line or " ", width - 24, size, rows) if rows > 0 else ():
            at_y += _NOTE_LINE
            drawn += text(x + 12, at_y, row, style)
    return drawn


def _lines(node: Node) -> Iterator[tuple[str, str]]:
    """The lines of a note; one that begins as a heading is one."""
    line, style = "", ""
    for kind, words in node.get("words", []):
        first, *rest = words.split("\n")
        line, style = line + first, style or ("h" if kind == "h" else "")
        for piece in rest:
            yield style or "n", line
            line, style = piece, ""
    yield style or "n", line


def _card(node: Node, state: Mapping[str, Any], most: int | None) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    status = state.get("status", "idle")
    failed = status == "failed"
    border = STATUS_COLOURS[status] if status not in ("idle", "skipped") else "#d1d9e0"
    faded = " opacity='.6'" if status == "skipped" else ""
    body = (state.get("error") or {}).get("message", "") if failed else _said(state)
    rows = int((height - _BODY_TOP - 6) // LINE)
    lines = wrap(body, width - 24, 11, rows if most is None else min(rows, most))
    return (
        f"<g transform='translate({at((x, y))})'{faded}>"
        + rect(0, 0, width, height, f" rx='6' fill='#fff' stroke='{border}'")
        + rect(0, 0, 4, height, f" rx='2' fill='{stripe(node)}'")
        + text(14, 20, fit("⚠ " * ("warning" in node) + node["title"], width - 80, 13), "h")
        + text(width - 10, 20, seconds(state.get("duration"), 1), "e")
        + status_text(state, 14, 40)
        + text(width - 10, 40, tokens(state.get("tokens")), "e")
        + f"<path d='M4 48H{number(width)}' stroke='{border}'/>"
        + "".join(_ports(node))
        + "".join(text(14, _BODY_TOP + 8 + i * LINE, line, "m") for i, line in enumerate(lines))
        + "</g>"
    )


def _ports(node: Node) -> Iterator[str]:
    """The ports that have a colour, on either side of a card."""
    for ports, x in ((node.get("inputs", []), 0.0), (node.get("outputs", []), node["width"])):
        for i, port in enumerate(ports, 1):
            if line := stroke(port.get("color")):
                y = node["height"] * i / (len(ports) + 1)
                yield f"<circle cx='{number(x)}' cy='{number(y)}' r='4' class='p'{line}/>"


def _said(state: Mapping[str, Any]) -> str:
    return str(state.get("text") or "") or preview(state.get("output"))
