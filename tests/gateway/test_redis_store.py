"""What only the store in Redis promises: that several gateways are one, and that Redis may go away and come back."""

import asyncio
import time

import pytest
from doubles import within
from small_events import batch
from test_stores import has, seqs
from watching import eventually, until

from lfwidget.gateway.redis_store import RedisStore
from lfwidget.gateway.refused import StoreAwayError
from lfwidget.gateway.segments import SEGMENT
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.store import NotYoursError

STREAM = "lfwidget:run:run-1:epoch-1:events"
PACKED = "lfwidget:run:run-1:epoch-1:packed"


@pytest.fixture
async def opened():
    """Stores of gateways on one Redis: `await opened(redis, 2)`."""
    stores = []

    async def start(redis, count=1, **settings):
        made = [RedisStore(Settings(redis=redis.url, frame_period=0.005, **settings)) for _ in range(count)]
        stores.extend(made)
        for store in made:
            await store.open()
        return made if count > 1 else made[0]

    yield start
    for store in stores:
        await store.close()


async def told(store, **fields):
    """How many watch, as a producer without news hears it."""
    return (await store.publish(batch(2, 1, **fields))).watchers


async def tried(store, events):
    """Up to where it has the events; None if it is away."""
    try:
        return (await store.publish(events)).have
    except StoreAwayError:
        return None


# Two gateways


async def test_what_one_gateway_takes_in_another_relays(redis, opened):
    one, two = await opened(redis, 2)
    await one.publish(batch(1, 10, room="class"))
    log = await has(two, 10)
    await one.publish(batch(11, 20))
    await two.publish(batch(21, 30, last=30))
    await eventually(lambda: log.head == 30)
    assert await seqs(log) == list(range(1, 31))
    assert await seqs(await has(one, 30)) == list(range(1, 31))
    assert log.ended


async def test_a_new_run_of_a_room_is_noticed_at_the_other_gateway(redis, opened):
    one, two = await opened(redis, 2)
    await one.make_room("class", "teacher")
    room = await two.room("class")
    await one.publish(batch(1, 1, room="class"))
    await eventually(lambda: room.runs == ["run-1"])
    with pytest.raises(NotYoursError):
        await two.make_room("class", "other")


async def test_another_log_and_a_withdrawal_are_noticed_at_the_other_gateway(redis, opened):
    one, two = await opened(redis, 2)
    await one.publish(batch(1, 10))
    log = await has(two, 10)
    await one.publish(batch(1, 3, epoch="epoch-2"))
    await eventually(lambda: log.epoch == "epoch-2" and log.head == 3)
    await one.withdraw("run-1")
    await eventually(lambda: log.gone)
    assert await two.log("run-1") is None


async def test_a_log_that_replaces_another_leaves_nothing_of_it(redis, opened):
    store = await opened(redis)
    await store.publish(batch(1, SEGMENT))
    await store.publish(batch(1, 3, epoch="epoch-2"))
    assert redis.ask("EXISTS", STREAM, PACKED) == 0
    await store.withdraw("run-1")
    assert redis.ask("KEYS", "*epoch*") == []


async def test_a_producer_hears_of_all_who_watch_wherever_they_do(redis, opened):
    one, two = await opened(redis, 2)
    await one.publish(batch(1, 1, room="class"))
    (await one.log("run-1")).watchers += 2
    (await two.log("run-1")).watchers += 3
    (await two.room("class")).watchers += 4
    await until(lambda: told(one, room="class"), 9)
    (await one.log("run-1")).watchers -= 2
    await until(lambda: told(two, room="class"), 7)
    assert (await one.tend("class", "teacher")).watchers == 4


async def test_who_watched_at_a_gateway_that_is_gone_counts_no_more(redis, opened):
    one, two = await opened(redis, 2, lease=0.5)
    await one.publish(batch(1, 1))
    (await two.log("run-1")).watchers += 3
    await until(lambda: told(one), 3)
    await two.close()
    await until(lambda: told(one), 0)


async def test_seats_are_counted_over_all_gateways_and_end_with_theirs(redis, opened):
    one, two = await opened(redis, 2, lease=1.5)
    assert await one.take_seat("link", "a", 2)
    assert await two.take_seat("link", "b", 2)
    assert not await one.take_seat("link", "c", 2)
    await two.close()
    await until(lambda: one.take_seat("link", "c", 2), answer=True)
    assert not await one.take_seat("link", "d", 2)


async def test_a_link_that_is_revoked_at_one_gateway_is_told_at_all(redis, opened):
    one, two = await opened(redis, 2)
    told = []
    two.on_revoked(told.append)
    await one.publish(batch(1, 1))
    await has(two, 1)
    await one.revoke("link", time.time() + 60)
    await eventually(lambda: told == ["link"])
    assert await two.is_revoked("link")


async def test_a_command_at_one_gateway_reaches_the_producer_at_another(redis, opened):
    one, two = await opened(redis, 2)
    await one.publish(batch(1, 1))
    assert await two.command("run-1", {"kind": "cancel", "run": "run-1"})
    assert list((await one.publish(batch(2, 1))).commands) == [{"kind": "cancel", "run": "run-1"}]


# A long log


async def test_the_stream_is_trimmed_and_nothing_of_it_is_lost(redis, opened):
    one, two = await opened(redis, 2, keep_events=1000)
    for first in range(1, 10_001, 500):
        await one.publish(batch(first, first + 499))
    assert redis.ask("XLEN", STREAM) <= 1000
    assert redis.ask("HLEN", PACKED) == 10_000 // SEGMENT
    assert await seqs(await has(two, 10_000)) == list(range(1, 10_001))


async def test_a_segment_that_nobody_packed_is_packed_with_the_next_batch(redis, opened):
    store = await opened(redis, keep_events=100)
    await store.publish(batch(1, SEGMENT + 500))
    redis.ask("HSET", "lfwidget:run:run-1", "packed", 0)  # as if a gateway had ended before
    redis.ask("DEL", PACKED, STREAM)
    add = "for seq = 1, ARGV[1] do redis.call('XADD', KEYS[1], seq .. '-0', 'e', '{}', 'n', '', 'k', 'log') end"
    redis.ask("EVAL", add, 1, STREAM, SEGMENT + 500)
    await store.publish(batch(SEGMENT + 501, SEGMENT + 501))
    assert redis.ask("HKEYS", PACKED) == [b"0"]
    assert redis.ask("XLEN", STREAM) == 501


async def test_a_segment_that_was_lost_is_told_as_a_gap(redis, opened):
    store = await opened(redis, keep_events=100)
    await store.publish(batch(1, 3 * SEGMENT))
    redis.ask("HDEL", PACKED, 1)
    log = await has(store, 3 * SEGMENT)
    frame = await log.after(SEGMENT)
    assert (frame.gap, frame.last) == (True, 2 * SEGMENT)
    assert await seqs(log, 2 * SEGMENT) == list(range(2 * SEGMENT + 1, 3 * SEGMENT + 1))


async def test_a_segment_that_is_damaged_is_told_as_a_gap(redis, opened, caplog):
    store = await opened(redis, keep_events=100)
    await store.publish(batch(1, 3 * SEGMENT))
    redis.ask("HSET", PACKED, 1, "not packed")
    log = await has(store, 3 * SEGMENT)
    frame = await log.after(SEGMENT)
    assert (frame.gap, frame.last) == (True, 2 * SEGMENT)
    assert "damaged" in caplog.text


async def test_a_gateway_that_stood_still_for_long_goes_on_where_it_was(redis, opened):
    one, two = await opened(redis, 2, keep_events=100)
    await one.publish(batch(1, 10))
    log = await has(two, 10)
    # Longer than the stream, at once: it is trimmed before the other one reads.
    await one.publish(batch(11, 3 * SEGMENT + 10))
    await eventually(lambda: log.head == 3 * SEGMENT + 10)
    assert await seqs(log, 10) == list(range(11, 3 * SEGMENT + 11))


async def test_a_log_that_nobody_watches_leaves_the_memory_of_the_gateway(redis, opened):
    store = await opened(redis, lease=0.1)
    await store.publish(batch(1, 10))
    log = await store.log("run-1")
    leave = log.subscribe(bool)
    other = await store.room("class")
    assert other is None
    for number in range(3):
        await store.publish(batch(1, 10, run=f"other-{number}"))
        await store.log(f"other-{number}")
    await eventually(lambda: len(store._tail.logs) == 1)
    assert await store.log("run-1") is log
    leave()
    await eventually(lambda: not store._tail.logs)
    assert await seqs(await has(store, 10)) == list(range(1, 11))


async def test_a_gateway_can_be_closed_at_any_moment(redis, opened):
    for count in range(30):
        store = await opened(redis)
        for _ in range(count):
            await store.is_revoked("link")
        await within(store.close())


# Redis away


async def test_while_redis_is_away_watchers_are_told_and_producers_try_again(own_redis, opened):
    redis = own_redis()
    store = await opened(redis)
    await store.publish(batch(1, 10, room="class"))
    log, room = await has(store, 10), await store.room("class")
    told = asyncio.Event()
    leave = [log.subscribe(told.set), room.subscribe(told.set)]
    redis.stop()
    await eventually(lambda: not log.alive)
    assert "cannot reach its store" in log.reason
    for asked in (
        store.publish(batch(11, 12)),
        store.log("run-2"),
        store.room("other"),
        store.is_revoked("link"),
        store.take_seat("link", "a", 1),
        store.command("run-1", {}),
        store.tend("class", "teacher"),
        store.revoke("link", time.time() + 60),
        store.withdraw("run-1"),
    ):
        with pytest.raises(StoreAwayError, match="try again"):
            await asked
    await store.free_seat("link", "a")
    assert await store.log("run-1") is log
    assert await store.room("class") is room
    redis.start()
    # It has lost everything; whoever shares the run brings it all again.
    await until(lambda: tried(store, batch(11, 12)), 0)
    assert (await store.publish(batch(1, 12, room="class"))).have == 12
    await eventually(lambda: log.alive and log.head == 12)
    assert not log.reason
    assert await seqs(log, 8) == [9, 10, 11, 12]
    assert log.epoch == "epoch-1"
    for function in leave:
        function()


async def test_while_redis_is_away_old_events_are_waited_for_and_no_gap_is_told(own_redis, opened):
    redis = own_redis()
    store = await opened(redis, keep_events=100)
    await store.publish(batch(1, 5000))
    log = await has(store, 5000)
    leave = log.subscribe(bool)
    redis.stop()
    assert await log.after(10) is None
    redis.start()
    await eventually(lambda: not log.reason)
    assert await log.after(10) is None
    for first in range(1, 5001, 1000):
        await store.publish(batch(first, first + 999))
    assert await seqs(log, 10) == list(range(11, 5001))
    leave()


async def test_a_log_that_redis_lost_and_nobody_brings_again_is_gone(redis, opened):
    store = await opened(redis, lease=0.3)
    await store.publish(batch(1, 10, last=10))
    log = await has(store, 10)
    leave = log.subscribe(bool)
    redis.empty()
    await eventually(lambda: log.gone)
    leave()


async def test_a_stream_that_was_evicted_is_brought_again(redis, opened):
    store = await opened(redis)
    await store.publish(batch(1, 10))
    redis.ask("DEL", STREAM)
    assert (await store.publish(batch(11, 12))).have == 0
    assert (await store.publish(batch(1, 12))).have == 12


async def test_a_gateway_starts_before_its_redis(own_redis, opened):
    redis = own_redis()
    redis.stop()
    store = await opened(redis)
    with pytest.raises(StoreAwayError):
        await store.publish(batch(1, 2))
    redis.start()
    await until(lambda: tried(store, batch(1, 2)), 2)
    assert await seqs(await has(store, 2)) == [1, 2]


async def test_a_redis_that_has_no_room_left_is_told_to_the_producer(own_redis, opened):
    redis = own_redis("--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
    store = await opened(redis)
    have = 0
    while (more := await tried(store, batch(have + 1, have + 1000, text="x" * 500))) is not None:
        have = more
    assert have
    redis.ask("CONFIG", "SET", "maxmemory", 0)
    assert (await store.publish(batch(have + 1, have + 1000))).have == have + 1000


async def test_everything_in_redis_ends_by_itself(redis, opened):
    store = await opened(redis)
    await store.publish(batch(1, SEGMENT + 1, room="class"))
    await store.command("run-1", {"kind": "cancel"})
    await store.take_seat("link", "a", 1)
    await store.revoke("link", time.time() + 60)
    (await store.log("run-1")).watchers += 1
    await eventually(lambda: redis.ask("EXISTS", "lfwidget:watching:run:run-1"))
    lasting = {name for name in redis.ask("KEYS", "*") if redis.ask("TTL", name) < 0}
    assert lasting == {b"lfwidget:begun", b"lfwidget:closed"}
