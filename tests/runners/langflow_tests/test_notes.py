"""The Markdown of a note becomes runs of words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfwidget.runners.langflow.drawing.notes import LONGEST, words


@pytest.mark.parametrize(
    ("markdown", "runs"),
    [
        ("plain", [["", "plain"]]),
        ("# Title #\ntext", [["h", "Title"], ["", "\ntext"]]),
        ("a **bold** and __bold__", [["", "a "], ["b", "bold"], ["", " and "], ["b", "bold"]]),
        ("an *italic* and _italic_", [["", "an "], ["i", "italic"], ["", " and "], ["i", "italic"]]),
        ("`a * b * c`", [["c", "a * b * c"]]),
        ("snake_case_name and 2 * 3 * 4", [["", "snake_case_name and 2 * 3 * 4"]]),
        ("- one\n* two\n  + three", [["", "• one\n• two\n  • three"]]),
        ("1. one\n2. two", [["", "1. one\n2. two"]]),
        ("see [the docs](https://example.com/a) or <https://b.org>", [["", "see the docs or https://b.org"]]),
        ("![a cat](cat.png)", [["", "a cat"]]),
        ("> said\n> again", [["", "said\nagain"]]),
        ("a -> b <topic> c", [["", "a -> b <topic> c"]]),
        ("```python\nx = **1**\n```\nend", [["c", "x = **1**\n"], ["", "end"]]),
        ("one\n\n\n\ntwo\n---\nthree", [["", "one\n\ntwo\n\nthree"]]),
        ("## **Bold** title", [["h", "Bold title"]]),
        (r"\*not italic\*", [["", "*not italic*"]]),
        ("你好 **世界**。", [["", "你好 "], ["b", "世界"], ["", "。"]]),
        ("", []),
    ],
)
def test_markdown(markdown: str, runs: list[list[str]]) -> None:
    assert words(markdown) == runs


def test_html_stays_text() -> None:
    assert words("<script>alert(1)</script>") == [["", "<script>alert(1)</script>"]]


def test_a_long_note_is_cut() -> None:
    [[_, text]] = words("a" * (LONGEST + 5))
    assert text == "a" * LONGEST + "…"


@given(st.text(st.sampled_from("ab \n#*_`[]()<>\\-!~"), max_size=300))
def test_any_text_has_runs_of_known_styles(markdown: str) -> None:
    runs = words(markdown)
    assert {style for style, _ in runs} <= {"", "h", "b", "i", "c"}
    assert all(text for _, text in runs)


@pytest.mark.parametrize("sign", ["[", "*", "**", "_", "`", "<", "![", "> ", "- ", "\\", "# ", "#"])
def test_a_note_made_to_be_slow_is_read(sign: str) -> None:
    assert words("# " + (sign * LONGEST)[: LONGEST - 3] + "a")
    assert words("a" + (sign * LONGEST)[: LONGEST - 2] + "a")
