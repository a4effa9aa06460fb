import itertools
import json
import re
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfwidget.errors import EventError
from lfwidget.model.log import RunLog
from lfwidget.model.redact import MASK, Redactor

KNOWN = "correct horse battery"
KEYS = ["sk-proj-AbCdEf0123456789", "ghp_" + "a1B2c3D4e5" * 3, "Bearer abcdef0123456789ABCD", KNOWN]
PROSE = (
    "As she gave it back, he asked: is Bearer a name? The tokens of a task-specific-fine-tuning-method are "
    "risk-adjusted, e.g. sk-learn's; Beth's AI has 1 hf_ and gh, x's.\nA git g l "
)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(clock):
    return RunLog(clock, Redactor([KNOWN]))


def begun(log):
    log.append("run.started", run_id="r")
    log.append("node.started", node="m", span="s", attempt=1)
    return log


def deltas(log, channel="text"):
    return [event for event in log.since(0) if event["kind"] == "node.delta" and event["channel"] == channel]


def said(log, channel="text"):
    return "".join(event["text"] for event in deltas(log, channel))


def kinds(log):
    return [event["kind"] for event in log.since(0)]


def cut(text, places):
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in itertools.pairwise(at)]


def test_tokens_between_two_flushes_become_one_event(log, clock):
    begun(log)
    for token in ("Hel", "lo", "!"):
        clock.now += 0.01
        log.delta("m", "s", "text", token)
    clock.now += 0.005
    log.merge()
    [event] = deltas(log)
    assert event == {
        "seq": 3, "t": 0.035, "kind": "node.delta", "node": "m", "span": "s", "channel": "text",
        "text": "Hello!", "cuts": [3, 2, 1], "dts": [-25, -15, -5],
    }  # fmt: skip


def test_nothing_buffered_adds_nothing(log):
    begun(log).merge()
    log.merge()
    assert log.last_seq == 2


def test_seq_has_no_gap_and_t_never_goes_back(log, clock):
    begun(log)
    for step in (1, -5, 0.5, -0.1, 2):
        clock.now += step
        log.append("log", level="info", message="x")
    events = log.since(0)
    assert [event["seq"] for event in events] == list(range(1, 8))
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)


def test_another_channel_ends_the_event(log):
    begun(log)
    log.delta("m", "s", "reasoning", "hm")
    log.delta("m", "s", "text", "yes")
    log.merge()
    assert [(event["channel"], event["text"]) for event in log.since(2)] == [("reasoning", "hm"), ("text", "yes")]


def test_another_tool_call_ends_the_event(log):
    begun(log)
    log.delta("m", "s", "tool_call", "{", {"index": 0, "id": "a", "name": "f"})
    log.delta("m", "s", "tool_call", "}", {"index": 0})
    log.delta("m", "s", "tool_call", "[]", {"index": 1, "id": "b"})
    log.merge()
    events = deltas(log, "tool_call")
    assert [(event["text"], event["call"]["id"]) for event in events] == [("{}", "a"), ("[]", "b")]


def test_spans_do_not_share_an_event(log):
    begun(log)
    log.delta("m", "s", "text", "a")
    log.delta("m", "s2", "text", "b")
    log.delta("m", "s", "text", "d")
    log.merge()
    assert [(event["span"], event["text"]) for event in deltas(log)] == [("s", "ad"), ("s2", "b")]


def test_an_event_of_a_span_comes_after_its_tokens_and_leaves_others_alone(log):
    begun(log)
    log.delta("m", "s", "text", "a")
    log.delta("m", "s2", "text", "b")
    log.append("node.finished", node="m", span="s", duration=1)
    assert kinds(log)[2:] == ["node.delta", "node.finished"]
    assert said(log) == "a"


@pytest.mark.parametrize("end", ["run.finished", "run.failed", "run.cancelled"])
def test_the_end_merges_everything(log, end):
    begun(log)
    log.delta("m", "s", "text", "a s")
    log.delta("m", "s2", "text", "b")
    log.append(end)
    assert kinds(log)[2:] == ["node.delta", "node.delta", end]
    assert log.ended


def test_after_the_end_come_only_notes(log):
    begun(log).append("run.finished")
    with pytest.raises(EventError, match=r"node\.started"):
        log.append("node.started", node="m", span="s9")
    log.delta("m", "s", "text", "late")
    log.merge()
    assert log.append("note", text="well done")["seq"] == 4
    assert kinds(log)[-2:] == ["run.finished", "note"]


def test_wake_is_called_once_between_two_flushes(log):
    woken = []
    log.wake = lambda: woken.append(log.last_seq)
    begun(log)
    log.delta("m", "s", "text", "a")
    assert len(woken) == 1
    log.flush()
    log.delta("m", "s", "text", "b")
    log.delta("m", "s", "text", "c")
    log.append("log", level="info", message="x")
    assert len(woken) == 2
    log.flush()
    log.flush()
    assert len(woken) == 2


def test_a_merge_alone_wakes_nobody_again(log):
    woken = []
    log.wake = lambda: woken.append(1)
    log.delta("m", "s", "text", "a")
    log.merge()
    log.delta("m", "s", "text", "b")
    assert woken == [1]


def test_listeners_read_at_their_own_pace(log):
    seen = []
    unsubscribe = log.subscribe(lambda: seen.append(log.last_seq))
    begun(log).flush()
    log.append("log", level="info", message="x")
    log.flush()
    unsubscribe()
    unsubscribe()
    log.flush()
    assert seen == [2, 3]


def test_a_listener_may_write_and_subscribe(log):
    def listener():
        unsubscribe()
        log.append("log", level="info", message="heard")
        log.subscribe(lambda: None)

    unsubscribe = log.subscribe(listener)
    begun(log).flush()
    assert kinds(log)[-1] == "log"


def test_since_gives_what_is_new(log):
    begun(log)
    assert [event["seq"] for event in log.since(1)] == [2]
    assert log.since(2) == log.since(99) == []
    assert log.since(-5) == log.since(0)


def test_events_from_elsewhere_keep_their_stamps(log):
    given_events = [{"seq": 1, "t": 0, "kind": "run.started"}, {"seq": 2, "t": 4.5, "kind": "run.finished"}]
    woken = []
    log.wake = lambda: woken.append(1)
    log.extend(given_events)
    assert log.since(0) == given_events
    assert (log.ended, woken) == (True, [1])
    assert log.append("note", text="x")["t"] == 4.5


@pytest.mark.parametrize(("seq", "t", "field"), [(3, 2, "seq"), (1, 2, "seq"), (2, 0.5, "t")])
def test_events_out_of_order_are_refused(log, seq, t, field):
    log.extend([{"seq": 1, "t": 1, "kind": "run.started"}])
    with pytest.raises(EventError) as caught:
        log.extend([{"seq": seq, "t": t, "kind": "log"}])
    assert caught.value.field == field
    assert log.last_seq == 1


def test_of_events_from_elsewhere_only_notes_follow_the_end(log):
    log.extend([{"seq": 1, "t": 1, "kind": "run.cancelled"}, {"seq": 2, "t": 2, "kind": "note", "text": "seen"}])
    with pytest.raises(EventError, match="has ended") as caught:
        log.extend([{"seq": 3, "t": 3, "kind": "node.started"}])
    assert caught.value.field == "kind"
    assert log.last_seq == 2


def test_a_huge_token_is_split(log):
    begun(log)
    log.delta("m", "s", "text", "猫" * 10_000_000)
    log.merge()
    assert max(len(event["text"]) for event in deltas(log)) <= 65_536
    assert said(log) == "猫" * 10_000_000
    assert all(sum(event["cuts"]) == len(event["text"]) for event in deltas(log))


def test_what_json_cannot_carry_is_replaced(log):
    begun(log)
    log.delta("m", "s", "text", "a\ud800b")
    event = log.append("node.finished", node="m", span="s", duration=float("nan"), output={"x": float("inf"), 1: b"ab"})
    assert said(log) == "a\ufffdb"
    assert event["output"] == {"x": "inf", "1": "<bytes: 2>"}
    json.dumps(log.since(0), allow_nan=False).encode()


def test_the_events_do_not_change_with_the_values_they_were_made_of(log):
    value = {"list": [1]}
    event = log.append("log", level="info", message="x", value=value)
    value["list"].append(2)
    assert event["value"] == {"list": [1]}


def test_threads_lose_no_token_and_no_order(log):
    begun(log)
    stop = threading.Event()

    def stream(span):
        log.append("node.started", node="m", span=span, attempt=1)
        for i in range(500):
            log.delta("m", span, "text", f"{i} ")
        log.append("node.finished", node="m", span=span, duration=0)

    def flush():
        while not stop.is_set():
            log.flush()

    flusher = threading.Thread(target=flush)
    writers = [threading.Thread(target=stream, args=(f"t{n}",)) for n in range(4)]
    for thread in (flusher, *writers):
        thread.start()
    for thread in writers:
        thread.join(60)
    stop.set()
    flusher.join(60)
    events = log.since(0)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    for n in range(4):
        mine = [event for event in events if event.get("span") == f"t{n}"]
        assert "".join(event.get("text", "") for event in mine) == "".join(f"{i} " for i in range(500))
        assert (mine[0]["kind"], mine[-1]["kind"]) == ("node.started", "node.finished")


CUTS = st.lists(st.integers(0, 400), max_size=40)
MERGES = st.lists(st.booleans(), max_size=60)


def streamed(log, tokens, merges, channel="text", call=None):
    for i, token in enumerate(tokens):
        log.delta("m", "s", channel, token, call)
        if i < len(merges) and merges[i]:
            log.merge()
    log.append("node.finished", node="m", span="s", duration=0)


@settings(deadline=None)
@given(tokens=st.lists(st.text(max_size=5), max_size=20), merges=MERGES)
def test_cuts_and_times_agree_with_the_tokens(tokens, merges):
    log = begun(RunLog())
    streamed(log, tokens, merges)
    assert said(log) == "".join(tokens)
    assert [size for event in deltas(log) for size in event["cuts"]] == list(map(len, tokens))
    for event in deltas(log):
        assert sum(event["cuts"]) == len(event["text"])
        assert len(event["dts"]) == len(event["cuts"])
        assert max(event["dts"]) <= 0


PIECES = st.lists(st.sampled_from([*KEYS, " and ", "s", "sk-", "task-", ", ", "Bearer ", "\n", '"', "g", "correct "]))


@settings(max_examples=400, deadline=None)
@given(pieces=PIECES, cuts=CUTS, merges=MERGES)
def test_a_secret_never_enters_the_log_however_it_is_cut(pieces, cuts, merges):
    text = "".join(pieces)
    redactor = Redactor([KNOWN])
    log = begun(RunLog(redactor=redactor))
    streamed(log, cut(text, cuts), merges)
    assert said(log) == redactor.text(text)
    assert KNOWN not in json.dumps(log.since(0))


@settings(deadline=None)
@given(cuts=CUTS, merges=MERGES)
def test_tokens_keep_their_number_when_masked(cuts, merges):
    tokens = cut(f"a {KEYS[0]} b {KNOWN}, c s", cuts)
    log = begun(RunLog(redactor=Redactor([KNOWN])))
    streamed(log, tokens, merges)
    assert sum(len(event["cuts"]) for event in deltas(log)) == len(tokens)


@settings(deadline=None)
@given(cuts=CUTS, merges=MERGES)
def test_prose_stays_as_it_was_however_it_is_cut(cuts, merges):
    log = begun(RunLog())
    streamed(log, cut(PROSE, cuts), merges)
    assert said(log) == PROSE


@pytest.mark.parametrize("pattern", [r"\s*\w+|\W", r"\w+\s*|\W", r"\s*.{1,3}"])
def test_prose_is_held_back_no_longer_than_a_token(pattern):
    tokens = re.findall(
        pattern, "As she gave it, A git's AI has x eyes, e.g. the hf Akita's. Bearable? " * 3, re.DOTALL
    )
    log = begun(RunLog())
    for i, token in enumerate(tokens):
        log.delta("m", "s", "text", token)
        log.merge()
        assert said(log).startswith("".join(tokens[:i]))


@settings(deadline=None)
@given(cuts=CUTS, merges=MERGES)
def test_arguments_lose_their_secrets_however_they_are_cut(cuts, merges):
    arguments = {"user": "sam", "password": "open sesame", "list": ["s", {"api_key": [1, 2]}], "end": "as"}
    log = begun(RunLog())
    streamed(log, cut(json.dumps(arguments), cuts), merges, "tool_call", {"index": 0, "id": "c"})
    masked = {"user": "sam", "password": MASK, "list": ["s", {"api_key": MASK}], "end": "as"}
    assert json.loads(said(log, "tool_call")) == masked
    assert "sesame" not in json.dumps(log.since(0))


def test_a_second_call_in_the_place_of_a_broken_one_is_read_from_its_start(log):
    begun(log)
    log.delta("m", "s", "tool_call", '{"password": "unfini', {"index": 0, "id": "a"})
    log.delta("m", "s", "tool_call", '{"city": "Rome"}', {"index": 0, "id": "b"})
    log.merge()
    assert deltas(log, "tool_call")[-1]["text"] == '{"city": "Rome"}'


def test_arguments_that_come_whole_lose_their_secrets_too(log):
    begun(log)
    calls = [{"index": 0, "id": "c", "name": "login", "args": '{"password": "open sesame"}'}]
    event = log.append("node.finished", node="m", span="s", duration=0, tool_calls=calls)
    assert json.loads(event["tool_calls"][0]["args"]) == {"password": MASK}


def test_secrets_are_masked_in_every_field(log):
    event = log.append("log", level="info", message=f"using {KEYS[0]}", detail={"api_key": "x", "deep": [KNOWN]})
    assert event["message"] == f"using {MASK}"
    assert event["detail"] == {"api_key": MASK, "deep": [MASK]}
