import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfwidget.model.measure import fit, text_width


@pytest.mark.parametrize(
    ("words", "wider"), [("iiii", "iiiii"), ("ab", "地球"), ("e", "ee"), ("", "a"), ("e\u0301", "e\u0301e")]
)
def test_it_grows_with_what_is_written(words, wider):
    assert text_width(words, 11) < text_width(wider, 11)
    assert text_width(wider, 11) < text_width(wider, 12)


def test_a_mark_over_a_letter_takes_no_room():
    assert text_width("e\u0301", 11) == text_width("e", 11)


@given(words=st.text(), room=st.floats(0, 500))
def test_what_fits_stays_and_what_does_not_is_cut(words, room):
    cut = fit(words, room, 11)
    if text_width(words, 11) <= room:
        assert cut == words
    else:
        assert cut.endswith("…")
        assert words.startswith(cut[:-1])
        assert len(cut) <= len(words)
