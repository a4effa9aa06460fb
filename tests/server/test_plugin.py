"""Our plugin in a real LangFlow server: whoever may use LangFlow watches his own runs there, and nobody else's."""

import asyncio
import contextlib
import json

import flows as small
import httpx
import pytest
from langflow_server import LangFlowServer
from servers.openai_server import Script
from servers.tcp_proxy import TcpProxy
from test_real_server import AGENT, MODEL, OUT, SECOND, TOOL, WORDS, Cast, ended, heard, remarks, streamed
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lfwidget.errors import ComponentError, RunCancelledError
from lfwidget.flow import Flow
from lfwidget.runners.langflow.server.runner import ServerRunner

HANG = 120.0
"""Seconds."""
BY_SOCKET = "watched over the socket of lfwidget's plugin"


@pytest.fixture(scope="module")
def server(models_of_session, tmp_path_factory):
    """A server of its own, with the plugin switched on."""
    on = LangFlowServer(tmp_path_factory.mktemp("langflow"), models_of_session.url, LFWIDGET_LANGFLOW_SOCKET="1")
    try:
        on.start()
        on.flows = small.added_to(on)
        on.stranger = on.add_user("somebody-else")
        on.token = on.access_token()
        yield on
    finally:
        on.stop()


@pytest.fixture
def key(server):
    return {"x-api-key": server.api_key}


@pytest.fixture
async def client(server, key):
    async with httpx.AsyncClient(base_url=server.url, headers=key, timeout=HANG) as client:
        yield client


@pytest.fixture
def begin(server, client):
    """Starts a run as LangFlow's own client would; gives the id of the job."""

    async def make(name="Basic", **more):
        body = {"flow_id": server.flows[name], "input_value": "hello", "session_id": f"s-{name}-{id(object())}"}
        body |= {"mode": "background", "stream_protocol": "langflow", **more}
        return (await client.post("/api/v2/workflows", json=body)).raise_for_status().json()["job_id"]

    return make


@pytest.fixture
def flow(server):
    def make(name, url=None, **options):
        return Flow(ServerRunner.find(url or server.url, server.flows[name], api_key=server.api_key, **options))

    return make


def socket(server, path, headers=None, **options):
    url = server.url.replace("http", "ws", 1)
    return connect(f"{url}{path}", additional_headers=headers or {}, **options)


async def events_of(messages, until=None):
    """The events that a watcher is told, to the end, or until one is of this kind."""
    found = []
    async with asyncio.timeout(HANG):
        async for text in messages:
            message = json.loads(text)
            found += message.get("events", ())
            if message["kind"] == "end" or (until and any(event["kind"] == until for event in found)):
                break
    return found


async def watch(server, path, headers, until=None):
    async with socket(server, path, headers) as messages:
        return await events_of(messages, until)


def tokens_in(events, node):
    tokens = []
    for event in events:
        if event["kind"] == "node.delta" and event["node"] == node:
            text = event["text"]
            for cut in event["cuts"]:
                tokens.append(text[:cut])
                text = text[cut:]
    return tokens


def kinds(events, node):
    return [
        event["kind"] for event in events if event.get("node") == node and event["kind"] not in ("node.delta", "log")
    ]


# Who comes in


@pytest.mark.parametrize("way", ["none", "wrong key", "key in the address", "cookie"])
async def test_nobody_comes_in_without_a_key_of_langflow(server, begin, key, models, way):
    run = await begin()
    await watch(server, f"/runs/{run}/stream", key)
    headers = {"wrong key": {"x-api-key": "sk-wrong"}, "cookie": {"cookie": f"access_token_lf={server.token}"}}
    query = f"x-api-key={server.api_key}&token={server.token}" if way == "key in the address" else ""
    for path in (f"/runs/{run}/stream", f"/ws/stream/{MODEL}?run={run}"):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(server, f"{path}{'&' if '?' in path else '?'}{query}", headers.get(way)):
                pass
        assert refused.value.response.status_code == 401
    async with httpx.AsyncClient(base_url=server.url, headers=headers.get(way)) as stranger:
        for path in ("/runs", f"/runs/{run}/events"):
            assert (await stranger.get(f"{path}?{query}")).status_code == 401


async def test_a_run_of_somebody_else_is_not_there(server, begin, key, models):
    run = await begin()
    await watch(server, f"/runs/{run}/stream", key)
    stranger = {"x-api-key": server.stranger}
    for path in (f"/runs/{run}/stream", f"/ws/stream/{MODEL}?run={run}", "/runs/no-such-run/stream"):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(server, path, stranger):
                pass
        assert refused.value.response.status_code == 404
    async with httpx.AsyncClient(base_url=server.url, headers=stranger) as other:
        assert (await other.get(f"/runs/{run}/events")).status_code == 404
        assert (await other.get("/runs")).json()["runs"] == []


async def test_a_page_of_another_site_is_refused(server, begin, key, models):
    run = await begin()
    with pytest.raises(InvalidStatus) as refused:
        async with socket(server, f"/runs/{run}/stream", {**key, "Origin": "https://elsewhere.example"}):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("form", ["bearer", "token of a browser", "key of a browser"])
async def test_an_access_token_opens_it_too_and_a_browser_can_send_it(server, begin, models, form):
    token = server.api_key if form == "key of a browser" else server.token
    run = await begin()
    options = {"subprotocols": ["lfwidget.v1", f"token.{token}"]} if "browser" in form else {}
    headers = {"Authorization": f"Bearer {token}"} if form == "bearer" else None
    async with socket(server, f"/runs/{run}/stream", headers, **options) as messages:
        assert messages.subprotocol == ("lfwidget.v1" if options else None)
        assert (await events_of(messages))[-1]["kind"] == "run.finished"


async def test_the_page_is_there_and_langflow_is_as_it_was(client, server):
    page = await client.get("/runs/any")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await client.get("/static/live.js")).is_success
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert "lfwidget" not in json.dumps((await client.get("/openapi.json")).json())
    assert "Loaded plugin: lfwidget" in server.log()


async def test_without_the_switch_nothing_is_there(langflow):
    async with httpx.AsyncClient(base_url=langflow.url, headers={"x-api-key": langflow.api_key}) as client:
        assert (await client.get("/runs")).status_code == 404


# What is told


async def test_each_token_comes_with_its_node_and_each_start_is_told(server, begin, key, models):
    said = {"A": [f"a{i} " for i in range(12)], "B": [f"b{i} " for i in range(9)]}
    models.script = Cast(parts={f"You are {name}.": Script(tokens=tokens) for name, tokens in said.items()})
    events = await watch(server, f"/runs/{await begin('Parallel')}/stream", key)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    assert events[0]["kind"] == "run.started"
    assert events[0]["input"] == "hello"
    assert tokens_in(events, MODEL) == said["A"]
    assert tokens_in(events, SECOND) == said["B"]
    for node in (MODEL, SECOND, OUT):
        assert kinds(events, node) == ["node.started", "node.finished"]
    assert events[-1]["kind"] == "run.finished"
    assert events[-1]["usage"]["output_tokens"] == 21


async def test_an_agent_speaks_in_its_own_name(server, begin, key, models):
    call = {"id": "call_1", "name": "evaluate_expression", "args": ['{"expression":', ' "6*7"}']}
    models.script = Cast(tool_calls=[call], parts={'"role": "tool"': Script(tokens=["It ", "is ", "42."])})
    events = await watch(server, f"/runs/{await begin('Agent')}/stream", key)
    assert tokens_in(events, AGENT) == ["It ", "is ", "42."]
    assert kinds(events, TOOL) == ["node.started", "node.finished"]
    assert events[-1]["output"] == "It is 42."


async def test_one_node(server, begin, key, models):
    models.script = Script(tokens=WORDS)
    events = await watch(server, f"/ws/stream/{MODEL}?run={await begin()}", key)
    assert tokens_in(events, MODEL) == WORDS
    assert {event.get("node", "") for event in events} == {"", MODEL}


async def test_as_server_sent_events_and_by_poll(begin, client, models):
    models.script = Script(tokens=WORDS)
    run = await begin()
    told = []
    async with (
        asyncio.timeout(HANG),
        client.stream("GET", f"/runs/{run}/events", headers={"Accept": "text/event-stream"}) as answer,
    ):
        async for line in answer.aiter_lines():
            told += json.loads(line[6:]).get("events", ()) if line.startswith("data: ") else ()
    assert tokens_in(told, MODEL) == WORDS
    polled = (await client.get(f"/runs/{run}/events")).json()
    assert [event for message in polled["messages"] for event in message.get("events", ())] == told


async def test_who_comes_late_gets_all_and_who_comes_back_gets_the_rest(server, begin, key, models):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = await begin()
    first = await watch(server, f"/runs/{run}/stream", key, until="node.delta")
    models.release()
    whole = await watch(server, f"/runs/{run}/stream", key)
    rest = await watch(server, f"/runs/{run}/stream?since={len(first)}", key)
    assert tokens_in(whole, MODEL) == WORDS
    assert first + rest == whole
    assert await watch(server, f"/runs/{run}/stream", key) == whole


async def test_who_comes_in_the_middle_sees_the_same_as_who_was_there_from_the_start(server, begin, key, models):
    models.script = Script(tokens=[f"t{i} " for i in range(50)], delay=0.01)
    runs = [await begin(), await begin()]
    there = await watch(server, f"/runs/{runs[0]}/stream", key)
    late = await watch(server, f"/runs/{runs[1]}/stream", key)
    assert tokens_in(late, MODEL) == tokens_in(there, MODEL)
    assert abs(count(late) - count(there)) < 20


def count(events):
    return sum(event["kind"] == "node.delta" for event in events)


async def test_a_watcher_that_does_not_read_holds_up_nobody(server, begin, key, models):
    tokens = [f"{i} {'x' * 500} " for i in range(4_000)]
    models.script = Script(tokens=tokens)
    run = await begin()
    async with socket(server, f"/runs/{run}/stream", key, max_queue=1) as slow:
        events = await watch(server, f"/runs/{run}/stream", key)
        assert "".join(tokens_in(events, MODEL)) == "".join(tokens)
        own = []
        with contextlib.suppress(ConnectionClosed):
            own = await events_of(slow)
    back = await watch(server, f"/runs/{run}/stream?since={len(own)}", key)
    assert own + back == events


async def test_a_watcher_that_leaves_is_no_longer_counted(server, begin, client, key, models):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = await begin()
    await watch(server, f"/runs/{run}/stream", key, until="node.delta")
    async with asyncio.timeout(HANG):
        while (listed := await found(client, run))["watchers"]:
            pass
    assert listed["status"] == "running"
    models.release()
    assert (await watch(server, f"/runs/{run}/stream", key))[-1]["output"] == "".join(WORDS)


async def found(client, run):
    runs = (await client.get("/runs")).json()["runs"]
    return next(each for each in runs if each["run"] == run)


async def test_what_a_watcher_says_changes_nothing(server, begin, client, key, models):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = await begin()
    async with socket(server, f"/runs/{run}/stream", key) as messages:
        await events_of(messages, until="node.delta")
        for words in (
            {"kind": "start", "request": "1", "input": "x", "data": {"nodes": [], "edges": []}},
            {"kind": "cancel", "run": run},
            {"kind": "code", "code": "import os"},
        ):
            await messages.send(json.dumps(words))
        refusal = json.loads(await messages.recv())
        assert refusal["kind"] == "refused"
        models.release()
        assert (await events_of(messages))[-1]["kind"] == "run.finished"
    assert len(models.requests) == 1


async def test_a_failure_and_a_stop_are_told(server, begin, client, key, models):
    models.script = Script(status=401)
    events = await watch(server, f"/runs/{await begin()}/stream", key)
    assert (events[-1]["kind"], events[-1]["node"]) == ("run.failed", MODEL)
    assert "scripted 401" in events[-1]["error"]["message"]
    assert kinds(events, OUT) == ["node.skipped"]
    models.script = Script(tokens=WORDS, hold_at=4)
    run = await begin()
    async with socket(server, f"/runs/{run}/stream", key) as messages:
        await events_of(messages, until="node.delta")
        (await client.post("/api/v2/workflows/stop", json={"job_id": run})).raise_for_status()
        events = await events_of(messages)
    assert events[-1]["kind"] == "run.cancelled"
    assert (await found(client, run))["status"] == "cancelled"


@pytest.mark.parametrize("delivery", ["direct", "streaming"])
async def test_a_run_of_langflows_own_page(server, client, key, models, delivery):
    models.script = Script(tokens=WORDS, hold_at=4)
    path = f"/api/v1/build/{server.flows['Basic']}/flow?event_delivery={delivery}"
    building = asyncio.create_task(client.post(path, json={"inputs": {"input_value": "hello", "session": delivery}}))
    async with asyncio.timeout(HANG):
        while True:
            runs = (await client.get("/runs")).json()["runs"]
            if runs and runs[-1]["status"] == "running":
                break
    watching = asyncio.create_task(watch(server, f"/runs/{runs[-1]['run']}/stream", key))
    models.release()
    if delivery == "streaming":
        assert (await building).json()["job_id"] == runs[-1]["run"]
        await client.get(f"/api/v1/build/{runs[-1]['run']}/events?event_delivery=streaming")
    events = await watching
    assert tokens_in(events, MODEL) == WORDS
    assert (await building).is_success


# lf.connect


@pytest.mark.parametrize("name", ["Basic", "Agent", "Chained"])
async def test_connect_uses_the_socket(flow, models, name):
    models.script = Script(tokens=WORDS)
    run = flow(name).run("hello")
    assert await ended(run) == "".join(WORDS)
    assert BY_SOCKET in remarks(run)
    assert streamed(run, AGENT if name == "Agent" else MODEL) == WORDS
    assert {run.nodes[node].status for node in run.nodes} <= {"finished", "skipped"}
    if name == "Chained":
        assert streamed(run, SECOND) == WORDS
        assert set(run.nodes) == {node["id"] for node in run.log.since(0)[0]["graph"]["nodes"]}


async def test_connect_can_do_without(flow, models):
    models.script = Script(tokens=WORDS)
    run = flow("Basic", socket=False).run("hello")
    assert await ended(run) == "".join(WORDS)
    assert BY_SOCKET not in remarks(run)
    assert streamed(run, MODEL) == WORDS


async def test_only_the_nodes_that_are_named_stream(flow, models):
    models.script = Cast(tokens=["b1", "b2"], parts={"You are A.": Script(tokens=["a1", "a2"])})
    run = flow("Parallel").run("hello", stream_nodes=[SECOND])
    await ended(run)
    assert (streamed(run, MODEL), run.nodes[MODEL].text) == ([], "a1a2")
    assert streamed(run, SECOND) == ["b1", "b2"]


async def test_a_failure_is_raised(flow, models):
    models.script = Script(status=401)
    run = flow("Basic").run("hello")
    with pytest.raises(ComponentError, match="scripted 401") as caught:
        await ended(run)
    assert caught.value.node == MODEL
    assert (run.nodes[MODEL].status, run.nodes[OUT].status) == ("failed", "skipped")
    assert BY_SOCKET in remarks(run)


async def test_cancelling_reaches_the_model(flow, models):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = flow("Basic").run("hello")
    await heard(run, "node.delta", WORDS[3].strip())
    run.cancel()
    with pytest.raises(RunCancelledError):
        await ended(run)
    assert await asyncio.to_thread(models.disconnected.wait, HANG)
    assert run.nodes[MODEL].status == "cancelled"
    assert run.nodes[MODEL].text == "".join(WORDS[:4])


async def test_a_line_that_is_cut_loses_no_token(server, flow, models):
    with TcpProxy(server.port).running() as line:
        models.script = Script(tokens=WORDS, hold_at=4)
        run = flow("Basic", line.url).run("hello")
        await heard(run, "node.delta", WORDS[3].strip())
        line.cut()
        await heard(run, "log", "the connection to the server was lost: reconnecting")
        models.release()
        line.restore()
        assert await ended(run) == "".join(WORDS)
    assert streamed(run, MODEL) == WORDS
    assert "connected again" in remarks(run)
    assert len(models.requests) == 1


async def test_two_runs_at_once_are_not_mixed(flow, models):
    first, second = [f"a{i} " for i in range(20)], [f"b{i} " for i in range(20)]
    models.script = Cast(parts={"say a": Script(tokens=first), "say b": Script(tokens=second)})
    basic = flow("Basic")
    runs = [basic.run("say a"), basic.run("say b")]
    assert [await ended(run) for run in runs] == ["".join(first), "".join(second)]
    assert [streamed(run, MODEL) for run in runs] == [first, second]


async def test_times_are_those_of_the_server(flow, models):
    models.script = Script(tokens=[f"t{i} " for i in range(20)], delay=0.02)
    run = flow("Basic").run("hello")
    await ended(run)
    node = run.nodes[MODEL]
    assert 0 < node.first_token < node.duration
