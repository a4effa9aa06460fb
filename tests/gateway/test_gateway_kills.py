"""Gateways as processes on one Redis, which are killed: whoever comes back elsewhere has every event once, in order."""

import asyncio

import pytest
from doubles import HANG
from watching import Publishing, Watching, eventually, together, token

ROUNDS = 5


def whole(watchers, last):
    """Each has 1 to `last` exactly once, in order, and was told of no gap."""
    assert [watcher.seqs == list(range(1, last + 1)) for watcher in watchers] == [True] * len(watchers)
    assert not any("gap" in watcher.kinds() for watcher in watchers)


def watching(gateways, count):
    """Half of them begin at each gateway."""
    ports = [gateway.port for gateway in gateways]
    return [Watching(ports[number % len(ports) :] + ports[: number % len(ports)]) for number in range(count)]


async def all_have(watchers, seq):
    await eventually(lambda: all(watcher.has >= seq for watcher in watchers))


async def test_killing_gateways_in_turn_loses_and_doubles_nothing(redis, gateways):
    pair = gateways(redis, 2)
    last = 400 * (ROUNDS + 1)
    watchers = watching(pair, 40)

    async def kill_in_turn(publishing):
        await publishing.up_to(400)
        await all_have(watchers, 1)
        for number in range(ROUNDS):
            # While events come in and go out.
            more = asyncio.create_task(publishing.up_to(400 * (number + 2) - 1))
            await eventually(lambda at=400 * number + 450: publishing.have >= at)
            gateway = pair[number % 2]
            gateway.kill()
            await more
            gateway.start()
            await asyncio.to_thread(gateway.wait_until_ready)
        await publishing.up_to(last)

    async with Publishing([gateway.port for gateway in pair], last) as publishing:
        await publishing.up_to(1)
        await together(kill_in_turn(publishing), *(watcher.to_the_end() for watcher in watchers))
    whole(watchers, last)
    assert sum(watcher.connects for watcher in watchers) >= 40 + 20 * ROUNDS


async def test_the_end_of_a_run_is_told_by_a_gateway_that_started_after_it(redis, gateways):
    (first,) = gateways(redis, 1)
    async with Publishing([first.port], last=300) as publishing:
        await publishing.up_to(300)
    first.kill()
    (late,) = gateways(redis, 1)
    fresh, back = Watching([late.port]), Watching([late.port], since="epoch-1:300")
    await together(fresh.to_the_end(), back.to_the_end())
    whole([fresh], 300)
    assert (back.seqs, back.kinds()) == ([], ["hello", "end"])


async def test_a_class_that_comes_back_at_once_gets_all_it_missed(redis, gateways):
    pair = gateways(redis, 2)
    watchers = [Watching([gateway.port for gateway in pair]) for _ in range(300)]

    async def storm(publishing):
        await publishing.up_to(200)
        await all_have(watchers, 200)
        pair[0].kill()
        await publishing.up_to(3000, at_once=100)

    async with Publishing([pair[1].port], last=3000) as publishing:
        await publishing.up_to(1)
        await together(storm(publishing), *(watcher.to_the_end() for watcher in watchers))
    whole(watchers, 3000)
    assert [watcher.connects for watcher in watchers] == [2] * 300


@pytest.mark.parametrize("keeps", [False, True], ids=["without a file", "with a file"])
async def test_a_redis_that_is_killed_costs_nothing(own_redis, gateways, keeps):
    """Without a file it has lost all: whoever shares the run sends it again, and each watcher goes on where he is."""
    redis = own_redis("--appendonly", "yes") if keeps else own_redis()
    pair = gateways(redis, 2)
    watchers = watching(pair, 20)

    async def restart(publishing):
        await publishing.up_to(500)
        await all_have(watchers, 300)
        more = asyncio.create_task(publishing.up_to(999))
        await eventually(lambda: publishing.have >= 600)
        redis.stop()
        await eventually(lambda: all(_is_told_why(watcher) for watcher in watchers))
        redis.start()
        await more
        await all_have(watchers, 999)
        await publishing.up_to(1000)

    async with Publishing([gateway.port for gateway in pair], last=1000) as publishing:
        await publishing.up_to(1)
        await together(restart(publishing), *(watcher.to_the_end() for watcher in watchers))
    whole(watchers, 1000)
    assert set(publishing.refused) == {503}
    assert [watcher.connects for watcher in watchers] == [1] * 20
    assert not any("Traceback" in gateway.printed for gateway in pair)


def _is_told_why(watcher):
    return any(
        message["kind"] == "producer" and not message["alive"] and "store" in message.get("reason", "")
        for message in watcher.told
    )


async def test_a_machine_that_is_restarted_costs_nothing(own_redis, gateways):
    """Redis and gateways end together and lose all. They are there again before whoever shares the run."""
    redis = own_redis()
    pair = gateways(redis, 2)
    watchers = watching(pair, 20)

    async def restart(publishing):
        await publishing.up_to(500)
        await all_have(watchers, 100)
        before = [watcher.connects for watcher in watchers]
        for one in (redis.stop, pair[0].kill, pair[1].kill, redis.start, pair[0].start, pair[1].start):
            one()
        for gateway in pair:
            await asyncio.to_thread(gateway.wait_until_ready)
        await eventually(lambda: all(503 in watcher.refused for watcher in watchers))
        assert [watcher.connects for watcher in watchers] == before
        await publishing.up_to(1000)

    async with Publishing([pair[1].port], last=1000) as publishing:
        await publishing.up_to(1)
        await together(restart(publishing), *(watcher.to_the_end() for watcher in watchers))
    whole(watchers, 1000)


async def test_a_position_in_a_log_that_is_no_more_is_told_and_the_other_log_comes_from_its_beginning(redis, gateways):
    pair = gateways(redis, 2)
    watchers = watching(pair, 4)
    async with Publishing([pair[0].port], last=0) as publishing:
        await publishing.up_to(50)
        await together(*(watcher.follow(lambda watcher=watcher: watcher.has == 50) for watcher in watchers))
    async with Publishing([pair[0].port], last=80, epoch="epoch-2") as publishing:
        await publishing.up_to(80)
    await together(*(watcher.to_the_end() for watcher in watchers))
    for watcher in watchers:
        # The first hello may still be of the old log: a gateway notices within a third of a second.
        assert [kind for kind in watcher.kinds() if kind != "hello"] == ["gap", "end"]
        assert watcher.kinds()[-3:] == ["gap", "hello", "end"]
        assert watcher.seqs == [*range(1, 51), *range(1, 81)]


async def test_what_is_brought_twice_is_relayed_once(redis, gateways):
    pair = gateways(redis, 2)
    watcher = Watching([pair[1].port])
    ports = [gateway.port for gateway in pair]

    async def twice():
        async with Publishing(ports, 300) as one, Publishing(ports[::-1], 300) as two:
            await asyncio.gather(one.up_to(300, at_once=7), two.up_to(300, at_once=11))
            one.have = two.have = 0
            await asyncio.gather(one.up_to(300), two.up_to(300))

    async with Publishing(ports, 300) as publishing:
        await publishing.up_to(1)
    await together(twice(), watcher.to_the_end())
    whole([watcher], 300)


async def test_a_producer_that_dies_is_told_and_that_he_came_back(redis, gateways):
    pair = gateways(redis, 2, lease=1.0)
    watchers = watching(pair, 10)

    def said(watcher):
        return [message["alive"] for message in watcher.told if message["kind"] == "producer"]

    async def die():
        async with Publishing([pair[0].port], last=200) as publishing:
            await publishing.up_to(100)
        await eventually(lambda: all(said(watcher)[-1:] == [False] for watcher in watchers))
        await all_have(watchers, 100)
        async with Publishing([pair[1].port], last=200) as publishing:
            beating = asyncio.create_task(publishing.keep_up())
            await eventually(lambda: all(said(watcher)[-1:] == [True] for watcher in watchers))
            beating.cancel()
            await publishing.up_to(200)

    async with Publishing([pair[0].port], last=200) as publishing:
        await publishing.up_to(1)
    await together(die(), *(watcher.to_the_end() for watcher in watchers))
    whole(watchers, 200)


async def test_a_room_goes_on_at_the_other_gateway(redis, gateways):
    pair = gateways(redis, 2)
    async with Publishing([pair[1].port], last=100, run="one", epoch="e1", room="class") as first:
        await first.up_to(50)
        watcher = Watching([gateway.port for gateway in pair], "/flows/class/stream", token("room:class"))

        async def teach():
            await eventually(lambda: watcher.has == 50)
            pair[0].kill()
            await first.up_to(100)
            async with Publishing([pair[1].port], last=60, run="two", epoch="e2", room="class") as second:
                await second.up_to(60)

        await together(teach(), watcher.follow(lambda: watcher.kinds().count("end") == 2))
    # A helper that follows one run says only where he is in that one, so the first may be told anew: not in the middle.
    assert watcher.seqs[-60:] == list(range(1, 61))
    assert set(watcher.seqs) == set(range(1, 101))


async def test_seats_of_a_gateway_that_was_killed_are_free_again(redis, gateways):
    pair = gateways(redis, 2, lease=1.0)
    async with Publishing([pair[1].port]) as publishing:
        await publishing.up_to(10)
    seats = token(seats=3)
    ports = [gateway.port for gateway in pair]
    first = [Watching([ports[0]], token=seats) for _ in range(3)]
    holding = [asyncio.create_task(watcher.follow(lambda: False)) for watcher in first]
    await eventually(lambda: all(watcher.has == 10 for watcher in first))
    late = Watching([ports[1]], token=seats)
    waiting = asyncio.create_task(late.follow(lambda: late.has == 10))
    pair[0].kill()
    async with asyncio.timeout(HANG):
        await waiting
    assert late.seqs == list(range(1, 11))
    for task in holding:
        task.cancel()
