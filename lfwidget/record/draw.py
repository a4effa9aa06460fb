"""What pictures of flows are made of: real text, no script, no foreignObject, nothing fetched.

Drawn on a light ground whatever the reader's theme, since a picture is shown as an image (an inline `<svg>` does not
survive JupyterLab's sanitiser) and an image cannot know the theme of the page around it. Everything that came from a
model or a user is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from lfwidget.model.graph import Edge, Graph, Node
from lfwidget.model.measure import char_width, fit
from lfwidget.record.words import STATUS_COLOURS, status_word

__all__ = [
    "LINE",
    "at",
    "draw",
    "is_color",
    "number",
    "rect",
    "status_text",
    "stripe",
    "stroke",
    "text",
    "tokens",
    "wrap",
]

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
    ".p{fill:#fff;stroke-width:2}"
)
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
_MONO = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEVER_FIRST = frozenset("、。，．：；！？）」』】〉》〕…")  # noqa: RUF001 - these it is about
"""CJK signs that end a line rather than begin one: they hang over its edge."""
_COLOR = re.compile(r"#[0-9a-fA-F]{6}\Z")
_INK = (0x1F, 0x23, 0x28)
_SHARE = 0.72
_MARGIN = 24
LINE = 15
"""Height of a line of text on a card, in px."""
_ROUND = 10.0

Point = tuple[float, float]
_GREY = "#59636e"


def draw(graph: Graph, title: str, frame: Callable[[Node], str], card: Callable[[Node], str]) -> str:
    """Draw a graph: frames below, edges above them, cards on top.

    Args:
        graph: with positions, as `layout()` gives it.
        title: for screen readers, as `<title>`.
        frame: draws what lies below the edges: a node that has others in it, or a note.
        card: draws any other node that is no start and no end.

    Returns:
        A whole SVG document.
    """
    cards = [node for node in graph["nodes"] if node.get("card", True) and "x" in node]
    frames = {node.get("parent", "") for node in cards} | {node["id"] for node in cards if node["type"] == "note"}
    by_id = {node["id"]: node for node in cards}
    box = _bounds(cards, graph["edges"])
    parts = [_open(box), f"<title>{_clean(title)}</title>", rect(*box, " fill='#fff'")]
    parts += [frame(node) for node in cards if node["id"] in frames]
    parts += [_edge(edge, by_id) for edge in graph["edges"] if edge["source"] in by_id and edge["target"] in by_id]
    parts += [
        _pill(node) if node["type"] in ("start", "end") else card(node) for node in cards if node["id"] not in frames
    ]
    return "".join([*parts, "</svg>"])


def _open(box: tuple[float, float, float, float]) -> str:
    x, y, width, height = (f"{value:.0f}" for value in box)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='{x} {y} {width} {height}' width='{width}' height='{height}' "
        f"role='img' xml:space='preserve'><style>{_STYLE % (_SANS, _MONO)}</style>"
    )


def _bounds(cards: list[Node], edges: list[Edge]) -> tuple[float, float, float, float]:
    if not cards:
        return (0, 0, 2 * _MARGIN, 2 * _MARGIN)
    points = [point for edge in edges for point in edge.get("points", [])]
    left = min([node["x"] for node in cards] + [x for x, _ in points]) - _MARGIN
    top = min([node["y"] for node in cards] + [y for _, y in points]) - _MARGIN
    right = max([node["x"] + node["width"] for node in cards] + [x for x, _ in points]) + _MARGIN
    bottom = max([node["y"] + node["height"] for node in cards] + [y for _, y in points]) + _MARGIN
    return left, top, right - left, bottom - top


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
    x, y = (middle[0][0] + middle[1][0]) / 2, (middle[0][1] + middle[1][1]) / 2 - 4
    ports = {port["name"]: port.get("color") for port in source.get("outputs", [])}
    drawn = f"<path class='l' d='{path}'{dash}{stroke(ports.get(edge.get('source_port', '')))}/>"
    return drawn + (text(x, y, label, "c") if label else "")


def _curves(stops: list[Point]) -> str:
    """Through all points, level at each."""
    path = f"M{at(stops[0])}"
    for (x1, y1), (x2, y2) in pairwise(stops):
        reach = max(24.0, abs(x2 - x1) / 2)
        path += f"C{at((x1 + reach, y1))} {at((x2 - reach, y2))} {at((x2, y2))}"
    return path


def _corners(stops: list[Point]) -> str:
    """A line that goes back: out to the right, down, under the cards, and up into its target, with round corners."""
    start, first, last, end = stops[0], stops[1], stops[-2], stops[-1]
    bends = [(first[0], start[1]), first, last, (last[0], end[1])]
    path = f"M{at(start)}"
    for before, bend, after in zip([start, *bends[:-1]], bends, [*bends[1:], end], strict=True):
        near, far = _toward(bend, before), _toward(bend, after)
        path += f"L{at(near)}Q{at(bend)} {at(far)}"
    return f"{path}L{at(end)}"


def _toward(bend: Point, other: Point) -> Point:
    """The point where the corner at `bend` begins, on the way to `other`."""
    length = max(abs(other[0] - bend[0]), abs(other[1] - bend[1])) or 1.0
    share = min(_ROUND, length / 2) / length
    return bend[0] + (other[0] - bend[0]) * share, bend[1] + (other[1] - bend[1]) * share


def _port_y(node: Node, side: str, port: str | None) -> float:
    names = [item["name"] for item in node.get(side, [])]  # type: ignore[attr-defined] # side is one of two known keys
    if port not in names:
        return node["y"] + node["height"] / 2
    return node["y"] + node["height"] * (names.index(port) + 1) / (len(names) + 1)


def stripe(node: Node) -> str:
    """The colour of a node: its own, else that of its type."""
    return _readable(node.get("color", "")) or _STRIPES.get(node["type"], _GREY)


def is_color(value: str) -> bool:
    """Whether it is #rrggbb: nothing else may enter an attribute."""
    return _COLOR.match(value) is not None


def stroke(color: str | None) -> str:
    """An attribute for a line in a colour; nothing for what is no colour."""
    readable = _readable(color or "")
    return f" style='stroke:{readable}'" if readable else ""


def _readable(color: str) -> str:
    """A colour mixed with ink, as the page mixes it: LangFlow's cyan could not be seen on white. "" for no colour."""
    if not is_color(color):
        return ""
    mixed = (
        round(int(color[i : i + 2], 16) * _SHARE + ink * (1 - _SHARE)) for i, ink in zip((1, 3, 5), _INK, strict=True)
    )
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _pill(node: Node) -> str:
    x, y, width, height = node["x"], node["y"], node["width"], node["height"]
    round_ = f" class='f' rx='{number(height / 2)}'"
    return rect(x, y, width, height, round_) + text(x + width / 2, y + height / 2 + 4, node["title"], "c")


def status_text(state: Mapping[str, Any], x: float, y: float, anchor: str = "") -> str:
    """The status of a node, in its colour; `anchor` is "e" where the words end at x."""
    status = state.get("status", "idle")
    return text(x, y, status_word(status), f"s {anchor}".strip(), f" style='fill:{STATUS_COLOURS[status]}'")


def tokens(value: int | None) -> str:
    """A number of tokens; nothing where there are none."""
    return f"{value} tok" if value else ""


def text(x: float, y: float, words: str, style: str, more: str = "") -> str:
    """Words at a place, in the classes `style`; nothing where there are none."""
    return f"<text x='{number(x)}' y='{number(y)}' class='{style}'{more}>{_clean(words)}</text>" if words else ""


def rect(x: float, y: float, width: float, height: float, more: str) -> str:
    """A rectangle; `more` are its other attributes, each with a space before it."""
    place = f"x='{number(x)}' y='{number(y)}' " if x or y else ""
    return f"<rect {place}width='{number(width)}' height='{number(height)}'{more}/>"


def at(point: Point) -> str:
    """A place in a path or a transform."""
    return f"{number(point[0])} {number(point[1])}"


def number(value: float) -> str:
    """To a tenth of a pixel, as short as that goes."""
    return f"{value:.1f}".removesuffix(".0")


def _clean(words: str) -> str:
    """Escaped, and without the characters that XML 1.0 forbids even as references."""
    return escape(_FORBIDDEN.sub("", words))


def wrap(words: str, room: float, size: int, rows: int) -> Iterator[str]:
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
            cut = space if space > 0 else i + (char in _NEVER_FIRST)
            return words[:cut], words[cut:].lstrip(" ")
    return words, ""
