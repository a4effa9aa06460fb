"""Where LangFlow's cards stand on our canvas: in LangFlow's arrangement, closer together.

LangFlow's cards are 320 wide and 200 to 700 high, since they hold their fields; ours hold what a node says, and are
smaller. Every card keeps its middle, and the flow shrinks as far as nothing comes to lie on another.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

__all__ = ["Box", "arrange", "is_placed"]

_LEAST = (0.6, 0.42)
"""How much narrower and flatter the flow gets at most."""
_MOST = (1.0, 0.9)
"""And at least."""
_BESIDE = 112.0
"""Pixels between two cards side by side: the names of ports are written there."""
_GAP = 26.0
"""Pixels between any other two."""
_NEAR = 8.0
"""Pixels between a card and the note that is about it, and what had to be moved."""
_MANY = 1500
"""Above so many boxes, pairs are no longer compared: cards may then touch."""

_Span = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle in LangFlow's pixels and what it becomes: `width` and `height` are ours from the start.

    Attributes:
        x: of the left edge; LangFlow's before `arrange()`, ours after it.
        y: of the top edge, likewise.
        was: width and height in LangFlow.
        width: on our canvas.
        height: on our canvas.
        is_note: whether it may lie under others, if it does so in LangFlow.
        more: how much wider and higher it is in the end: LangFlow draws a group as a card, we draw what is in it.
    """

    x: float
    y: float
    was: tuple[float, float]
    width: float
    height: float
    is_note: bool = False
    more: tuple[float, float] = (0.0, 0.0)


def is_placed(boxes: Sequence[Box]) -> bool:
    """Whether these have places at all: boxes that all stand at one point have none."""
    return len({(box.x, box.y) for box in boxes}) > 1 or len(boxes) == 1


def arrange(boxes: Sequence[Box]) -> list[Box]:
    """Give every box its place on our canvas.

    Returns:
        The boxes in the same order; the leftmost edge is 0 and the topmost edge is 0.
    """
    if not boxes:
        return []
    few = len(boxes) <= _MANY
    across = _across(boxes) if few else _MOST[0]
    down = _down(boxes, [_moved(box, across, 1.0) for box in boxes]) if few else _MOST[1]
    placed = [_moved(box, across, down) for box in boxes]
    if few:
        _stick(boxes, placed)
        _push(boxes, placed)
    for n, box in enumerate(boxes):
        if any(box.more):
            _grow(placed, n)
    left, top = min(box.x for box in placed), min(box.y for box in placed)
    return [replace(box, x=round(box.x - left, 1), y=round(box.y - top, 1)) for box in placed]


def _moved(box: Box, across: float, down: float) -> Box:
    middle_x, middle_y = (box.x + box.was[0] / 2) * across, (box.y + box.was[1] / 2) * down
    return replace(box, x=middle_x - box.width / 2, y=middle_y - box.height / 2)


def _across(boxes: Sequence[Box]) -> float:
    """How much narrower the flow may get before cards side by side come too close."""
    least = _LEAST[0]
    spans = [(box.y, box.y + box.was[1]) for box in boxes]
    middles = [box.x + box.was[0] / 2 for box in boxes]
    reach = (max(box.width for box in boxes) + _BESIDE) / least
    for i, k in _near(boxes, spans, middles, reach):
        a, b = boxes[i], boxes[k]
        gap = _GAP if a.is_note or b.is_note else _BESIDE
        least = _needed((least, _MOST[0]), abs(middles[i] - middles[k]), (a.width + b.width) / 2 + gap)
    return least


def _down(boxes: Sequence[Box], placed: Sequence[Box]) -> float:
    """How much flatter the flow may get before anything comes to lie on another."""
    least = _LEAST[1]
    middles = [box.y + box.was[1] / 2 for box in boxes]
    reach = (max(box.height for box in boxes) + _GAP) / least
    for i, k in _near(boxes, [_width(box) for box in placed], middles, reach):
        room = (boxes[i].height + boxes[k].height) / 2 + _GAP
        least = _needed((least, _MOST[1]), abs(middles[i] - middles[k]), room)
    return least


def _needed(scales: tuple[float, float], apart: float, room: float) -> float:
    """The scale at which two boxes have the room they need; what has it at none is moved in the end, rather than that
    the whole flow grows for it.
    """
    least, most = scales
    return max(least, room / apart) if apart * most >= room else least


def _width(box: Box) -> _Span:
    return box.x, box.x + box.width + _GAP / 2


def _near(
    boxes: Sequence[Box], spans: Sequence[_Span], middles: Sequence[float], reach: float
) -> Iterator[tuple[int, int]]:
    """Pairs of boxes whose spans overlap and whose middles are not farther apart than `reach`."""
    order = sorted(range(len(boxes)), key=middles.__getitem__)
    for at, i in enumerate(order):
        low, high = spans[i]
        for k in order[at + 1 :]:
            if middles[k] - middles[i] > reach:
                break
            if spans[k][0] < high and low < spans[k][1] and not _under(boxes[i], boxes[k]):
                yield i, k


def _under(a: Box, b: Box) -> bool:
    """Whether one is a note that lies under the other in LangFlow."""
    return (a.is_note or b.is_note) and _overlap(a, b)


def _overlap(a: Box, b: Box) -> bool:
    return a.x < b.x + b.was[0] and b.x < a.x + a.was[0] and a.y < b.y + b.was[1] and b.y < a.y + a.was[1]


def _stick(boxes: Sequence[Box], placed: list[Box]) -> None:
    """A note that lies under a card in LangFlow has its words above it, or below: there it stays."""
    cards = [i for i, box in enumerate(boxes) if not box.is_note]
    for n, note in enumerate(boxes):
        under = next((i for i in cards if note.is_note and _overlap(note, boxes[i])), None)
        if under is not None:
            card, was = placed[under], boxes[under]
            above = note.y <= was.y + was.was[1] / 4
            y = card.y - placed[n].height - _NEAR if above else card.y + card.height + _NEAR
            placed[n] = replace(placed[n], x=card.x + note.x - was.x, y=y)


def _push(boxes: Sequence[Box], placed: list[Box]) -> None:
    """Move down what still lies on another: cards that overlap in LangFlow, or had no place."""
    done: list[tuple[float, int]] = []
    for n in sorted(range(len(placed)), key=lambda n: placed[n].y):
        box = placed[n]
        left, right = _width(box)
        y = box.y
        for top, i in done:
            other = placed[i]
            if top >= y + box.height + _NEAR:
                break
            if y < top + other.height + _NEAR - 0.5 and other.x < right and left < other.x + other.width:
                y = y if _under(boxes[i], boxes[n]) else top + other.height + _NEAR
        if y != box.y:
            placed[n] = replace(box, y=y)
        insort(done, (y, n))


def _grow(placed: list[Box], group: int) -> None:
    """Make a group as large as what is in it; what stands to its right or below it moves away by as much."""
    box = placed[group]
    right, bottom = box.x + box.width, box.y + box.height
    for i, other in enumerate(placed):
        x = other.x + (box.more[0] if other.x >= right else 0.0)
        y = other.y + (box.more[1] if other.y >= bottom else 0.0)
        if i != group and (x, y) != (other.x, other.y):
            placed[i] = replace(other, x=x, y=y)
    placed[group] = replace(box, width=box.width + box.more[0], height=box.height + box.more[1], more=(0.0, 0.0))
