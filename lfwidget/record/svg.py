"""A flow, or a run of it, as an SVG picture: real text, no script, no foreignObject, nothing fetched.

Drawn on a light ground whatever the reader's theme, since it is shown as an image (an inline `<svg>` does not survive
JupyterLab's sanitiser) and an image cannot know the theme of the page around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from lfwidget.model.graph import Edge, Graph, Node
from lfwidget.model.measure import char_width, fit
from lfwidget.model.preview import preview

__all__ = ["STATUS_COLOURS", "STATUS_GLYPHS", "STATUS_WORDS", "data_uri", "to_svg"]

STATUS_GLYPHS = {
    "idle": "○",
    "running": "◐",
    "waiting": "?",
    "finished": "✓",
    "failed": "✕",
    "cancelled": "■",
    "skipped": "⊘",
}
STATUS_WORDS = {"idle": "ready", "finished": "done", "failed": "error"}
STATUS_COLOURS = {
    "idle": "#59636e",
    "running": "#0969da",
    "waiting": "#8a5a00",
    "finished": "#1a7f37",
    "failed": "#cf222e",
    "cancelled": "#59636e",
    "skipped": "#59636e",
}
_STRIPES = {
    "prompt": "#0891b2",
    "model": "#a21caf",
    "parser": "#4f46e5",
    "tool": "#c2410c",
    "retriever": "#b45309",
    "function": "#475569",
    "parallel": "#0d9488",
    "branch": "#ca8a04",
    "graph": "#4f46e5",
    "each": "#0d9488",
}
# Classes and not attributes: a record holds a picture, and has a budget.
_STYLE = (
    "text{font:11px %s;fill:#59636e;white-space:pre}.h{font-size:13px;font-weight:600;fill:#1f2328}"
    ".m{font-family:%s;fill:#1f2328}.s{font-weight:600}.e{text-anchor:end}.c{text-anchor:middle}"
    ".l{fill:none;stroke:#8c959f;stroke-width:1.5}.f{fill:#f6f8fa;stroke:#d1d9e0}"
)
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
_MONO = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARGIN = 24
_LINE = 15
_ROUND = 10.0

Point = tuple[float, float]
_BODY_TOP = 58


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
    cards = [node for node in graph["nodes"] if node.get("card", True) and "x" in node]
    frames = {node.get("parent", "") for node in cards}
    by_id = {node["id"]: node for node in cards}
    box = _bounds(cards, graph["edges"])
    states = nodes or {}
    parts = [
        _open(box),
        f"<title>{_clean(title)}</title>",
        _rect(*box, " fill='#fff'"),
    ]
    parts += [_frame(node, states.get(node["id"], {})) for node in cards if node["id"] in frames]
    parts += [_edge(edge, by_id) for edge in graph["edges"] if edge["source"] in by_id and edge["target"] in by_id]
    parts += [_card(node, states.get(node["id"], {}), lines) for node in cards if node["id"] not in frames]
    return "".join([*parts, "</svg>"])


def _open(box: tuple[float, float, float, float]) -> str:
    x, y, width, height = (f"{value:.0f}" for value in box)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='{x} {y} {width} {height}' width='{width}' height='{height}' "
        f"role='img' xml:space='preserve'><style>{_STYLE % (_SANS, _MONO)}</style>"
    )


def data_uri(svg: str) -> str:
    """The picture as an address, for an attribute in double quotes. Only what would end it is encoded: as base64 it
    would take a sixth more.
    """
    return "data:image/svg+xml," + _ENDING.sub(lambda match: f"%{ord(match[0]):02X}", svg)


_ENDING = re.compile('[%#<>&"\n\r\t]')


def _bounds(cards: list[Node], edges: list[Edge]) -> tuple[float, float, float, float]:
    if not cards:
        return (0, 0, 2 * _MARGIN, 2 * _MARGIN)
    points = [point for edge in edges for point in edge.get("points", [])]
    left = min([node["x"] for node in cards] + [x for x, _ in points]) - _MARGIN
    top = min([node["y"] for node in cards] + [y for _, y in points]) - _MARGIN
    right = max([node["x"] + node["width"] for node in cards] + [x for x, _ in points]) + _MARGIN
    bottom = max([node["y"] + node["height"] for node in cards] + [y for _, y in points]) + _MARGIN
    return left, top, right - left, bottom - top


def _frame(node: Node, state: Mapping[str, Any]) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    return (
        _rect(x, y, width, height, " class='f' rx='10' stroke-dasharray='4 3'")
        + _text(x + 12, y + 22, fit(node["title"], width - 110, 13), "h")
        + _status(state, x + width - 12, y + 22, "e")
    )


def _edge(edge: Edge, by_id: Mapping[str, Node]) -> str:
    source, target = by_id[edge["source"]], by_id[edge["target"]]
    start = (source["x"] + source["width"], _port_y(source, "outputs", edge.get("source_port")))
    end = (target["x"], _port_y(target, "inputs", edge.get("target_port")))
    stops = [start, *((x, y) for x, y in edge.get("points", [])), end]
    goes_back = bool(edge.get("points")) and stops[1][0] > stops[-2][0]
    path = _corners(stops) if goes_back else _curves(stops)
    dash = {"conditional": " stroke-dasharray='6 4'", "fallback": " stroke-dasharray='2 4'"}.get(
        edge.get("kind", "flow"), ""
    )
    label = edge.get("label")
    middle = stops[len(stops) // 2 - 1], stops[len(stops) // 2]
    at = ((middle[0][0] + middle[1][0]) / 2, (middle[0][1] + middle[1][1]) / 2 - 4)
    drawn = f"<path class='l' d='{path}'{dash}/>"
    return drawn + (_text(*at, label, "c") if label else "")


def _curves(stops: list[Point]) -> str:
    """Through all points, level at each."""
    path = f"M{_at(stops[0])}"
    for (x1, y1), (x2, y2) in pairwise(stops):
        reach = max(24.0, abs(x2 - x1) / 2)
        path += f"C{_at((x1 + reach, y1))} {_at((x2 - reach, y2))} {_at((x2, y2))}"
    return path


def _corners(stops: list[Point]) -> str:
    """A line that goes back: out to the right, down, under the cards, and up into its target, with round corners."""
    start, first, last, end = stops[0], stops[1], stops[-2], stops[-1]
    bends = [(first[0], start[1]), first, last, (last[0], end[1])]
    path = f"M{_at(start)}"
    for before, at, after in zip([start, *bends[:-1]], bends, [*bends[1:], end], strict=True):
        near, far = _toward(at, before), _toward(at, after)
        path += f"L{_at(near)}Q{_at(at)} {_at(far)}"
    return f"{path}L{_at(end)}"


def _toward(at: Point, other: Point) -> Point:
    """The point where the corner at `at` begins, on the way to `other`."""
    length = max(abs(other[0] - at[0]), abs(other[1] - at[1])) or 1.0
    share = min(_ROUND, length / 2) / length
    return at[0] + (other[0] - at[0]) * share, at[1] + (other[1] - at[1]) * share


def _port_y(node: Node, side: str, port: str | None) -> float:
    names = [item["name"] for item in node.get(side, [])]  # type: ignore[attr-defined] # side is one of two known keys
    if port not in names:
        return node["y"] + node["height"] / 2
    return node["y"] + node["height"] * (names.index(port) + 1) / (len(names) + 1)


def _card(node: Node, state: Mapping[str, Any], most: int | None) -> str:
    if node["type"] in ("start", "end"):
        return _pill(node)
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    status = state.get("status", "idle")
    failed = status == "failed"
    stripe = _STRIPES.get(node["type"], "#59636e")
    border = STATUS_COLOURS[status] if status not in ("idle", "skipped") else "#d1d9e0"
    faded = " opacity='.6'" if status == "skipped" else ""
    body = (state.get("error") or {}).get("message", "") if failed else _said(state)
    rows = int((height - _BODY_TOP - 6) // _LINE)
    lines = _wrap(body, width - 24, 11, rows if most is None else min(rows, most))
    return (
        f"<g transform='translate({_at((x, y))})'{faded}>"
        + _rect(0, 0, width, height, f" rx='6' fill='#fff' stroke='{border}'")
        + _rect(0, 0, 4, height, f" rx='2' fill='{stripe}'")
        + _text(14, 20, fit(node["title"], width - 80, 13), "h")
        + _text(width - 10, 20, _seconds(state.get("duration")), "e")
        + _status(state, 14, 40)
        + _text(width - 10, 40, _tokens(state.get("tokens")), "e")
        + f"<path d='M4 48H{_number(width)}' stroke='{border}'/>"
        + "".join(_text(14, _BODY_TOP + 8 + i * _LINE, line, "m") for i, line in enumerate(lines))
        + "</g>"
    )


def _pill(node: Node) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    round_ = f" class='f' rx='{_number(height / 2)}'"
    return _rect(x, y, width, height, round_) + _text(x + width / 2, y + height / 2 + 4, node["title"], "c")


def _said(state: Mapping[str, Any]) -> str:
    return str(state.get("text") or "") or preview(state.get("output"))


def _status(state: Mapping[str, Any], x: float, y: float, anchor: str = "") -> str:
    status = state.get("status", "idle")
    words = f"{STATUS_GLYPHS[status]} {STATUS_WORDS.get(status, status)}"
    return _text(x, y, words, f"s {anchor}".strip(), f" style='fill:{STATUS_COLOURS[status]}'")


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _tokens(value: int | None) -> str:
    return f"{value} tok" if value else ""


def _text(x: float, y: float, words: str, style: str, more: str = "") -> str:
    """Words at a place, in the classes `style`; nothing where there are none."""
    return f"<text x='{_number(x)}' y='{_number(y)}' class='{style}'{more}>{_clean(words)}</text>" if words else ""


def _rect(x: float, y: float, width: float, height: float, more: str) -> str:
    at = f"x='{_number(x)}' y='{_number(y)}' " if x or y else ""
    return f"<rect {at}width='{_number(width)}' height='{_number(height)}'{more}/>"


def _at(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """To a tenth of a pixel, as short as that goes."""
    return f"{value:.1f}".removesuffix(".0")


def _clean(words: str) -> str:
    """Escaped, and without the characters that XML 1.0 forbids even as references."""
    return escape(_FORBIDDEN.sub("", words))


def _wrap(words: str, room: float, size: int, rows: int) -> Iterator[str]:
    """At most `rows` lines that fit into `room` pixels, broken at spaces where there are any."""
    lines = 0
    for paragraph in words.expandtabs(4).splitlines():
        rest = paragraph
        while rest or not paragraph:
            head, rest = _break(rest, room, size)
            lines += 1
            if lines == rows and rest:
                yield fit(head + " " + rest, room, size)
                return
            yield head
            if lines == rows:
                return
            if not rest:
                break


def _break(words: str, room: float, size: int) -> tuple[str, str]:
    used, space = 0.0, -1
    for i, char in enumerate(words):
        used += char_width(char, size)
        if char == " ":
            space = i
        if used > room and i > 0:
            cut = space if space > 0 else i
            return words[:cut], words[cut:].lstrip(" ")
    return words, ""
