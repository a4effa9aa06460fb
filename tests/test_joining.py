import asyncio

import pytest
from doubles import Gate, Node, SmallRunner, echo, until, within
from servers.tcp_proxy import TcpProxy
from starlette.responses import PlainTextResponse

import lfwidget as lf
from lfwidget.gateway import serve
from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.tokens import Grant
from lfwidget.runners.socket.track import Tracks


def flow(body=echo, **options):
    return lf.Flow(SmallRunner(body), **options)


class Talk(Gate):
    """A flow that says what the test says, until it is let go."""

    async def __call__(self, execution):
        self._loop, self._open = asyncio.get_running_loop(), asyncio.Event()
        async with Node(execution, "first", output="said") as first:
            self.say = first.say
            await self._open.wait()
        return "said"


async def test_who_comes_late_gets_everything():
    run = flow().run("a long story")
    await within(run)
    with run.share() as link:
        mine = lf.join(link.url)
        assert await within(mine) == "a long story"
        assert mine.log.since(0) == run.log.since(0)
        assert (mine.name, mine.input, mine.text) == (run.name, run.input, run.text)


async def test_a_joined_run_becomes_a_record(tmp_path):
    run = flow().run("keep me")
    with run.share() as link:
        mine = lf.join(link.url)
        await within(mine)
    kept = lf.open(mine.save(tmp_path / "kept.lfrun"))
    assert kept.text == "keep me"
    assert "keep me" in mine.to_html()


async def test_what_a_run_raised_is_raised_again():
    async def fail(execution):
        async with Node(execution, "first"):
            raise ValueError("no such thing")

    run = flow(fail).run("hi")
    with run.share() as link:
        mine = lf.join(link.url)
        with pytest.raises(lf.RecordedError, match="no such thing"):
            await within(mine)


async def test_who_may_only_watch_leaves_and_the_run_goes_on():
    gate = Gate()
    run = flow(gate).run("hi")
    with run.share() as link:
        mine = lf.join(link.url)
        await until(mine, "node.started")
        mine.cancel()
        with pytest.raises(lf.RunCancelledError, match="may go on"):
            await within(mine)
        assert run.status == "running"
        gate.open()
        assert await within(run) == "hi"


async def test_who_may_only_watch_can_answer_nothing():
    run = flow(Gate()).run("hi")
    with run.share() as link:
        mine = lf.join(link.url)
        await until(mine, "node.started")
        with pytest.raises(lf.InputError, match="lets you watch"):
            mine.answer("yes")
        run.cancel()


async def test_a_room_has_the_newest_run_and_the_next_ones():
    tutor = flow()
    await within(tutor.run("one"))
    with tutor.share() as link:
        room = lf.join(link.url)
        first = room.run or await within(room.next())
        assert first.name == "one"
        for name in ("two", "three"):
            tutor.run(name)
            following = await within(room.next())
            assert following.name == name
            assert await within(following) == name
        assert [run.name for run in room.runs] == ["one", "two", "three"]
        assert "3 runs" in repr(room)
        room.leave()


async def test_a_room_without_runs_waits_for_the_first():
    tutor = flow()
    with tutor.share() as link:
        room = lf.join(link.url)
        assert room.run is None
        tutor.run("first")
        assert await within(await within(room.next())) == "first"
        with pytest.raises(lf.InputError, match="lets you watch"):
            room.start("mine")
        room.leave()


async def test_a_room_whose_link_is_closed_says_so():
    link = flow().share()
    room = lf.join(link.url)
    link.close()
    with pytest.raises(lf.GatewayError, match="closed by whoever shared it"):
        await within(room.next())


@pytest.mark.parametrize(
    "link",
    ["", "hello", "https://example.org/", "ftp://host/runs/a#t", "https://host/runs/a", "https://me:pw@host/runs/a#t"],
)
def test_what_is_no_link_is_refused(link):
    with pytest.raises(lf.InputError):
        lf.join(link)


def test_no_gateway_there():
    with pytest.raises(lf.GatewayError, match="cannot reach"):
        lf.join("http://127.0.0.1:9/runs/abc#token")


async def test_a_page_that_is_no_gateway(walled):
    url = walled(lambda _scope: True, PlainTextResponse("<html>Sign in</html>"))
    with pytest.raises(lf.GatewayError, match="no gateway"):
        lf.join(f"{url}/runs/abc#token")


async def test_the_token_is_in_no_message():
    run = flow().run("hi")
    with run.share() as link:
        wrong = link.url[:-4] + "abcd"
        with pytest.raises(lf.GatewayError) as refused:
            lf.join(wrong)
        assert refused.value.status == 401
        assert wrong.partition("#")[2] not in str(refused.value)
        await within(run)


# Connections that do not hold


async def test_a_line_that_is_cut_and_restored_loses_and_doubles_nothing():
    talk = Talk()
    run = flow(talk).run("hi")
    with run.share() as link, TcpProxy(_port(link)).running() as line:
        mine = lf.join(link.url.replace(f":{_port(link)}/", f":{line.url.rpartition(':')[2]}/"))
        await until(mine, "node.started")
        for word in ("one ", "two ", "three "):
            talk.say(word)
            line.cut()
            await _until_said(mine, "connection lost")
            talk.say("meanwhile ")
            line.restore()
            await _until_said(mine, "connected again")
        talk.open()
        assert await within(mine) == "said"
        assert mine.text == "one meanwhile two meanwhile three meanwhile "
        ours = [event for event in mine.log.since(0) if event["kind"] != "log"]
        theirs = run.log.since(0)
        assert [{**event, "seq": 0, "t": 0} for event in ours] == [{**event, "seq": 0, "t": 0} for event in theirs]


async def _until_said(run, words):
    """Up to the newest remark with these words: each follows the other."""
    seen = sum(words in event.get("message", "") for event in run.log.since(0))
    await within(_remark(run, words, seen))


async def _remark(run, words, seen):
    found = 0
    async for event in run:
        found += words in event.get("message", "")
        if found > seen:
            return


@pytest.mark.parametrize("transport", ["sse", "poll"])
async def test_where_no_socket_gets_through_the_next_way_is_taken(walled, transport):
    def is_blocked(scope):
        streams = (b"accept", b"text/event-stream") in scope.get("headers", ())
        return scope["type"] == "websocket" or (transport == "poll" and streams)

    url = walled(is_blocked, PlainTextResponse("Forbidden by the firewall", 403))
    talk = Talk()
    run = flow(talk).run("hi")
    with run.share(gateway=url, token=walled.token) as link:
        mine = lf.join(link.url)
        await until(mine, "node.started")
        talk.say("through ", "the ", "wall")
        await until(mine, "node.delta")
        talk.open()
        assert await within(mine) == "said"
        assert mine.text == "through the wall"
        assert mine._work._watching.client.transport == transport


@pytest.fixture
def walled(monkeypatch):
    """Serves a gateway behind a wall, as a proxy is one: `walled(is_blocked, answer)` gives its address."""
    gateway, servers, make_app = Gateway(), [], serve.make_app

    def build(is_blocked, answer):
        def with_wall(made):
            app = make_app(made)

            async def wall(scope, receive, send):
                if scope["type"] == "lifespan" or not is_blocked(scope):
                    await app(scope, receive, send)
                elif scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1000})
                else:
                    await answer(scope, receive, send)

            return wall

        monkeypatch.setattr(serve, "make_app", with_wall)
        servers.append(serve.BackgroundServer(gateway))
        return f"http://127.0.0.1:{servers[0].port}"

    build.token = gateway.signer.mint(Grant("*", "publish"), 600)
    yield build
    for server in servers:
        server.stop()


def _port(link):
    return int(link.url.split(":")[2].split("/")[0])


def test_messages_of_a_newer_gateway_are_passed_over():
    tracks = Tracks()
    for message in ({"kind": "telepathy", "run": "a"}, {"kind": "beat"}, {"kind": "frame", "run": "nobody"}):
        assert list(tracks.take(message)) == []
