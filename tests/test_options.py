import copy
import pickle

import pytest

import lfwidget as lf
from lfwidget.options import Options


@pytest.fixture
def options():
    return Options()


def test_they_have_defaults(options):
    assert (options.loop, options.keep_runs, options.prices) == ("auto", 5, {})


def test_there_is_one_for_everybody():
    from lfwidget.options import options

    assert lf.options is options


@pytest.mark.parametrize(("name", "nearest"), [("keep_run", "keep_runs"), ("lop", "loop"), ("price", "prices")])
def test_a_misspelt_option_is_refused_with_the_nearest(options, name, nearest):
    with pytest.raises(lf.UnknownNameError) as caught:
        setattr(options, name, 3)
    assert caught.value.nearest == nearest
    with pytest.raises(lf.UnknownNameError):
        getattr(options, name)
    assert not hasattr(options, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loop", "main"),
        ("loop", None),
        ("keep_runs", 0),
        ("keep_runs", True),
        ("keep_runs", "5"),
        ("prices", {"gpt": 3}),
        ("prices", {"gpt": ("a", "b")}),
        ("prices", 3),
    ],
)
def test_an_impossible_value_is_refused_and_the_old_one_stays(options, name, value):
    before = getattr(options, name)
    with pytest.raises(ValueError, match=f"lf.options.{name} is"):
        setattr(options, name, value)
    assert getattr(options, name) == before


def test_they_show_themselves(options):
    options.keep_runs = 9
    assert "lf.options.keep_runs = 9" in repr(options)
    assert dir(options) == ["keep_runs", "loop", "prices", "record"]


def test_they_can_be_copied(options):
    options.keep_runs = 9
    assert copy.copy(options).keep_runs == 9
    assert pickle.loads(pickle.dumps(options)).keep_runs == 9
