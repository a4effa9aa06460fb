"""Where no WebSocket gets through: the same events, as server-sent events and by long poll."""

import asyncio
import json

import httpx
import pytest
from doubles import HANG
from small_events import batch
from watching import eventually, token


@pytest.fixture
def server(serve):
    made = serve(heartbeat=0.2)
    publish(made, 1, 5)
    return made


def publish(server, *args, **fields):
    server.wait_for(server.gateway.store.publish(batch(*args, **fields)))


def client(server, text=None, **headers):
    headers = {"Authorization": f"Bearer {text or token()}", **headers}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=HANG, trust_env=False)


def seqs(messages):
    return [event["seq"] for message in messages for event in message.get("events", [])]


class Stream:
    """Server-sent events: the messages, the id of the last one, and how many comments there were."""

    def __init__(self):
        self.messages, self.id, self.beats = [], "", 0

    async def read(self, client, enough, path="/runs/run-1/events", **headers):
        async with client.stream("GET", path, headers={"Accept": "text/event-stream", **headers}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                self.beats += line == ": beat"
                if line.startswith("id: "):
                    self.id = line[4:]
                elif line.startswith("data: "):
                    self.messages.append(json.loads(line[6:]))
                if enough():
                    return


async def test_a_stream_goes_on_where_it_was(server):
    stream = Stream()
    async with client(server) as http:
        await stream.read(http, lambda: seqs(stream.messages) == [1, 2, 3, 4, 5])
        assert stream.id == "epoch-1:5"
        publish(server, 6, 9, last=9)
        await stream.read(http, lambda: False, **{"Last-Event-ID": stream.id})
    assert seqs(stream.messages) == list(range(1, 10))
    assert stream.messages[-1]["kind"] == "end"


async def test_who_has_all_of_a_run_that_is_over_is_told_not_to_come_back(server):
    publish(server, 6, 9, last=9)
    stream = Stream()
    async with client(server) as http:
        await stream.read(http, lambda: False)
        headers = {"Accept": "text/event-stream", "Last-Event-ID": stream.id}
        assert (await http.get("/runs/run-1/events", headers=headers)).status_code == 204


async def test_a_link_that_is_closed_ends_its_streams_and_polls(server):
    stream = Stream()
    async with client(server, token(link="mine")) as http:
        reading = asyncio.create_task(stream.read(http, lambda: False))
        await eventually(lambda: seqs(stream.messages) == [1, 2, 3, 4, 5])
        polling = asyncio.create_task(http.get("/runs/run-1/events?since=epoch-1:5"))
        await eventually(lambda: len(server.gateway.here) == 2)
        server.call(server.gateway.close_link, "mine", "closed")
        async with asyncio.timeout(HANG):
            await reading
            assert seqs((await polling).json()["messages"]) == []
    await eventually(lambda: not server.gateway.here)


@pytest.mark.parametrize("path", ["events", "agui"])
async def test_a_stream_without_a_seat_is_refused_in_words(server, path):
    stream = Stream()
    headers = {"Accept": "text/event-stream"}
    async with client(server, token(seats=1, link="one")) as http:
        reading = asyncio.create_task(stream.read(http, lambda: False))
        await eventually(lambda: bool(stream.messages))
        answer = await http.get(f"/runs/run-1/{path}", headers=headers)
        assert answer.status_code == 429
        assert "seats of this link are taken" in answer.json()["error"]
        reading.cancel()


async def test_who_is_far_behind_polls_several_times(serve):
    server = serve()
    server.wait_for(server.gateway.store.publish(batch(1, 30_000)))
    have, polls = [], 0
    async with client(server) as http:
        since = ""
        while len(have) < 30_000:
            answer = (await http.get(f"/runs/run-1/events?wait=0&since={since}")).json()
            since, polls = answer["since"], polls + 1
            have += seqs(answer["messages"])
    assert have == list(range(1, 30_001))
    assert polls > 1


async def test_a_stream_shows_that_it_lives(server):
    stream = Stream()
    async with client(server) as http:
        await stream.read(http, lambda: stream.beats == 2)


async def test_whoever_leaves_a_stream_is_gone(server):
    stream = Stream()
    async with client(server) as http:
        await stream.read(http, lambda: bool(stream.messages))
    await eventually(lambda: not server.wait_for(server.gateway.store.log("run-1")).watchers)


async def test_a_poll_gives_what_is_new_or_waits_for_it(server):
    async with client(server) as http:
        first = (await http.get("/runs/run-1/events")).json()
        assert seqs(first["messages"]) == [1, 2, 3, 4, 5]
        waiting = asyncio.create_task(http.get("/runs/run-1/events", params={"since": first["since"]}))
        await eventually(lambda: server.wait_for(server.gateway.store.log("run-1")).watchers == 1)
        publish(server, 6, 6)
        second = (await waiting).json()
    assert seqs(second["messages"]) == [6]
    assert second["since"] == "epoch-1:6"


async def test_a_poll_in_a_room_goes_from_run_to_run(server):
    publish(server, 1, 3, run="one", epoch="e1", room="class")
    async with client(server, token("room:class")) as http:
        first = (await http.get("/flows/class/events")).json()
        publish(server, 1, 2, run="two", epoch="e2", room="class")
        second = (await http.get("/flows/class/events", params={"since": first["since"]})).json()
    assert seqs(first["messages"]) == [1, 2, 3]
    assert seqs(second["messages"]) == [1, 2]
    assert second["since"] == "e1:3,e2:2"


async def test_a_poll_is_told_of_a_gap(server):
    async with client(server) as http:
        answer = (await http.get("/runs/run-1/events", params={"since": "another:3"})).json()
    assert [message["kind"] for message in answer["messages"]] == ["gap", "hello", "frame"]
