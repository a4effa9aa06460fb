import asyncio
import json

from doubles import within
from hypothesis import given
from hypothesis import strategies as st
from small_events import events

from lfwidget.gateway.segments import Segments
from lfwidget.gateway.shared_log import SharedLog, encode


class Losing:
    """An archive in which the events up to `lost` are no more."""

    def __init__(self, lost, entries):
        self._lost, self._entries = lost, entries

    async def read(self, after, most):
        first = max(after, self._lost) + 1
        return first, self._entries[first - 1 : first - 1 + most]


class Empty:
    """An archive that cannot be reached just now."""

    async def read(self, after, most):
        return after + 1, ()


async def read(log, seq=0, nodes=None):
    """All frames after `seq`."""
    frames = []
    while (frame := await log.after(seq, nodes)) is not None:
        assert frame.last > seq
        seq = frame.last
        frames.append(frame)
    return frames


def seqs(frames):
    return [event["seq"] for frame in frames for event in json.loads(frame.text).get("events", [])]


async def test_a_frame_holds_the_events_as_they_came():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 3)))
    (frame,) = await read(log)
    assert json.loads(frame.text) == {"kind": "frame", "run": "run-1", "seq": 3, "events": events(1, 3)}
    assert (frame.last, frame.count, frame.gap) == (3, 3, False)


async def test_watchers_at_the_same_place_share_one_frame():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 3)))
    assert await log.after(1) is await log.after(1)
    before = await log.after(1)
    log.extend(encode(events(4, 4)))
    assert await log.after(1) is not before


async def test_a_frame_is_not_larger_than_a_watcher_can_take_at_once():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 9, text="x" * 100_000)))
    frames = await read(log)
    assert seqs(frames) == list(range(1, 10))
    assert all(len(frame.text) < 300_000 for frame in frames)


async def test_an_event_larger_than_a_frame_comes_alone():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 3, text="x" * 300_000)))
    assert [frame.count for frame in await read(log)] == [1, 1, 1]


@given(st.integers(0, 60), st.integers(0, 20), st.integers(1, 30))
def test_what_is_no_longer_in_memory_comes_from_the_archive(total, keep, at_once):
    async def check():
        segments = Segments()
        log = SharedLog("run-1", "epoch-1", archive=segments, keep=keep)
        entries = encode(events(1, total))
        for first in range(0, total, at_once):
            segments.add(entries[first : first + at_once])
            log.extend(entries[first : first + at_once])
        for since in range(total + 1):
            assert seqs(await read(log, since)) == list(range(since + 1, total + 1))

    asyncio.run(check())


async def test_a_log_whose_archive_lost_events_tells_which():
    entries = encode(events(1, 60))
    log = SharedLog("run-1", "epoch-1", archive=Losing(40, entries), keep=10)
    log.extend(entries)
    gap, *frames = await read(log, 5)
    assert gap.gap
    told = json.loads(gap.text)
    assert (told["kind"], told["run"], told["epoch"], told["from"], told["to"]) == ("gap", "run-1", "epoch-1", 6, 40)
    assert seqs(frames) == list(range(41, 61))


async def test_a_log_without_an_archive_tells_what_it_no_longer_has():
    log = SharedLog("run-1", "epoch-1", keep=10)
    log.extend(encode(events(1, 60)))
    gap, *frames = await read(log)
    assert (gap.gap, gap.last) == (True, 50)
    assert seqs(frames) == list(range(51, 61))


async def test_an_archive_that_is_away_loses_nothing():
    log = SharedLog("run-1", "epoch-1", archive=Empty(), keep=10)
    log.extend(encode(events(1, 60)))
    assert await log.after(20) is None
    assert seqs(await read(log, 50)) == list(range(51, 61))


async def test_a_watcher_ahead_of_the_log_waits():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 5)))
    assert await log.after(7) is None
    log.extend(encode(events(6, 9)))
    assert seqs(await read(log, 7)) == [8, 9]


async def test_only_the_chosen_nodes_are_told_of_and_what_concerns_the_run():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 20, last=20)))
    frames = await read(log, nodes=frozenset({"", "left"}))
    assert seqs(frames) == [1, 3, 5, 7, 9, 10, 11, 13, 15, 17, 19, 20]
    assert frames[-1].last == 20


async def test_watchers_are_woken_once_for_what_comes_in_one_period():
    log = SharedLog("run-1", "epoch-1", period=0.05)
    woken, last = [], asyncio.Event()

    def listen():
        woken.append(log.head)
        if log.head == 100:
            last.set()

    leave = log.subscribe(listen)
    for entry in encode(events(1, 100)):
        log.extend([entry])
    await within(last.wait())
    assert woken == [1, 100]
    leave()
    assert not log.watched


async def test_the_end_of_a_run_is_read_from_its_events():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 4, last=5)))
    assert not log.ended
    log.extend(encode(events(5, 5, last=5)))
    assert log.ended


async def test_another_log_takes_the_place_of_this_one():
    log = SharedLog("run-1", "epoch-1")
    log.extend(encode(events(1, 5, last=5)))
    log.reset("epoch-2")
    assert (log.epoch, log.head, log.ended) == ("epoch-2", 0, False)
    log.extend(encode(events(1, 2)))
    assert seqs(await read(log)) == [1, 2]
