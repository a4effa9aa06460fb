"""What a person sees of a value."""

import pytest

from lfwidget.model.preview import preview


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("text as it is", "text as it is"),
        ({"type": "ai", "content": "Hello"}, "Hello"),
        ({"messages": [{"type": "human", "content": "hi"}, {"type": "ai", "content": "Hello"}]}, "Hello"),
        ({"type": "ai", "content": "", "tool_calls": [{"name": "add", "args": {"x": 1}}]}, 'add({"x": 1})'),
        ([{"type": "human", "content": "a"}, {"type": "ai", "content": "b"}], "a\nb"),
        ({"joke": "ha", "poem": "oh"}, "joke: ha, poem: oh"),
        ([1, 2.5, True], "1, 2.5, true"),
        ({}, ""),
    ],
)
def test_the_text_a_person_looks_for(value, shown):
    assert preview(value) == shown


def test_long_text_is_cut_and_says_so():
    assert preview("x" * 500, limit=10) == "x" * 9 + "…"
