"""What every store promises: the same tests for the one in memory and for the one in Redis."""

import asyncio
import json
import time

import pytest
from doubles import within
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_events import batch
from watching import eventually, until

from lfwidget.gateway.memory_store import MemoryStore
from lfwidget.gateway.redis_store import RedisStore
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.store import NotYoursError, Receipt

COMMAND = {"kind": "start", "request": "1", "input": "hello"}


@pytest.fixture(params=["memory", "redis"])
def make_store(request):
    """Gives stores of this sort; those in Redis are gateways that share it."""
    url = request.getfixturevalue("redis").url if request.param == "redis" else ""

    def make(**fields):
        options = Settings(redis=url, **{"frame_period": 0.005, **fields})
        return RedisStore(options) if url else MemoryStore(options)

    return make


@pytest.fixture
async def open_store(make_store):
    """Gives stores that are open, and closes them: `await open_store(lease=0.3)`."""
    stores = []

    async def start(**fields):
        stores.append(make_store(**fields))
        await stores[-1].open()
        return stores[-1]

    yield start
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store):
    return await open_store()


async def seqs(log, since=0):
    """The events of a log, as a watcher reads them."""
    found = []
    while (frame := await log.after(since)) is not None:
        since = frame.last
        found += [event["seq"] for event in json.loads(frame.text)["events"]]
    return found


async def has(store, upto, run="run-1"):
    """The log of a run, as soon as it has all events up to `upto`."""
    log = await store.log(run)
    await eventually(lambda: log.head >= upto)
    return log


# Taking in


async def test_a_run_that_nobody_brought_is_not_there(store):
    assert await store.log("run-1") is None
    assert await store.room("class") is None


async def test_a_store_that_has_just_begun_says_so_for_a_while(open_store):
    store = await open_store(lease=0.3)
    assert await store.is_young()
    await until(store.is_young, answer=False)


async def test_events_are_taken_in_and_read(store):
    assert await store.publish(batch(1, 30)) == Receipt(30, 0, [])
    assert await seqs(await has(store, 30)) == list(range(1, 31))
    assert await store.publish(batch(31, 45)) == Receipt(45, 0, [])
    assert await seqs(await has(store, 45), 10) == list(range(11, 46))


async def test_events_that_are_known_are_passed_over(store):
    await store.publish(batch(1, 30))
    assert (await store.publish(batch(1, 30))).have == 30
    assert (await store.publish(batch(21, 40))).have == 40
    assert await seqs(await has(store, 40)) == list(range(1, 41))


async def test_no_batch_leaves_a_gap(store):
    await store.publish(batch(1, 10))
    assert (await store.publish(batch(12, 20))).have == 10
    assert (await store.publish(batch(11, 20))).have == 20
    assert await seqs(await has(store, 20)) == list(range(1, 21))


async def test_a_producer_without_news_hears_what_is_there(store):
    assert (await store.publish(batch(1, 0))).have == 0
    assert await store.log("run-1") is None
    await store.publish(batch(1, 10))
    assert (await store.publish(batch(11, 10))).have == 10


async def test_a_log_that_does_not_begin_at_1_is_asked_for_again(store):
    assert (await store.publish(batch(5, 10))).have == 0
    assert await store.log("run-1") is None


async def test_another_log_takes_the_place_of_the_first_if_it_begins_at_1(store):
    await store.publish(batch(1, 30, last=30))
    log = await has(store, 30)
    assert (await store.publish(batch(31, 40, epoch="epoch-2"))).have == 0
    assert log.epoch == "epoch-1"
    assert (await store.publish(batch(1, 5, epoch="epoch-2"))).have == 5
    await eventually(lambda: log.epoch == "epoch-2" and log.head == 5)
    assert not log.ended
    assert await seqs(log) == [1, 2, 3, 4, 5]
    assert (await store.publish(batch(6, 9, epoch="epoch-1"))).have == 0


async def test_somebody_else_can_bring_nothing_into_a_run(store):
    await store.publish(batch(1, 10))
    for theirs in (batch(11, 20, owner="other"), batch(1, 20, owner="other", epoch="epoch-2")):
        with pytest.raises(NotYoursError):
            await store.publish(theirs)
    assert await seqs(await has(store, 10)) == list(range(1, 11))


async def test_it_is_known_who_brings_what(store):
    await store.publish(batch(1, 3, room="room-1", owner="ada"))
    assert await store.owner("run:run-1") == await store.owner("room:room-1") == "ada"
    assert await store.owner("run:nobody") is None


async def test_somebody_else_can_bring_nothing_into_a_room(store):
    await store.publish(batch(1, 10, room="class"))
    with pytest.raises(NotYoursError):
        await store.publish(batch(1, 10, run="run-2", owner="other", room="class"))
    assert await store.log("run-2") is None
    assert (await store.room("class")).runs == ["run-1"]


Batches = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 12)), max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(mine=Batches, theirs=Batches, run=st.uuids())
def test_two_who_publish_at_once_make_one_log_without_gaps(make_store, mine, theirs, run):
    async def publish(store, batches):
        for first, count in batches:
            receipt = await store.publish(batch(first, first + count - 1, run=str(run)))
            assert receipt.have >= 0

    async def check():
        store = make_store()
        other = make_store() if isinstance(store, RedisStore) else store
        await store.open()
        await asyncio.gather(publish(store, mine), publish(other, theirs))
        head = (await store.publish(batch(1, 1, run=str(run)))).have
        log = await has(store, head, str(run))
        assert await seqs(log) == list(range(1, head + 1))
        await store.close()
        if other is not store:
            await other.close()

    asyncio.run(check())


# Reading


async def test_a_long_log_is_read_to_its_beginning(open_store):
    store = await open_store(keep_events=100)
    for first in range(1, 9_001, 500):
        await store.publish(batch(first, first + 499))
    log = await has(store, 9_000)
    assert await seqs(log) == list(range(1, 9_001))
    assert await seqs(log, 7_777) == list(range(7_778, 9_001))


async def test_watchers_hear_of_what_comes(store):
    await store.publish(batch(1, 1))
    log, news = await store.log("run-1"), asyncio.Event()
    leave = log.subscribe(news.set)
    await store.publish(batch(2, 2))
    await within(news.wait())
    leave()


async def test_the_end_is_known_to_who_comes_after_it(store):
    await store.publish(batch(1, 10, last=10))
    assert (await store.log("run-1")).ended


async def test_notes_may_follow_the_end(store):
    await store.publish(batch(1, 10, last=10))
    await store.publish(batch(11, 12))
    log = await has(store, 12)
    assert log.ended
    assert await seqs(log) == list(range(1, 13))


async def test_a_producer_that_says_nothing_for_long_is_lost_until_he_is_heard_of(open_store):
    store = await open_store(lease=0.3)
    await store.publish(batch(1, 10))
    log = await store.log("run-1")
    leave = log.subscribe(bool)
    for _ in range(2):
        while not log.alive:
            await store.publish(batch(11, 10))
            await asyncio.sleep(0.02)
        await eventually(lambda: not log.alive)
        assert not log.reason
    leave()


async def test_nobody_waits_for_the_producer_of_a_run_that_has_ended(open_store):
    store = await open_store(lease=0.2)
    await store.publish(batch(1, 10, last=10))
    await store.publish(batch(1, 10, run="run-2"))
    ended, other = await store.log("run-1"), await store.log("run-2")
    leave = [ended.subscribe(bool), other.subscribe(bool)]
    await eventually(lambda: not other.alive)
    assert ended.alive
    for function in leave:
        function()


async def test_a_run_that_is_withdrawn_is_gone_for_those_who_watch_it(store):
    await store.publish(batch(1, 10, room="class"))
    log = await has(store, 10)
    await store.withdraw("run-1")
    await eventually(lambda: log.gone)
    assert await store.log("run-1") is None
    room = await store.room("class")
    await eventually(lambda: room.runs == [])
    await store.withdraw("run-1")


async def test_a_run_that_was_withdrawn_can_be_brought_again_by_anybody(store):
    await store.publish(batch(1, 10))
    await store.withdraw("run-1")
    assert (await store.publish(batch(11, 12))).have == 0
    assert (await store.publish(batch(1, 3, owner="other"))).have == 3
    assert await seqs(await has(store, 3)) == [1, 2, 3]


async def test_what_nobody_brings_or_watches_is_forgotten(open_store):
    store = await open_store(keep_for=1.5, lease=0.1)
    await store.publish(batch(1, 10))
    await store.publish(batch(1, 10, run="run-2"))
    watched = await store.log("run-1")
    leave = watched.subscribe(bool)
    watched.watchers += 1
    await until(lambda: store.log("run-2"), None, pause=0.5)  # who asks all the time keeps it at hand
    assert not watched.gone
    assert await store.log("run-1") is watched
    leave()
    watched.watchers -= 1
    await until(lambda: store.log("run-1"), None, pause=0.5)


# Rooms


async def test_a_room_has_the_runs_that_were_brought_into_it(store):
    for name in ("one", "two", "one"):
        await store.publish(batch(1, 2, run=name, room="class"))
    room = await store.room("class")
    assert room.runs == ["one", "two"]
    news = asyncio.Event()
    leave = room.subscribe(news.set)
    await store.publish(batch(1, 2, run="three", room="class"))
    await within(news.wait())
    assert room.runs == ["one", "two", "three"]
    leave()


async def test_a_room_remembers_its_newest_runs(store):
    for number in range(30):
        await store.publish(batch(1, 1, run=f"run-{number}", room="class"))
    assert (await store.room("class")).runs == [f"run-{number}" for number in range(10, 30)]


async def test_the_log_of_a_run_knows_its_room(store):
    await store.publish(batch(1, 2))
    log = await has(store, 2)
    assert log.room == ""
    await store.publish(batch(3, 3, room="class"))
    await eventually(lambda: log.room == "class")


async def test_a_room_is_made_before_it_has_a_run_and_belongs_to_whoever_made_it(store):
    room = await store.make_room("class", "teacher")
    assert room.runs == []
    assert await store.make_room("class", "teacher") is room
    assert await store.room("class") is room
    with pytest.raises(NotYoursError):
        await store.make_room("class", "other")
    with pytest.raises(NotYoursError):
        await store.tend("class", "other")


# Commands


async def test_a_command_reaches_the_producer_of_the_run_once(store):
    await store.publish(batch(1, 2))
    assert await store.command("run-1", COMMAND)
    assert await store.command("run-1", {**COMMAND, "request": "2"})
    receipt = await store.publish(batch(3, 2))
    assert [command["request"] for command in receipt.commands] == ["1", "2"]
    assert list((await store.publish(batch(3, 2))).commands) == []


async def test_a_command_reaches_the_producer_of_the_room(store):
    await store.tend("class", "teacher")
    assert await store.command("class", COMMAND)
    assert list((await store.tend("class", "teacher")).commands) == [COMMAND]


async def test_a_command_to_nobody_is_told(store):
    assert not await store.command("run-1", COMMAND)


async def test_a_command_to_a_producer_that_is_lost_is_told(open_store):
    store = await open_store(lease=0.2)
    await store.publish(batch(1, 2))
    log = await store.log("run-1")
    await eventually(lambda: not log.alive)
    assert not await store.command("run-1", COMMAND)


async def test_only_so_many_commands_wait(store):
    await store.publish(batch(1, 2))
    taken = [await store.command("run-1", COMMAND) for _ in range(120)]
    assert taken.count(True) == 100
    assert len((await store.publish(batch(3, 2))).commands) == 100


# Links


async def test_a_link_has_as_many_seats_as_it_says(store):
    assert [await store.take_seat("link", f"student-{number}", 2) for number in range(3)] == [True, True, False]
    assert await store.take_seat("link", "student-0", 2)
    assert await store.take_seat("other", "student-2", 2)
    await store.free_seat("link", "student-0")
    assert await store.take_seat("link", "student-2", 2)
    await store.free_seat("link", "nobody")
    assert not await store.take_seat("link", "student-0", 2)


async def test_a_seat_is_kept_for_who_sits_in_it(open_store):
    store = await open_store(lease=1.0)
    await store.publish(batch(1, 2))
    assert await store.take_seat("link", "student", 1)
    log = await store.log("run-1")
    await eventually(lambda: not log.alive)
    assert not await store.take_seat("link", "other", 1)


async def test_a_link_that_was_revoked_is_refused_from_then_on(store):
    revoked = []
    store.on_revoked(revoked.append)
    assert not await store.is_revoked("link")
    await store.revoke("link", time.time() + 60)
    assert await store.is_revoked("link")
    assert not await store.is_revoked("other")
    await eventually(lambda: revoked == ["link"])
