import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_events import batch, event

from lfwidget.gateway.following import Following, positions
from lfwidget.gateway.memory_store import MemoryStore
from lfwidget.gateway.settings import Settings


async def taken(following, most=10_000):
    """The messages that are ready, or the first of them."""
    found = []
    async for text in following.ready():
        found.append(json.loads(text))
        if len(found) == most:
            break
    return found


def seqs(messages):
    return [event["seq"] for message in messages if message["kind"] == "frame" for event in message["events"]]


def kinds(messages):
    return [message["kind"] for message in messages]


async def a_store(upto=0, last=0, **settings):
    store = MemoryStore(Settings(**settings))
    if upto:
        await store.publish(batch(1, upto, last))
    return store


async def follow(store, since="", nodes=None, run="run-1"):
    return Following(store, await store.log(run), None, since=positions(since), nodes=nodes)


# Where a watcher goes on


@pytest.mark.parametrize(
    ("text", "meant"),
    [("", []), ("7", [("", 7)]), ("abc:7", [("abc", 7)]), ("a:1,b:2", [("a", 1), ("b", 2)]), ("a:b:3", [("a:b", 3)])],
)
def test_a_position_is_read(text, meant):
    assert positions(text) == meant


@pytest.mark.parametrize("text", ["x", "-1", "a:", "a:-2", "1.5", "٣", "9" * 17, "e" * 65 + ":1", " 1"])
def test_what_is_no_position_is_refused(text):
    with pytest.raises(ValueError, match="since="):
        positions(text)


Step = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 40)),
    st.tuples(st.just("read"), st.integers(1, 4)),
    st.tuples(st.just("come back"), st.booleans()),
)


@given(st.lists(Step, max_size=30), st.integers(1, 25))
def test_whoever_reads_in_any_pattern_of_reconnects_has_each_event_once_and_in_order(steps, keep):
    async def check():
        store = await a_store(1, keep_events=keep)
        total, have, since = 1, [], ""
        following = await follow(store)
        for step, value in [*steps, ("publish", 1), ("come back", True), ("read", 1000)]:
            if step == "publish":
                await store.publish(batch(total + 1, total + value))
                total += value
            elif step == "come back":
                following.close()
                following = await follow(store, since if value else since.rpartition(":")[2])
            else:
                for message in await taken(following, value):
                    have += seqs([message])
                    assert message["kind"] in ("hello", "frame")
                    since = f"epoch-1:{message['seq']}" if message["kind"] == "frame" else since
        following.close()
        assert have == list(range(1, total + 1))
        assert not (await store.log("run-1")).watched

    asyncio.run(check())


async def test_a_position_in_another_log_is_told_as_a_gap():
    following = await follow(await a_store(5), "another:3")
    gap, hello, frame = await taken(following)
    assert (gap["kind"], gap["epoch"], gap["from"], gap["to"]) == ("gap", "epoch-1", 1, 0)
    assert hello["epoch"] == "epoch-1"
    assert seqs([frame]) == [1, 2, 3, 4, 5]


async def test_of_several_positions_the_one_in_this_log_counts():
    following = await follow(await a_store(5), "another:3,epoch-1:4,third:1")
    messages = await taken(following)
    assert kinds(messages) == ["hello", "frame"]
    assert seqs(messages) == [5]


async def test_a_log_that_is_replaced_while_a_watcher_reads_is_told_before_its_events():
    """The frames of a long log are sent one by one, and another log may come meanwhile."""
    store = await a_store(30)
    log = await store.log("run-1")
    following = await follow(store)
    reading = following.ready()
    hello, frame = [json.loads(await anext(reading)) for _ in range(2)]
    assert (hello["epoch"], frame["seq"]) == ("epoch-1", 30)
    await store.publish(batch(1, 60, epoch="epoch-2"))
    assert [text async for text in reading] == []
    messages = await taken(following)
    assert kinds(messages) == ["gap", "hello", "frame"]
    assert seqs(messages) == list(range(1, 61))
    assert log is await store.log("run-1")


async def test_the_end_is_told_once_and_after_the_last_event():
    following = await follow(await a_store(5, last=5))
    assert kinds(await taken(following)) == ["hello", "frame", "end"]
    assert await taken(following) == []
    assert following.over


async def test_the_end_is_told_to_who_has_all_events_already():
    following = await follow(await a_store(5, last=5), "epoch-1:5")
    assert kinds(await taken(following)) == ["hello", "end"]


async def test_a_lost_producer_is_told_and_that_he_is_back():
    store = await a_store(1)
    following = await follow(store)
    log = await store.log("run-1")
    assert kinds(await taken(following)) == ["hello", "frame"]
    log.set_alive(alive=False, reason="the store is away")
    (lost,) = await taken(following)
    log.set_alive(alive=True)
    (back,) = await taken(following)
    assert lost == {"kind": "producer", "run": "run-1", "alive": False, "reason": "the store is away"}
    assert back == {"kind": "producer", "run": "run-1", "alive": True}


# Which nodes


def of(nodes, upto):
    chosen = {"", *nodes}
    return [seq for seq in range(1, upto + 1) if (event(seq).get("node") or "") in chosen]


async def test_whoever_chose_a_node_is_told_of_that_and_of_the_run():
    following = await follow(await a_store(20), nodes=["right"])
    assert seqs(await taken(following)) == of(["right"], 20)


Choice = st.sampled_from(["publish", "read one", "read", "choose"])


@given(st.lists(Choice, max_size=20), st.integers(1, 30))
def test_a_node_that_is_chosen_later_is_told_of_from_its_beginning_and_nothing_twice(steps, keep):
    async def check():
        store = await a_store(15, keep_events=keep)
        total, have, chosen = 15, [], False
        following = await follow(store, nodes=["left"])
        reading = following.ready()
        for step in [*steps, "choose", "read", "read"]:
            if step == "publish":
                await store.publish(batch(total + 1, total + 15))
                total += 15
            elif step == "choose" and not chosen:
                following.choose(["left", "right"])
                chosen = True
            elif step == "read one":
                have += [json.loads(text) for text in [await anext(reading, "{}")] if text != "{}"]
            elif step == "read":
                have += [json.loads(text) async for text in reading]
                reading = following.ready()
        assert sorted(seqs(have)) == of(["left", "right"], total)
        for node in ("left", "right"):
            mine = [seq for seq in seqs(have) if event(seq).get("node") == node]
            assert mine == sorted(mine)

    asyncio.run(check())


async def test_whoever_chooses_all_nodes_gets_those_he_did_not_have():
    following = await follow(await a_store(20), nodes=["left"])
    before = seqs(await taken(following))
    following.choose(None)
    assert sorted(before + seqs(await taken(following))) == list(range(1, 21))


async def test_whoever_chooses_less_is_told_less():
    store = await a_store(20)
    following = await follow(store)
    await taken(following)
    following.choose(["right"])
    await store.publish(batch(21, 40))
    assert seqs(await taken(following)) == [seq for seq in of(["right"], 40) if seq > 20]


# In a room


async def test_a_room_leads_to_its_newest_run_and_to_those_that_follow():
    store = await a_store()
    await store.publish(batch(1, 3, run="one", epoch="e1", room="class"))
    await store.publish(batch(1, 4, run="two", epoch="e2", room="class"))
    following = Following(store, None, await store.room("class"))
    room, *messages = await taken(following)
    assert (room["kind"], room["room"]) == ("room", "class")
    assert {message["run"] for message in messages} == {"two"}
    await store.publish(batch(1, 5, run="three", epoch="e3", room="class"))
    messages = await taken(following)
    assert {message["run"] for message in messages} == {"three"}
    assert seqs(messages) == [1, 2, 3, 4, 5]
    assert following.position == "e2:4,e3:5"


async def test_whoever_comes_back_to_a_room_goes_on_in_each_of_his_runs():
    store = await a_store()
    for name in ("one", "two", "three"):
        await store.publish(batch(1, 5, run=name, epoch=f"of-{name}", room="class"))
    following = Following(store, None, await store.room("class"), since=positions("of-two:3"))
    messages = await taken(following)
    assert {(message["run"], seq) for message in messages for seq in seqs([message])} == {
        ("two", 4),
        ("two", 5),
        *(("three", seq) for seq in range(1, 6)),
    }


async def test_a_run_that_is_shared_again_in_its_room_goes_on_where_the_watcher_is():
    store = await a_store()
    await store.publish(batch(1, 5, room="class"))
    following = Following(store, None, await store.room("class"))
    assert seqs(await taken(following)) == [1, 2, 3, 4, 5]
    await store.withdraw("run-1")
    assert await taken(following) == []
    await store.publish(batch(1, 8, room="class"))
    assert seqs(await taken(following)) == [6, 7, 8]


async def test_nobody_is_left_in_a_room_that_was_left():
    store = await a_store(3)
    await store.publish(batch(4, 4, room="class"))
    room = await store.room("class")
    following = Following(store, None, room)
    await taken(following)
    assert room.watchers == 1
    following.close()
    assert (room.watchers, room.watched, (await store.log("run-1")).watched) == (0, False, False)
