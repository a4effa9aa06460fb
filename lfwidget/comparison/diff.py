"""What must change in one text to make another of it: word by word, in bounded time."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, chain, groupby, takewhile
from typing import TypeAlias

__all__ = ["Pieces", "diff_words", "joined", "words_of"]

Pieces: TypeAlias = list[list[str]]
"""Pairs of "=", "-" or "+", and words with their white space: "=" and "-" joined are text a, "=" and "+" are text b."""

_Unit: TypeAlias = tuple[str, str]
"""White space, and what follows it: a word, a sign, a line."""
_Told: TypeAlias = Iterator[tuple[str, str]]
_Compare: TypeAlias = Callable[[str, str], _Told]

_MOST_UNITS = 4_000
_MOST_VISITS = 5_000_000
"""Pairs of words that difflib may look at for one text: about half a second."""

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
        return _compared(words_of(a), words_of(b), effort, _as_one, _as_one)

    def by_lines(a: str, b: str) -> _Told:
        return _compared(_lines(a), _lines(b), effort, within, _as_one)

    return _merged(_compared(words_of(a), words_of(b), effort, _as_one, by_lines))


def words_of(text: str) -> list[tuple[str, str]]:
    """White space, and the word, sign or CJK character that follows it."""
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
        yield from too_much(joined(one), joined(other))
    else:
        at, to = 0, 0
        for i, j, size in [*matches, (len(one), len(other), 0)]:
            yield from changed(joined(one[at:i]), joined(other[to:j]))
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


def joined(units: Iterable[tuple[str, str]]) -> str:
    """The text of such words."""
    return "".join(chain.from_iterable(units))


def _merged(told: _Told) -> Pieces:
    """Neighbours as one, and what goes before what comes."""
    found: Pieces = []
    for same, group in groupby((item for item in told if item[1]), key=lambda item: item[0] == "="):
        pieces = list(group)
        joined = [[op, "".join(words for other, words in pieces if other == op)] for op in ("=" if same else "-+")]
        found += [piece for piece in joined if piece[1]]
    return found
