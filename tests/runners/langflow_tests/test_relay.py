"""What our plugin says of a run becomes what the run's own log says."""

import pytest

from lfwidget.errors import ComponentError, EventError
from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.server.relay import Relay

DELTA = {"node": "m", "span": "m#1", "channel": "text", "text": "abc", "cuts": [1, 2], "dts": [-20, 0]}


class Heard:
    """A relay, and a log that begins as that of a run does; the time is what a test says it is."""

    def __init__(self, **options):
        self.now = 100.0
        self.log = RunLog(clock=lambda: self.now)
        self.log.append("run.started", run_id="r", flow="f", input=None, started_at="", graph={}, format=1)
        self.kept = {}
        self.relay = Relay(self.log, self.kept.__setitem__, clock=lambda: self.now, **options)
        self.relay.hear({"kind": "hello", "run": "r", "epoch": "e", "head": 0})
        self.seq = 0

    def say(self, *events):
        """A frame of (kind, t, fields)."""
        told = []
        for kind, t, fields in events:
            self.seq += 1
            told.append({"seq": self.seq, "t": t, "kind": kind, **fields})
        self.relay.hear({"kind": "frame", "run": "r", "seq": self.seq, "events": told})
        return self

    def starts(self, t=1.0):
        return self.say(("node.started", t, {"node": "m", "span": "m#1", "attempt": 1}))

    def finishes(self, output="abc", t=2.0):
        return self.say(("node.finished", t, {"node": "m", "span": "m#1", "output": output, "duration": 1.0}))

    def events(self, kind=""):
        return [event for event in self.log.since(1) if event["kind"] == kind or not kind]


def test_tokens_keep_their_boundaries_and_their_times():
    heard = Heard()
    heard.now = 101.0
    heard.starts(t=1.0)
    heard.now = 101.05
    heard.say(("node.delta", 1.05, DELTA)).finishes(t=1.05)
    (delta,) = heard.events("node.delta")
    assert (delta["text"], delta["cuts"], delta["dts"]) == ("abc", [1, 2], [-20, 0])
    assert heard.kept == {"m#1": "abc"}


def test_what_comes_late_has_the_time_when_it_was():
    heard = Heard()
    heard.now = 101.0
    heard.say(
        ("node.started", 0.2, {"node": "m", "span": "m#1", "attempt": 1}),
        ("node.started", 0.5, {"node": "n", "span": "n#1", "attempt": 1}),
    )
    assert [event["t"] for event in heard.events()] == [0.7, 1.0]


def test_who_comes_back_is_told_nothing_twice():
    heard = Heard().starts()
    heard.seq = 0
    heard.starts().finishes()
    assert [event["kind"] for event in heard.events()] == ["node.started", "node.finished"]
    assert heard.relay.position == "e:2"


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "gap", "run": "r", "from": 1, "to": 3},
        {"kind": "hello", "run": "r", "epoch": "another", "head": 0},
        {"kind": "frame", "run": "r", "events": [{"seq": 7, "t": 0.0, "kind": "log", "level": "info", "message": ""}]},
        {"kind": "frame", "run": "r", "events": [{"kind": "node.delta"}]},
    ],
)
def test_a_log_that_is_not_whole_is_refused(message):
    with pytest.raises(EventError):
        Heard().relay.hear(message)


@pytest.mark.parametrize("message", [{"kind": "beat"}, {"kind": "later", "run": "r"}, "text", None, {"kind": "frame"}])
def test_what_is_not_known_is_passed_over(message):
    heard = Heard()
    heard.relay.hear(message)
    assert heard.events() == []


def test_only_the_nodes_that_are_named_stream():
    heard = Heard(stream_nodes=frozenset({"other"})).starts().say(("node.delta", 1.5, DELTA)).finishes()
    assert [event["kind"] for event in heard.events()] == ["node.started", "node.text", "node.finished"]
    assert heard.events("node.text")[0]["text"] == "abc"


def test_its_end_is_that_of_the_run():
    heard = Heard().starts().finishes().say(("run.finished", 2.0, {"output": "abc"}))
    assert (heard.relay.ended, heard.relay.output, heard.relay.failure) == (True, "abc", None)
    assert not heard.log.ended  # whoever holds the run says so


def test_its_failure_is_that_of_the_run():
    heard = Heard().say(("run.failed", 2.0, {"error": {"type": "ValueError", "message": "no"}, "node": "m"}))
    failure = heard.relay.failure
    assert isinstance(failure, ComponentError)
    assert (failure.node, failure.type, failure.message) == ("m", "ValueError", "no")


def test_a_long_output_is_whole_where_a_node_was_heard_to_say_it():
    text = "x" * 200_001
    heard = Heard().starts().say(("node.delta", 1.5, {**DELTA, "text": text, "cuts": [200_000, 1]}))
    heard.say(("run.finished", 2.0, {"output": f"{text[:-1]}… (1 more characters)"}))
    assert heard.relay.output == text


def test_no_span_stays_open():
    heard = Heard().starts()
    heard.relay.close("the run was cancelled")
    assert heard.events()[-1]["kind"] == "node.cancelled"
    heard.relay.close("again")
    assert len(heard.events("node.cancelled")) == 1


def test_what_the_plugin_forgot_langflow_may_know():
    heard = Heard()
    heard.relay.take({"event": "output", "data": {"content": "abc", "component_id": "m"}})
    assert heard.relay.output == "abc"
    heard.relay.take({"event": "error", "data": {"error": "it failed"}})
    assert heard.relay.failure.message == "it failed"
