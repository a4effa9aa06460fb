import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_events import events

from lfwidget.gateway.segments import SEGMENT, Segments, pack, unpack
from lfwidget.gateway.shared_log import Entry, encode

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n"))
nodes = st.text(st.characters(exclude_categories=("Cs",)))


@given(st.lists(st.builds(Entry, text=texts, node=nodes, kind=nodes)))
def test_a_segment_gives_back_what_was_packed(entries):
    assert list(unpack(pack(entries))) == entries or not entries


def test_a_segment_is_much_smaller_than_its_events():
    entries = encode(events(1, SEGMENT))
    assert len(pack(entries)) < sum(len(entry.text) for entry in entries) / 10


@pytest.mark.parametrize("damaged", [b"", b"not packed", pack(encode(events(1, 9)))[:-9]])
def test_a_damaged_segment_is_told(damaged):
    with pytest.raises(ValueError, match="damaged"):
        unpack(damaged)


@pytest.mark.parametrize("sizes", [[1], [SEGMENT], [SEGMENT - 1, 2], [2 * SEGMENT + 1, 5], [700] * 7])
async def test_segments_are_read_from_any_place_in_order(sizes):
    segments, total = Segments(), 0
    for size in sizes:
        segments.add(encode(events(total + 1, total + size)))
        total += size
    entries = encode(events(1, total))
    for after in {0, 1, SEGMENT - 1, SEGMENT, total - 1} & set(range(total)):
        found, at = [], after
        while at < total:
            first, some = await segments.read(at, 1500)
            assert first == at + 1
            assert some
            found += some
            at += len(some)
        assert found == entries[after:]
