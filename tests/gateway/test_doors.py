"""Who is let in, and what the others are told: before a socket is accepted, as HTTP."""

import asyncio
import json

import httpx
import jwt
import pytest
from small_events import batch, events
from watching import Watching, eventually, token
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from lfwidget.gateway.tokens import LEEWAY


@pytest.fixture
def server(serve):
    made = serve(per_run=3)
    made.wait_for(made.gateway.store.publish(batch(1, 5, room="class")))
    made.wait_for(made.gateway.store.publish(batch(1, 5, run="run-2")))
    return made


async def refused(server, path="/runs/run-1/stream", headers=(), **options):
    """The status and the words of a refusal, with what else was said."""
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(
            f"ws://127.0.0.1:{server.port}{path}", additional_headers=dict(headers), proxy=None, **options
        ):
            pass
    response = refusal.value.response
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, json.loads(response.body)["error"]


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


async def ask(server, method, path, text=None, **options):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        return await client.request(method, path, headers=bearer(text or token("*", "publish", subject="t")), **options)


# Tokens


def stripped():
    head = jwt.encode({"aud": "lfwidget", "exp": 4e9, "jti": "x", "scope": "*", "can": "view"}, None, "none")
    return head + token().rpartition(".")[2]


FALSE = {
    "none": ({}, "a link with a token is needed"),
    "nonsense": (bearer("nonsense"), "not one of this gateway"),
    "forged": (bearer(token(secret="another secret, which is long enough, too")), "not one of this gateway"),
    "stripped": (bearer(stripped()), "not one of this gateway"),
    "cut short": (bearer(token()[:-4]), "was it copied whole?"),
    "expired": (bearer(token(lifetime=-LEEWAY - 5)), "expired: ask for a new one"),
    "in another scheme": ({"Authorization": f"Basic {token()}"}, "a link with a token is needed"),
    "a cookie": ({"Cookie": f"token={token()}"}, "a link with a token is needed"),
}


@pytest.mark.parametrize("name", FALSE)
async def test_without_a_good_token_nobody_comes_in(server, name):
    headers, words = FALSE[name]
    status, told = await refused(server, headers=headers)
    assert status == 401
    assert words in told
    for path in ("/runs/run-1/events", "/flows/class/events"):
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}{path}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "since"])
async def test_a_token_in_the_address_is_none(server, name):
    status, _ = await refused(server, f"/runs/run-1/stream?{name}={token()}")
    assert status == 401


async def test_a_token_of_another_run_opens_only_that(server):
    assert (await refused(server, "/runs/run-2/stream", bearer(token())))[0] == 403
    assert (await refused(server, "/flows/class/stream", bearer(token())))[0] == 403
    assert (await refused(server, "/ws/stream/left?run=run-2", bearer(token())))[0] == 403


async def test_a_token_of_a_room_opens_its_runs_and_no_others(server):
    watcher = Watching([server.port], token=token("room:class"))
    await watcher.follow(lambda: watcher.has == 5)
    assert (await refused(server, "/runs/run-2/stream", bearer(token("room:class"))))[0] == 403


async def test_clocks_may_differ_a_little(server):
    watcher = Watching([server.port], token=token(lifetime=-LEEWAY / 2))
    await watcher.follow(lambda: watcher.has == 5)


async def test_a_browser_hands_its_token_in_as_a_subprotocol_which_is_not_confirmed(server):
    address = f"ws://127.0.0.1:{server.port}/runs/run-1/stream"
    async with connect(address, subprotocols=["lfwidget.v1", f"token.{token()}"], proxy=None) as socket:
        assert socket.subprotocol == "lfwidget.v1"
        assert json.loads(await socket.recv())["kind"] == "hello"
    assert (await refused(server, subprotocols=["lfwidget.v1", "token.forged"]))[0] == 401


async def test_a_link_that_was_closed_lets_nobody_in(server):
    teacher = token("*", "publish", subject="teacher")
    text = (await ask(server, "POST", "/links", teacher, json={"scope": "run:run-1"})).json()["token"]
    other = token("*", "publish", subject="other")
    assert (await ask(server, "POST", "/links/closed", other, json={"token": text})).status_code == 403
    assert (await ask(server, "POST", "/links/closed", teacher, json={"token": text})).status_code == 200
    status, words = await refused(server, headers=bearer(text))
    assert (status, words) == (401, "this link was closed by whoever shared it")


# Where from


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1.evil"])
async def test_pages_of_other_sites_are_refused(server, origin):
    status, words = await refused(server, headers={**bearer(token()), "Origin": origin})
    assert status == 403
    assert "origin" in words


async def test_the_gateways_own_page_and_those_that_were_allowed_come_in(serve):
    server = serve(origins=("https://class.example",))
    server.wait_for(server.gateway.store.publish(batch(1, 5)))
    for origin in (f"http://127.0.0.1:{server.port}", "https://class.example"):
        address = f"ws://127.0.0.1:{server.port}/runs/run-1/stream"
        async with connect(address, additional_headers={**bearer(token()), "Origin": origin}, proxy=None) as socket:
            assert json.loads(await socket.recv())["kind"] == "hello"


# What for


async def test_what_is_not_there_is_told(server):
    status, words = await refused(server, "/runs/nowhere/stream", bearer(token("run:nowhere")))
    assert status == 404
    assert "no such run" in words
    assert (await refused(server, "/flows/nowhere/stream", bearer(token("room:nowhere"))))[0] == 404


@pytest.mark.parametrize("since", ["x", "-5", "epoch-1:", "1.5"])
async def test_a_position_that_is_none_is_told(server, since):
    status, words = await refused(server, f"/runs/run-1/stream?since={since}", bearer(token()))
    assert status == 400
    assert "since=" in words


# How many


async def test_a_link_has_seats(server):
    text = token(seats=1)
    watcher = Watching([server.port], token=text)
    async with watcher.open(server.port) as socket:
        await watcher.read(socket, lambda: watcher.has == 5)
        status, words = await refused(server, headers=bearer(text))
        assert status == 429
        assert "all 1 seats" in words
    await watcher.follow(lambda: watcher.connects == 1)


async def test_a_run_has_so_many_watchers(server):
    sockets = [await Watching([server.port]).open(server.port) for _ in range(3)]
    status, words = await refused(server, headers=bearer(token()))
    assert (status, words) == (429, "3 watch this already")
    for socket in sockets:
        await socket.close()


async def test_an_address_has_so_many_connections_and_gets_them_back(serve):
    server = serve(per_address=2)
    server.wait_for(server.gateway.store.publish(batch(1, 5)))
    sockets = [await Watching([server.port]).open(server.port) for _ in range(2)]
    assert (await refused(server, headers=bearer(token())))[0] == 429
    for socket in sockets:
        await socket.close()
    await eventually(lambda: not server.gateway.here)
    watcher = Watching([server.port])
    await watcher.follow(lambda: watcher.has == 5)


async def test_an_address_may_ask_only_so_often(serve):
    server = serve(connects=0.5)
    server.wait_for(server.gateway.store.publish(batch(1, 5)))
    answers = [await ask(server, "GET", "/runs/run-1/events", token()) for _ in range(7)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert answers[-1].status_code == 429
    assert (await refused(server, headers=bearer(token())))[1] == "too many requests from this address: wait a moment"
    # Also with tokens that are guessed.
    assert (await refused(server, headers=bearer("guess")))[0] == 429


# Producers


async def test_a_link_for_watchers_brings_nothing_in(server):
    for right in ("view", "run"):
        body = {"epoch": "e", "first": 1, "events": events(1, 3)}
        answer = await ask(server, "POST", "/runs/run-1/events", token("run:run-1", right), json=body)
        assert answer.status_code == 403
        for method, path in (("DELETE", "/runs/run-1"), ("POST", "/links"), ("POST", "/links/closed")):
            assert (await ask(server, method, path, token("run:run-1", right))).status_code == 403


BODIES = {
    "no JSON": (b"{", "this is no JSON"),
    "no object": (b"[]", "a JSON object is wanted"),
    "very deep": (b"[" * 100_000, "this is no JSON"),
    "no epoch": (json.dumps({"first": 1, "events": []}).encode(), "epoch is a name"),
    "an epoch that is no name": (json.dumps({"epoch": "a:b", "first": 1}).encode(), "epoch is a name"),
    "no first": (json.dumps({"epoch": "e", "events": []}).encode(), "first="),
    "first is 0": (json.dumps({"epoch": "e", "first": 0, "events": []}).encode(), "first="),
    "no list": (json.dumps({"epoch": "e", "first": 1, "events": {}}).encode(), "first="),
    "a room that is no name": (json.dumps({"epoch": "e", "first": 1, "room": "../x"}).encode(), "room is a name"),
    "no event": (json.dumps({"epoch": "e", "first": 1, "events": [7]}).encode(), "this is no event"),
    "another seq": (json.dumps({"epoch": "e", "first": 1, "events": events(2, 3)}).encode(), "stands where 1"),
    "a number that JSON does not have": (
        b'{"epoch":"e","first":1,"events":[{"seq":1,"t":0,"kind":"new","value":NaN}]}',
        "this is no event",
    ),
    "a number that is too large": (
        b'{"epoch":"e","first":1,"events":[{"seq":1,"t":0,"kind":"new","value":1e999}]}',
        "this is no event",
    ),
    "half a character": (
        b'{"epoch":"e","first":1,"events":[{"seq":1,"t":0,"kind":"log","level":"info","message":"\\ud800"}]}',
        "this is no event",
    ),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_batch_that_is_none_is_refused_in_words(server, name):
    body, words = BODIES[name]
    answer = await ask(server, "POST", "/runs/new/events", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert server.wait_for(server.gateway.store.log("new")) is None


async def test_a_batch_that_is_too_large_is_refused(serve):
    server = serve(largest_batch=10_000)
    answer = await ask(server, "POST", "/runs/new/events", json={"epoch": "e", "first": 1, "events": events(1, 200)})
    assert answer.status_code == 413


async def test_a_kind_that_nobody_knows_yet_is_relayed_whatever_its_node_is(server):
    event = {"seq": 1, "t": 0.0, "kind": "from the future", "node": {"id": 1}}
    answer = await ask(server, "POST", "/runs/new/events", json={"epoch": "e", "first": 1, "events": [event]})
    assert answer.json()["have"] == 1
    answer = await ask(server, "GET", "/runs/new/events?node=x", token("run:new"))
    assert answer.json()["messages"][-1]["events"] == [event]


async def test_the_run_of_somebody_else_is_not_taken_over(server):
    body = {"epoch": "e", "first": 1, "events": events(1, 3)}
    answer = await ask(server, "POST", "/runs/run-1/events", token("*", "publish", subject="other"), json=body)
    assert (answer.status_code, answer.json()) == (403, {"error": "somebody else shares run-1 here"})


async def test_nobody_hands_out_or_ends_what_somebody_else_shares(server):
    other = token("*", "publish", subject="other")
    made = await ask(server, "POST", "/links", other, json={"scope": "run:run-1"})
    ended = await ask(server, "DELETE", "/runs/run-1", other)
    read = await ask(server, "GET", "/runs/run-1/events?wait=0", other)
    assert (read.status_code, read.json()) == (403, {"error": "somebody else shares this: ask for a link to it"})
    everything = await ask(server, "POST", "/links", other, json={"scope": "*"})
    assert everything.status_code == 400
    for answer in (made, ended):
        assert (answer.status_code, answer.json()) == (403, {"error": "somebody else shares run-1 here"})


async def test_a_store_that_is_away_is_503_for_all(own_redis, serve):
    redis = own_redis()
    server = serve(redis=redis.url)
    body = {"epoch": "e", "first": 1, "events": events(1, 3)}
    assert (await ask(server, "POST", "/runs/run-1/events", json=body)).status_code == 200
    redis.stop()
    answer = await ask(server, "POST", "/runs/run-1/events", json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "try again" in answer.json()["error"]
    assert (await ask(server, "GET", "/runs/run-1/events", token())).status_code == 503
    status, words = await refused(server, headers=bearer(token()))
    assert status == 503
    assert "try again" in words
    assert (await ask(server, "GET", "/healthz")).status_code == 200


async def test_server_sent_events_and_polls_have_the_same_seats(server):
    text = token(seats=1)
    url = f"http://127.0.0.1:{server.port}/runs/run-1/events"
    headers = {**bearer(text), "Accept": "text/event-stream"}
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        async with asyncio.timeout(30):
            while not (line := await anext(lines)).startswith("data: "):
                pass
        assert json.loads(line[6:])["kind"] == "hello"
        assert (await refused(server, headers=bearer(text)))[0] == 429
    await eventually(lambda: not server.wait_for(server.gateway.store.log("run-1")).watchers)
    assert (await ask(server, "GET", "/runs/run-1/events", text)).status_code == 200
