"""The record file: whole, cut off anywhere, changed, or something else."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfwidget.errors import RecordError
from lfwidget.model.events import FORMAT
from lfwidget.record.about import About
from lfwidget.record.file import Record, RecordWriter, read_record, write_record

ABOUT = About("Tutor", "hi", "r1", "2026-01-01T00:00:00+00:00", ("m",), {"lfwidget": "0.1.0"})
NODE = {"node": "model", "span": "s"}
EVENTS = [
    {
        "kind": "run.started",
        "run_id": "r1",
        "flow": "Tutor",
        "name": "hi",
        "input": "hi",
        "started_at": ABOUT.started_at,
        "graph": {"nodes": [{"id": "model", "title": "Model", "type": "model"}], "edges": []},
        "format": FORMAT,
    },
    {"kind": "node.started", **NODE, "attempt": 1},
    {"kind": "node.delta", **NODE, "channel": "text", "text": "地球🌍\u2028", "cuts": [2, 2], "dts": [-3, 0]},
    {"kind": "node.finished", **NODE, "output": "地球🌍", "duration": 0.1},
    {"kind": "run.finished", "output": "地球🌍"},
    {"kind": "note", "text": "look"},
]
EVENTS = [{"seq": seq, "t": seq / 10, **event} for seq, event in enumerate(EVENTS, 1)]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "lesson.lfrun"
    write_record(file, Record(ABOUT, EVENTS))
    return file


def line(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return text[:-1] + b',"crc":"%08x"}' % zlib.crc32(text)


def with_line(path, number, new):
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = new
    path.write_bytes(b"\n".join(lines))


def error_of(path):
    with pytest.raises(RecordError) as caught:
        read_record(path)
    return caught.value


def test_it_comes_out_as_it_went_in(path):
    assert read_record(path) == Record(ABOUT, EVENTS)


def test_each_line_is_json_and_an_event_is_found_in_it_as_it_is(path):
    head, *events, end = [json.loads(text) for text in path.read_bytes().splitlines()]
    assert head["lfwidget"] == "run"
    assert head["models"] == ["m"]
    assert [{key: value for key, value in event.items() if key != "crc"} for event in events] == EVENTS
    assert end["end"] == {"events": 6, "status": "finished"}


def test_cut_off_at_any_byte_it_is_read_up_to_the_last_whole_event(path, tmp_path):
    data, cut = path.read_bytes(), tmp_path / "cut.lfrun"
    ends = [at for at, byte in enumerate(data) if byte == ord("\n")]
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        whole = sum(end <= size for end in ends[1:-1])
        if whole == 0:
            assert error_of(cut).events == []
            continue
        record = read_record(cut)
        assert record.events == EVENTS[:whole]
        # The newline at the very end says nothing more.
        assert bool(record.cut) == (size < len(data) - 1)


def test_a_cut_says_where(path):
    path.write_bytes(path.read_bytes()[:-100])
    assert read_record(path).cut == "the file was cut off after event 5"


def test_a_changed_line_is_named_and_what_came_before_is_kept(path):
    with_line(path, 4, path.read_bytes().split(b"\n")[3].replace("地".encode(), "天".encode()))
    error = error_of(path)
    assert error.line == 4
    assert error.events == EVENTS[:2]
    assert "checksum" in str(error)
    assert str(path) in str(error)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"PK\x03\x04", b'{"cells": []}\n', b"[1]\n\n", b"\xff\xfe\n"])
def test_another_file_is_said_to_be_no_record(path, content):
    path.write_bytes(content)
    error = error_of(path)
    assert "no record" in str(error) or "empty" in str(error) or "JSON object" in str(error)
    assert error.line == 1


def test_a_newer_format_says_what_to_do(path):
    with_line(path, 1, line({"lfwidget": "run", **ABOUT.to_json(), "format": FORMAT + 1}))
    assert "pip install -U lfwidget" in str(error_of(path))


def test_an_event_out_of_order_is_named(path):
    with_line(path, 4, line(EVENTS[3]))
    error = error_of(path)
    assert error.line == 4
    assert "cannot follow" in str(error)
    assert error.events == EVENTS[:2]


def test_an_event_that_is_none_is_named(path):
    with_line(path, 4, line({**EVENTS[2], "cuts": [1]}))
    assert "cuts" in str(error_of(path))


def test_a_missing_event_is_noticed_at_the_trailer_at_the_latest(path):
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:6], *lines[7:]]))
    assert "should be 6 events" in str(error_of(path))


def test_a_newer_event_and_a_new_field_are_kept(path):
    new = {"seq": 1, "t": 0.0, "kind": "new.kind", "more": [1]}
    write_record(path, Record(ABOUT, [new]))
    assert read_record(path).events == [new]


def test_notes_may_follow_the_trailer(path):
    writer = RecordWriter(path, ABOUT)
    writer.write(EVENTS[:5])
    writer.end()
    writer.write(EVENTS[5:])
    writer.end()
    writer.close()
    assert read_record(path) == Record(ABOUT, EVENTS)


def test_what_is_written_is_there_at_once(path):
    writer = RecordWriter(path, ABOUT)
    writer.write(EVENTS[:2])
    assert read_record(path).events == EVENTS[:2]
    writer.close()


def test_a_file_is_replaced_only_by_a_whole_one(path):
    def events():
        yield EVENTS[0]
        raise OSError("the disk is full")

    before = path.read_bytes()
    with pytest.raises(OSError, match="full"):
        write_record(path, Record(ABOUT, events()))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@given(data=st.data())
def test_no_damage_is_anything_but_a_record_error(data, tmp_path_factory):
    file = tmp_path_factory.mktemp("record") / "x.lfrun"
    write_record(file, Record(ABOUT, EVENTS))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    try:
        events = read_record(file).events
    except RecordError as error:
        events = error.events
    assert events == EVENTS[: len(events)]
