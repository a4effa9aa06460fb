import dataclasses
import datetime as dt
import enum
import json
from collections import OrderedDict, UserDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from lfwidget.model.values import clean_text, to_json


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    label: object = None


class Person(BaseModel):
    name: str
    key: SecretStr = SecretStr("hunter2")


class Rude:
    @property
    def model_dump(self):
        raise RuntimeError


class RudeDict(dict):
    def items(self):
        raise ValueError


class Word(str, enum.Enum):  # noqa: UP042 - unlike a StrEnum it calls itself "Word.RED"
    RED = "red"


class RudeText(str):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError


class RudeNumber(int):
    def __int__(self):
        raise RuntimeError

    __abs__ = __index__ = __int__


class Scalar:
    ndim = 0

    def item(self):
        return 1.5


class Array:
    ndim, size = 1, 2

    def tolist(self):
        return [1, 2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**60, str(2**60)),
        pytest.param(10**5000, "<int: 16610 bits>", id="more digits than Python writes"),
        (RudeNumber(3), 3),
        (1.5, 1.5),
        (float("nan"), "NaN"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (RudeText("hi"), "hi"),
        (Word.RED, "red"),
        ("a\ud800", "a\ufffd"),
        (b"abc", "<bytes: 3>"),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (Colour.RED, "red"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), "2026-01-02T03:00:00+00:00"),
        (Point(1, {2}), {"x": 1, "label": [2]}),
        (Person(name="Ann"), {"name": "Ann", "key": "•••"}),
        (ValueError("no"), {"type": "ValueError", "message": "no"}),
        (Point, "<class Point>"),
        (object(), "<object>"),
        (Scalar(), 1.5),
        (Array(), [1, 2]),
        (Rude(), "<Rude: RuntimeError>"),
        (RudeDict(), "<RudeDict: ValueError>"),
    ],
)
def test_a_readable_stand_in(value, expected):
    assert to_json(value) == expected


def test_a_value_that_holds_itself_says_so():
    value = [1]
    value.append(value)
    assert to_json(value) == [1, "<itself>"]


def test_a_value_that_comes_twice_is_written_twice():
    shared = {"x": 1}
    assert to_json([shared, shared]) == [{"x": 1}, {"x": 1}]


def test_deep_values_are_cut():
    value = []
    for _ in range(5000):
        value = [value]
    assert "<nested too deep>" in json.dumps(to_json(value))


def test_long_text_says_how_much_is_missing():
    assert to_json("x" * 200_003).endswith("x… (3 more characters)")


def test_long_lists_and_dicts_say_how_much_is_missing():
    assert to_json(list(range(1002)))[-1] == "… (2 more items)"
    assert to_json({str(i): i for i in range(1002)})["…"] == "(2 more items)"


def test_clean_text_keeps_its_length():
    assert clean_text("\ud83d猫\udc08🐈") == "\ufffd猫\ufffd🐈"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=None)) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
)


@settings(deadline=None)
@given(value=ANYTHING)
def test_anything_becomes_json_that_a_browser_can_read(value):
    text = json.dumps(to_json(value), allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode()) == to_json(value)


@settings(deadline=None)
@given(value=ANYTHING)
def test_json_stays_as_it_is(value):
    once = to_json(value)
    assert to_json(once) == once
