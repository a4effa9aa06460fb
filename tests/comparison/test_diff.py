"""Two texts, word by word."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfwidget.comparison.diff import diff_words

HANG = 10.0
"""Seconds: a bound on hanging, no budget."""


def sides(pieces):
    return tuple("".join(words for op, words in pieces if op in ("=", own)) for own in "-+")


TEXTS = st.lists(st.sampled_from(["the", "Earth", " ", "  ", "\n", ".", ",", "地", "球", "हिन्दी", "é", "\u2028"])).map(
    "".join
)


@settings(deadline=None)
@given(a=st.one_of(TEXTS, st.text()), b=st.one_of(TEXTS, st.text()))
def test_what_stays_and_what_goes_is_a_and_what_stays_and_what_comes_is_b(a, b):
    pieces = diff_words(a, b)
    assert sides(pieces) == (a, b)
    assert all(words for _, words in pieces)
    assert all(before != after for (before, _), (after, _) in pairwise(pieces))


@settings(deadline=None)
@given(text=TEXTS)
def test_a_text_is_the_same_as_itself(text):
    assert diff_words(text, text) == ([["=", text]] if text else [])


@pytest.mark.parametrize(
    ("a", "b", "pieces"),
    [
        ("The Earth is big", "The Earth is small", [["=", "The Earth is "], ["-", "big"], ["+", "small"]]),
        ("The Earth", "The Earth is big", [["=", "The Earth"], ["+", " is big"]]),
        ("Hello", "Well, Hello", [["+", "Well, "], ["=", "Hello"]]),
        ("one two six", "one 2 3 six", [["=", "one "], ["-", "two"], ["+", "2 3"], ["=", " six"]]),
        ("a big red ball", "a tiny blue ball", [["=", "a "], ["-", "big red"], ["+", "tiny blue"], ["=", " ball"]]),
        ("It is big.", "It is big!", [["=", "It is big"], ["-", "."], ["+", "!"]]),
        ("地球很大。", "地球不大。", [["=", "地球"], ["-", "很"], ["+", "不"], ["=", "大。"]]),
        ("हिन्दी है", "हिन्दू है", [["-", "हिन्दी"], ["+", "हिन्दू"], ["=", " है"]]),
        ("", "new", [["+", "new"]]),
    ],
)
def test_texts_are_compared_by_words_by_signs_and_by_chinese_characters(a, b, pieces):
    assert diff_words(a, b) == pieces


def many(count, words=5_000, seed=1, between=" "):
    chosen = random.Random(seed)
    return between.join(f"w{chosen.randrange(words)}" for _ in range(count))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (many(100_000), many(100_000, seed=2)),
        (many(100_000, between="\n"), many(100_000, seed=2, between="\n")),
        (many(100_000, words=2), many(100_000, words=2, seed=2)),
        ("是否" * 50_000, "否是" * 50_000),
        (many(4_000, words=2, between="\n"), many(4_000, words=2, seed=2, between="\n")),
        ("ab " * 50_000, "ab " * 49_999),
        (" \n" * 50_000, "\n " * 50_000),
        ("a " * 999 + "b", "c " + "a " * 999),
        (" ".join(f"x{i} k" for i in range(1_000)), " ".join(f"y{i} k" for i in range(1_000))),
    ],
    ids=["words", "lines", "two words", "characters", "two lines", "one word", "spaces", "shifted", "every other"],
)
def test_long_texts_are_compared_without_hanging(a, b):
    begun = time.monotonic()
    assert sides(diff_words(a, b)) == (a, b)
    assert time.monotonic() - begun < HANG


def test_a_word_that_changed_in_a_long_text_is_found():
    words = many(100_000).split()
    other = [*words[:50_000], "NEW", *words[50_001:]]
    assert [op for op, _ in diff_words(" ".join(words), " ".join(other))] == ["=", "-", "+", "="]


def test_words_that_changed_far_apart_in_a_long_text_are_found_by_its_lines():
    lines = [many(10, seed=i) for i in range(2_000)]
    other = [line.replace(" ", " NEW ", 1) if i in (5, 1_990) else line for i, line in enumerate(lines)]
    added = [words for op, words in diff_words("\n".join(lines), "\n".join(other)) if op == "+"]
    assert [words.strip() for words in added] == ["NEW", "NEW"]
