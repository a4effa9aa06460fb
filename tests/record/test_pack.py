"""A log packed for a cell comes out as it went in."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfwidget.errors import RecordError
from lfwidget.record.about import About
from lfwidget.record.pack import pack, squeeze, unpack, unsqueeze

GOLDEN = Path(__file__).parent.parent / "golden"
ABOUT = About(flow="Tutor", name="hi", run_id="r1", started_at="2026-01-01T00:00:00+00:00", models=("m",))
LONG = "The Earth is about 40,000 km around. " * 3

texts = st.text(max_size=12) | st.sampled_from([LONG, LONG + "!", "\u0001", "\u00010", "\u2028</script>", "地球🌍"])
values = st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3))
tokens = st.lists(texts, min_size=1, max_size=5)


@st.composite
def deltas(draw):
    said = draw(tokens)
    event = {
        "kind": "node.delta",
        "node": draw(st.sampled_from(["a", "b"])),
        "span": draw(st.sampled_from(["s1", "s2"])),
        "channel": draw(st.sampled_from(["text", "reasoning", "tool_call"])),
        "text": "".join(said),
        "cuts": [len(token) for token in said],
        "dts": draw(st.lists(st.integers(-40, 0), min_size=len(said), max_size=len(said))),
    }
    extra = draw(st.sampled_from([{}, {}, {"call": {"index": 0, "id": "c"}}, {"later": 1}, {"cuts": [1]}]))
    return {**event, **extra}


others = st.fixed_dictionaries({"kind": st.sampled_from(["log", "node.finished", "new.kind"]), "output": values})


@st.composite
def logs(draw):
    events, now = [], 0
    for seq, event in enumerate(draw(st.lists(deltas() | others, max_size=20)), 1):
        now += draw(st.integers(0, 10_000_000))
        events.append({"seq": seq, "t": now / 1_000_000, **event})
    return events


@given(logs())
def test_what_goes_in_comes_out(events):
    assert unpack(pack(ABOUT, events)) == (ABOUT, events)


PACKED = json.loads((GOLDEN / "packed.json").read_text())


@pytest.mark.parametrize("name", PACKED)
def test_what_was_packed_once_can_still_be_read(name):
    events = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text().split("\n") if line]
    assert unpack(PACKED[name])[1] == events


def test_every_golden_log_was_packed():
    assert set(PACKED) == {path.stem for path in GOLDEN.glob("*.jsonl")}


@given(st.text())
def test_squeezed_text_means_nothing_in_html_or_json(text):
    packed = squeeze(text)
    assert unsqueeze(packed) == text
    assert not set(packed) & set("<>&\"'\\")
    assert json.dumps(packed) == f'"{packed}"'


def test_a_text_that_stands_in_many_places_is_stored_once():
    once = [{"seq": 1, "t": 0.0, "kind": "log", "message": LONG * 50}]
    often = [{"seq": n, "t": 0.0, "kind": "log", "message": LONG * 50} for n in range(1, 21)]
    assert len(pack(ABOUT, often)) < len(pack(ABOUT, once)) + 100


def test_an_answer_that_follows_its_tokens_costs_nothing():
    said = "".join(f"word {n} " for n in range(20_000))
    delta = {"kind": "node.delta", "node": "a", "span": "s", "channel": "text", "text": said, "cuts": [len(said)]}
    events = [{"seq": 1, "t": 0.0, **delta, "dts": [0]}]
    alone = len(pack(ABOUT, events))
    events.append({"seq": 2, "t": 0.0, "kind": "node.finished", "output": {"type": "ai", "content": said}})
    assert len(pack(ABOUT, events)) < alone + 200


@pytest.mark.parametrize(
    "text", ["", "not squeezed", squeeze("no JSON"), squeeze("[]"), squeeze("{}"), squeeze('{"version": 1}')]
)
def test_what_is_no_log_is_said_to_be_damaged(text):
    with pytest.raises(RecordError, match="damaged"):
        unpack(text)


@given(st.data())
def test_a_damaged_log_is_a_record_error_and_nothing_else(data):
    packed = pack(ABOUT, [{"seq": 1, "t": 0.0, "kind": "log", "message": LONG}])
    at = data.draw(st.integers(0, len(packed) - 1))
    damaged = packed[:at] + data.draw(st.sampled_from(["", "0", "~", "é"])) + packed[at + 1 :]
    with suppress(RecordError):
        unpack(damaged)


def test_a_newer_log_says_what_to_do():
    with pytest.raises(RecordError, match="pip install -U lfwidget"):
        unpack(squeeze('{"version": 99}'))
