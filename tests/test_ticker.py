import asyncio
import logging
import threading

import pytest
from doubles import HANG

from lfwidget.model.log import RunLog
from lfwidget.ticker import Ticker


@pytest.fixture
def ticker():
    ticker = Ticker(period=0.001, beat=0.01)
    yield ticker
    ticker.stop()


@pytest.fixture
def loop():
    """A loop on a thread, as a kernel's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(HANG)
    loop.close()


class Heard:
    """What came, and a way to wait for it."""

    def __init__(self):
        self.all = []
        self._changed = threading.Condition()

    def __call__(self, thing=None):
        with self._changed:
            self.all.append(thing)
            self._changed.notify_all()

    def wait_for(self, condition):
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.all), HANG)

    def times(self, number):
        self.wait_for(lambda things: len(things) >= number)


def followed(ticker, loop):
    log, heard = RunLog(), Heard()
    log.subscribe(heard)
    ticker.follow(log, loop)
    heard.times(1)
    return log, heard


def end(log):
    log.append("run.finished", output=None)


def test_what_is_new_is_passed_on_at_once(ticker, loop):
    log, heard = followed(ticker, loop)
    log.append("log", level="info", message="hi")
    heard.times(2)
    end(log)


def test_tokens_are_passed_on_without_any_other_event(ticker, loop):
    log, _ = followed(ticker, loop)
    seen = Heard()
    log.subscribe(lambda: seen([event["kind"] for event in log.since(0)]))
    log.append("node.started", node="n", span="s", attempt=1)
    log.delta("n", "s", "text", "Hello")
    seen.wait_for(lambda all_of_it: ["node.started", "node.delta"] in all_of_it)
    end(log)


def test_everything_is_passed_on_by_one_thread(ticker, loop):
    threads = Heard()
    logs = [followed(ticker, loop)[0] for _ in range(3)]
    for log in logs:
        log.subscribe(lambda: threads(threading.current_thread().name))
        log.append("log", level="info", message="hi")
    ticker.call(lambda: threads(threading.current_thread().name))
    threads.times(4)
    assert set(threads.all) == {"lfwidget-ticker"}
    for log in logs:
        end(log)


def test_it_beats_while_a_run_goes_on_and_then_no_more(ticker, loop):
    beats = Heard()
    ticker.on_beat(beats)
    log, heard = followed(ticker, loop)
    beats.times(3)
    assert set(beats.all) == {False}
    end(log)
    heard.wait_for(lambda _: log.last_seq == 1)
    quiet = Heard()
    ticker.call(quiet)
    quiet.times(1)
    assert ticker._until_beat() is None


def test_a_beat_says_when_the_loop_is_stuck_and_when_it_is_free_again(ticker, loop):
    beats, let_go = Heard(), threading.Event()
    ticker.on_beat(beats)
    loop.call_soon_threadsafe(let_go.wait, HANG)
    log, _ = followed(ticker, loop)
    beats.wait_for(lambda all_of_it: True in all_of_it)
    let_go.set()
    beats.wait_for(lambda all_of_it: all_of_it[-1] is False)
    end(log)


def test_who_no_longer_listens_hears_no_beats(ticker, loop):
    gone, beats = Heard(), Heard()
    ticker.on_beat(gone)()
    ticker.on_beat(beats)
    log, _ = followed(ticker, loop)
    beats.times(2)
    assert gone.all == []
    end(log)


def test_a_listener_that_fails_is_told_once_in_the_log_and_stops_nobody(ticker, loop, caplog):
    log, heard = followed(ticker, loop)
    log.subscribe(lambda: 1 / 0)
    for _ in range(3):
        log.append("log", level="info", message="hi")
        heard.times(len(heard.all) + 1)
    other, other_heard = followed(ticker, loop)
    other.append("log", level="info", message="hi")
    other_heard.times(2)
    errors = [event for event in log.since(0) if event.get("level") == "error"]
    assert [event["message"] for event in errors] == [
        "lfwidget could not pass on what is new: ZeroDivisionError: division by zero"
    ]
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    end(log)
    end(other)


def test_a_log_nobody_holds_is_forgotten(ticker, loop):
    log, _ = followed(ticker, loop)
    del log
    import gc

    gc.collect()
    ticker.call(lambda: None)
    assert ticker._until_beat() is None


def test_it_passes_on_what_is_due_before_it_stops(loop):
    ticker = Ticker(period=HANG)
    log, heard = followed(ticker, loop)
    log.append("log", level="info", message="last words")
    ticker.stop()
    heard.times(2)
    assert log.since(0)[-1]["message"] == "last words"
    end(log)
