"""The Markdown of a note as runs of words: [style, text]. What looks like HTML stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["LONGEST", "words"]

LONGEST = 20_000
"""Characters of a note that are drawn. LangFlow itself stops people at 2,500."""

# Each part is bounded, so that a line of ten thousand brackets is read in linear time.
_INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,500})`"
    r"|\*\*(?P<bold>[^*\n]{1,500})\*\*|(?<!\w)__(?P<bold2>[^_\n]{1,500})__(?!\w)"
    r"|\*(?P<italic>[^*\s][^*\n]{0,500})\*|(?<!\w)_(?P<italic2>[^_\s][^_\n]{0,500})_(?!\w)"
    r"|!?\[(?P<link>[^\[\]\n]{0,500})\]\([^()\n]{0,1000}\)"
    r"|<(?P<address>https?://[^<>\s]{1,500})>"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
)
_STYLES = {"code": "c", "bold": "b", "bold2": "b", "italic": "i", "italic2": "i"}
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_ITEM = re.compile(r"([ \t]*)[-*+][ \t]+(?=\S)")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_QUOTE = re.compile(r"\A {0,3}(?:> ?)+")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_INDENT = 4
"""Spaces that the deepest list is set in by: a note is narrow."""


def words(markdown: str) -> list[list[str]]:
    """The text of a note.

    Args:
        markdown: headings, bold, italic, code, lists and links are understood, anything else is text.

    Returns:
        Runs [style, text], with line breaks in the texts: `h` a heading, `b` bold, `i` italic, `c` code, "" plain.
    """
    text = markdown if len(markdown) <= LONGEST else markdown[:LONGEST] + "…"
    runs: list[list[str]] = []
    for style, piece in _pieces(text.strip().expandtabs(4)):
        if runs and runs[-1][0] == style:
            runs[-1][1] += piece
        elif piece:
            runs.append([style, piece])
    if runs:
        runs[-1][1] = runs[-1][1].rstrip()
    return [run for run in runs if run[1]]


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    fenced, empty = False, True
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced:
            yield "c", line + "\n"
            empty = False
        elif line.strip() and not _RULE.match(line):
            yield from _line(line)
            empty = False
        elif not empty:
            # One empty line between paragraphs, however many there are.
            yield "", "\n"
            empty = True


def _line(line: str) -> Iterator[tuple[str, str]]:
    line = _QUOTE.sub("", line)
    if heading := _HEADING.match(line):
        yield "h", "".join(piece for _, piece in _inline(heading[1].rstrip("# \t")))
        yield "", "\n"
        return
    if item := _ITEM.match(line):
        yield "", " " * min(len(item[1]), _INDENT) + "• "
        line = line[item.end() :]
    yield from _inline(line.strip())
    yield "", "\n"


def _inline(line: str) -> Iterator[tuple[str, str]]:
    at = 0
    for match in _INLINE.finditer(line):
        yield "", line[at : match.start()]
        name = match.lastgroup or ""
        # Bold in a link, and a link in bold, are common; code means what it says.
        inner = match[name] or ""
        yield _STYLES.get(name, ""), inner if name in ("code", "escaped", "address") else _plain(inner)
        at = match.end()
    yield "", line[at:]


def _plain(text: str) -> str:
    """Without the marks of a second level: a run has one style."""
    return _INLINE.sub(lambda match: match[match.lastgroup or ""] or "", text)
