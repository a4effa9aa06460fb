"""Bytes become events: however they are split, and whatever stands between them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langflow_double import chunks

from lfwidget.runners.langflow.server.wire import FrameTooLargeError, Parser

CAPTURED = [
    "01_build_direct_basic",
    "04_run_stream_basic",
    "07_v2_stream_langflow_basic",
    "10_v2_bg_langflow_basic_attach",
    "14_stop_v2_bg_langflow",
]


def parsed(*pieces, **options):
    parser = Parser(**options)
    return [frame for piece in pieces for frame in parser.feed(piece)] + parser.close()


def data(*pieces):
    return [frame.data for frame in parsed(*pieces)]


@pytest.mark.parametrize("capture", CAPTURED)
def test_every_event_of_a_real_server_is_read(capture):
    sent = b"".join(chunks(capture))
    frames = parsed(sent)
    assert len(frames) == sent.count(b'"event": ')
    assert all(frame.data for frame in frames)
    assert all(frame.id for frame in frames) == (b"\nid: " in sent)


STREAM = (
    b": keepalive\n\n"
    b'data: {"event": "token", "data": {"chunk": "\xc3\xa4\xf0\x9f\x98\x80", "id": "1"}}\r\nid: 7\r\n\r\n'
    b'event: x\nretry: 5\ndata: {"event":\ndata: "end"}\n\n'
    b'{"event": "bare", "data": {}}\n\n'
    b'data: {"broken\xff": 1}\n\n'
    b"data: no json\n\n"
    b'{"event": "last"}'
)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_split_of_the_bytes_gives_the_same_events(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert parsed(*pieces) == parsed(STREAM)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 400))
def test_a_real_stream_in_pieces_of_any_size_gives_the_same_events(size):
    sent = b"".join(chunks("07_v2_stream_langflow_basic"))
    assert parsed(*(sent[at : at + size] for at in range(0, len(sent), size))) == parsed(sent)


def test_what_is_in_the_stream_is_read():
    assert [frame.data for frame in parsed(STREAM)] == [
        {"event": "token", "data": {"chunk": "ä😀", "id": "1"}},
        {"event": "end"},
        {"event": "bare", "data": {}},
        {"broken\ufffd": 1},
        None,
        {"event": "last"},
    ]
    assert [frame.id for frame in parsed(STREAM)] == ["7", None, None, None, None, None]


def test_half_an_event_is_none():
    assert data(b'data: {"a": 1}\n\ndata: {"b": ') == [{"a": 1}]
    assert data(b'data: {"a": 1}\n') == []
    assert data(b'{"a": 1}\n{"b": ') == [{"a": 1}]


def test_a_json_answer_needs_no_line_end():
    assert data(b'{"outputs": ', b"[]}") == [{"outputs": []}]


def test_comments_say_nothing():
    assert data(b": keepalive\n\n: keepalive\n\n") == []


def test_what_is_no_event_is_kept_to_be_shown():
    (frame,) = parsed(b"data: <html>oops</html>\n\n")
    assert (frame.data, frame.raw) == (None, "<html>oops</html>")
    assert parsed(b"data: [1, 2]\n\n")[0].data is None


def test_an_event_of_20_megabytes_passes():
    big = {"event": "end_vertex", "data": {"text": "x" * 20_000_000}}
    sent = b"data: " + json.dumps(big).encode() + b"\n\n"
    assert data(*(sent[at : at + 65_536] for at in range(0, len(sent), 65_536))) == [big]


@pytest.mark.parametrize("sent", [b"data: " + b"x" * 200, b"data: 1234567890\n" * 20, b"{" + b" " * 200])
def test_an_event_over_the_limit_is_refused_in_words(sent):
    with pytest.raises(FrameTooLargeError, match="more than 100 bytes: some node"):
        parsed(sent, largest=100)


def test_the_limit_is_for_one_event_not_for_all():
    assert len(parsed(b'data: {"a": 1}\n\n' * 100, largest=100)) == 100
