import asyncio
import subprocess
import sys

import httpx
import pytest
import trustme
from doubles import Gate, Node, SmallRunner, echo, until, within

import lfwidget as lf
from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.serve import BackgroundServer
from lfwidget.gateway.tokens import Grant

PUBLISH = Grant("*", "publish", "teacher")


def flow(body=echo, **options):
    return lf.Flow(SmallRunner(body), **options)


def get(link, path="/events", **options):
    url, _, token = link.url.partition("#")
    return httpx.get(url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30, **options)


def messages(link):
    return get(link, params={"wait": "0"}).json()["messages"]


def events(link):
    return [event for message in messages(link) if message["kind"] == "frame" for event in message["events"]]


@pytest.fixture
def gateway():
    """A gateway elsewhere, and a token to publish there."""
    made = Gateway()
    server = BackgroundServer(made)
    yield made, server
    server.stop()


def elsewhere(gateway):
    made, server = gateway
    return {"gateway": f"http://127.0.0.1:{server.port}", "token": made.signer.mint(PUBLISH, 600)}


async def test_a_shared_run_is_read_by_its_link():
    run = flow().run("hi")
    with run.share() as link:
        await within(lf.join(link.url))
        assert events(link) == run.log.since(0)
        assert messages(link)[-1] == {"kind": "end", "run": run.id, "room": False}


async def test_the_token_is_only_in_the_fragment():
    run = flow().run("hi")
    with run.share() as link:
        path, _, token = link.url.partition("#")
        assert token == link.token
        assert token not in path
        assert token not in get(link, "").text


async def test_a_link_says_what_it_is_and_who_watches():
    run = flow(name="Tutor").run("hi")
    with run.share(seats=30) as link:
        assert repr(link).startswith("<link to Tutor: hi · nobody watches now · open until ")
        html = link._repr_html_()
        assert "up to 30 at a time" in html
        assert "data:image/svg+xml" in html
        mine = lf.join(link.url)
        assert link.watchers in (0, 1), "it is about to connect"
        await within(mine)


async def test_a_closed_link_lets_nobody_in_and_sends_away_who_is_there():
    gate = Gate()
    run = flow(gate).run("hi")
    link = run.share()
    mine = lf.join(link.url)
    await until(mine, "node.started")
    link.close()
    with pytest.raises(lf.GatewayError, match="closed by whoever shared it"):
        await within(mine)
    assert get(link).status_code == 401
    assert "is closed" in repr(link)
    gate.open()
    await within(run)


async def test_a_flow_shares_its_newest_run_and_those_that_follow():
    tutor = flow()
    await within(tutor.run("old"))
    await within(tutor.run("newest"))
    with tutor.share() as link:
        await within(tutor.run("next"))
        names = [event["name"] for event in events(link) if event["kind"] == "run.started"]
        assert names == ["next"], "who comes now gets the newest"


async def test_a_link_to_one_run_opens_no_other():
    one, other = flow().run("one"), flow().run("other")
    with one.share() as link, other.share() as another:
        crossed = link.url.replace(one.id, other.id)
        assert another.url != link.url
        with pytest.raises(lf.GatewayError, match="for another run"):
            lf.join(crossed)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"can": "all"}, "can="),
        ({"seats": 0}, "seats="),
        ({"seats": True}, "seats="),
        ({"expires": -1}, "expires="),
        ({"expires": float("inf")}, "expires="),
    ],
)
async def test_an_impossible_value_is_refused(how, words):
    run = flow().run("hi")
    with pytest.raises(lf.InputError, match=words):
        run.share(**how)


async def test_a_misspelt_keyword_is_named():
    run = flow().run("hi")
    with pytest.raises(lf.UnknownNameError, match="Did you mean 'seats'"):
        run.share(seat=3)


async def test_the_network_gets_nothing_unencrypted_unless_somebody_says_so():
    run = flow().run("hi")
    with pytest.raises(lf.GatewayError, match="insecure=True"):
        run.share(host="0.0.0.0")
    with run.share(host="0.0.0.0", insecure=True) as link:
        assert "0.0.0.0" not in link.url, "a student's machine knows no such address"
        await within(run)


async def test_a_certificate_that_cannot_be_used_is_said(tmp_path):
    run = flow().run("hi")
    for path in (tmp_path / "missing.pem", __file__):
        with pytest.raises(lf.GatewayError, match="cannot use the certificate"):
            run.share(tls_cert=path)


async def test_a_port_that_is_taken_is_said():
    run = flow().run("hi")
    with run.share() as link:
        port = int(link.url.split(":")[2].split("/")[0])
        with pytest.raises(lf.GatewayError, match=f"cannot listen on 127.0.0.1:{port}"):
            run.share(port=port)


async def test_with_a_certificate_it_is_https_and_wss(tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "class.pem")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    run = flow().run("hi")
    with run.share(tls_cert=tmp_path / "class.pem") as link:
        assert link.url.startswith("https://127.0.0.1:")
        assert await within(lf.join(link.url)) == "hi"


async def test_behind_jupyterhub_the_link_is_the_one_that_others_reach(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    run = flow().run("hi")
    with run.share() as link:
        assert link.url.startswith("/user/ada/proxy/")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://hub.example/user/ada/")
    with run.share() as link:
        assert link.url.startswith("https://hub.example/user/ada/proxy/")


# A gateway elsewhere


async def test_a_run_is_brought_to_a_gateway_elsewhere(gateway):
    gate = Gate()
    run = flow(gate).run("hi")
    with run.share(**elsewhere(gateway)) as link:
        mine = lf.join(link.url)
        await until(mine, "node.started")
        gate.open()
        assert await within(mine) == await within(run)
        assert mine.log.since(0) == run.log.since(0)


async def test_the_environment_can_name_the_gateway(gateway, monkeypatch):
    where = elsewhere(gateway)
    monkeypatch.setenv("LFWIDGET_GATEWAY", where["gateway"])
    monkeypatch.setenv("LFWIDGET_GATEWAY_TOKEN", where["token"])
    run = flow().run("hi")
    with run.share() as link:
        assert link.url.startswith(where["gateway"])
        assert await within(lf.join(link.url)) == "hi"


async def test_a_gateway_that_was_restarted_is_told_everything_again(gateway):
    made, server = gateway
    gate = Gate()
    run = flow(gate).run("hi")
    link = run.share(**elsewhere(gateway))
    mine = lf.join(link.url)
    await until(mine, "node.started")
    server.stop()
    # The same address and the same secret, and nothing in its memory.
    again = BackgroundServer(Gateway(signer=made.signer), port=server.port)
    gate.open()
    await within(run)
    assert await within(mine) == "hi"
    assert [event for event in mine.log.since(0) if event["kind"] != "log"] == [
        {**event, "seq": seq} for seq, event in zip(_numbers(mine), run.log.since(0), strict=True)
    ]
    link.close()
    again.stop()


def _numbers(run):
    """Where the events of the run are, between remarks on the connection."""
    return [event["seq"] for event in run.log.since(0) if event["kind"] != "log"]


async def test_a_lesson_goes_on_while_its_gateway_is_away(gateway):
    made, server = gateway
    tutor = flow()
    link = tutor.share(**elsewhere(gateway))
    server.stop()
    run = tutor.run("meanwhile")
    assert await within(run) == "meanwhile"
    again = BackgroundServer(Gateway(signer=made.signer), port=server.port)
    await within(_until_there(made.signer, again, run.id))
    link.close()
    again.stop()


async def _until_there(signer, server, run):
    headers = {"Authorization": f"Bearer {signer.mint(Grant(f'run:{run}'), 60)}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client:
        while True:
            answer = await client.get(f"/runs/{run}/events?wait=0")
            if answer.status_code == 200 and answer.json()["messages"][-1]["kind"] == "end":
                return
            await asyncio.sleep(0.05)


def test_the_end_of_a_run_is_brought_before_a_script_ends(gateway):
    made, server = gateway
    where = elsewhere(gateway)
    script = f"""
import lfwidget as lf
flow = lf.Flow(lambda text: text * 2, name="Twice")
flow.share(gateway={where["gateway"]!r}, token={where["token"]!r})
run = flow.run("bye")
run.result()
print(run.id)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    headers = {"Authorization": f"Bearer {made.signer.mint(Grant(f'run:{done.stdout.strip()}'), 60)}"}
    address = f"http://127.0.0.1:{server.port}/runs/{done.stdout.strip()}/events?wait=0"
    assert httpx.get(address, headers=headers).json()["messages"][-1]["kind"] == "end"
    assert done.stderr == ""


async def test_watchers_start_only_so_many_runs_at_once():
    tutor = flow(lambda execution: asyncio.sleep(3600))
    with tutor.share(can="run") as link:
        room = lf.join(link.url)
        for number in range(3):
            room.start(f"number {number}")
            await within(room.next())
        room.start("one more")
        await within(_until(lambda: any("are going on" in words for words in _remarks(room))))
        assert len(tutor.runs) == 3
        room.leave()
        for run in tutor.runs:
            run.cancel()


def _remarks(room):
    return [event.get("message", "") for run in room.runs for event in run.log.since(0)]


async def _until(ready):
    while not ready():  # noqa: ASYNC110 - runs begin on another thread
        await asyncio.sleep(0.01)


async def test_a_wrong_token_is_said_at_once(gateway):
    run = flow().run("hi")
    where = {**elsewhere(gateway), "token": "wrong"}
    with pytest.raises(lf.GatewayError, match="401"):
        run.share(**where)
    with pytest.raises(lf.GatewayError, match="wants a token"):
        run.share(gateway=where["gateway"])


async def test_no_gateway_there_is_said_at_once(gateway):
    _, server = gateway
    where = elsewhere(gateway)
    server.stop()
    run = flow().run("hi")
    with pytest.raises(lf.GatewayError, match="cannot reach"):
        run.share(**where)


async def test_a_producer_may_not_take_anothers_run(gateway):
    made, _ = gateway
    run = flow().run("hi")
    where = elsewhere(gateway)
    with run.share(**where):
        other = {**where, "token": made.signer.mint(Grant("*", "publish", "somebody else"), 600)}
        with pytest.raises(lf.GatewayError, match="somebody else shares"):
            run.share(**other)


async def test_a_run_and_its_flow_can_be_shared_at_the_same_gateway(gateway):
    gate = Gate()
    tutor = flow(gate)
    run = tutor.run("hi")
    where = elsewhere(gateway)
    with run.share(**where) as one, tutor.share(**where) as all_of_them:
        room = lf.join(all_of_them.url)
        mine = lf.join(one.url)
        await until(mine, "node.started")
        gate.open()
        assert await within(mine) == "hi"
        assert await within(room.run or await within(room.next())) == "hi"
        assert mine.log.since(0) == room.runs[0].log.since(0) == run.log.since(0), "neither takes the other's place"
        room.leave()


@pytest.mark.parametrize("remote", [False, True])
async def test_who_may_run_can_stop_it(gateway, remote):
    run = flow(Gate()).run("hi")
    with run.share(can="run", **(elsewhere(gateway) if remote else {})) as link:
        mine = lf.join(link.url)
        await until(mine, "node.started")
        mine.cancel()
        with pytest.raises(lf.RunCancelledError, match="somebody who watches"):
            await within(run)
        with pytest.raises(lf.RunCancelledError):
            await within(mine)


@pytest.mark.parametrize("remote", [False, True])
async def test_who_may_run_can_answer(gateway, remote):
    async def asking(execution):
        from lfwidget.runners.base import Question

        async with Node(execution, "first"):
            return await execution.ask([Question("q", "first", "first-span", "Shall I?")])

    run = flow(asking).run("hi")
    with run.share(can="run", **(elsewhere(gateway) if remote else {})) as link:
        mine = lf.join(link.url)
        await until(mine, "input.requested")
        mine.answer("yes")
        assert await within(run) == {"q": "yes"}
        assert await within(mine) == {"q": "yes"}


@pytest.mark.parametrize("remote", [False, True])
async def test_who_may_run_can_start_another(gateway, remote):
    tutor = flow()
    with tutor.share(can="run", **(elsewhere(gateway) if remote else {})) as link:
        room = lf.join(link.url)
        room.start("from a student")
        run = await within(room.next())
        assert await within(run) == "from a student"
        assert tutor.runs[-1].input == "from a student"
        room.leave()
