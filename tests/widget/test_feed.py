import json

from lfwidget.model.log import RunLog
from lfwidget.widget.feed import Feed, frames


def log_of(*texts):
    log = RunLog()
    log.append(
        "run.started",
        run_id="r",
        flow="f",
        input=None,
        started_at="2026-01-01T00:00:00+00:00",
        graph={"nodes": [], "edges": []},
        format=1,
    )
    for text in texts:
        log.append("log", level="info", message=text)
    return log


class Page:
    """Remembers what it is sent."""

    def __init__(self, log):
        self.messages = []
        self.feed = Feed("r", log, self.take, lambda: None)

    def take(self, message, buffers):
        events = {"events": json.loads(buffers[0])} if buffers else {}
        self.messages.append({**message, **events})

    @property
    def seqs(self):
        return [event["seq"] for message in self.messages for event in message.get("events", ())]


def test_each_event_is_sent_once():
    log = log_of("a")
    page = Page(log)
    log.flush()
    log.append("log", level="info", message="b")
    log.flush()
    log.flush()
    assert page.seqs == [1, 2, 3]


def test_what_is_missed_is_sent_again_with_how_far_the_log_goes():
    log = log_of("a", "b")
    page = Page(log)
    log.flush()
    page.messages.clear()
    page.feed.resync(1)
    assert page.seqs == [2, 3]
    assert page.messages[-1] == {"kind": "head", "run": "r", "seq": 3}


def test_asking_again_does_not_disturb_what_is_new():
    log = log_of("a")
    page = Page(log)
    page.feed.resync(0)
    log.flush()
    assert page.seqs == [1, 2, 1, 2]


def test_nothing_is_sent_after_it_was_stopped():
    log = log_of("a")
    page = Page(log)
    page.feed.stop()
    log.flush()
    assert page.messages == []


def test_frames_are_cut_before_they_are_too_large():
    events = log_of(*["x" * 400] * 10).since(0)
    parts = list(frames(events, largest=2000))
    assert [event for part in parts for event in json.loads(part)] == events
    assert max(map(len, parts)) <= 2100
    assert len(parts) > 2


def test_an_event_that_is_too_large_is_a_frame_by_itself():
    events = log_of("a", "x" * 5000, "b").since(0)
    assert [len(json.loads(part)) for part in frames(events, largest=1000)] == [2, 1, 1]


def test_a_frame_of_many_small_tokens_is_not_larger_than_it_may_be():
    log = log_of()
    log.append("node.started", node="n", span="s", attempt=1)
    for _ in range(50_000):
        log.delta("n", "s", "text", "ab")
    log.merge()
    assert max(map(len, frames(log.since(0)))) <= 1_100_000
