"""Watchers who are slow, silent, rude or many, at a gateway that serves others as well."""

import asyncio
import json
import threading

import pytest
from doubles import HANG
from raw_socket import CLOSE, TEXT, RawSocket, frame
from small_events import batch
from watching import Watching, eventually, token
from websockets.exceptions import ConnectionClosed

from lfwidget.gateway.tokens import LEEWAY


def publish(server, *args, **fields):
    return server.wait_for(server.gateway.store.publish(batch(*args, **fields)))


def log_of(server, run="run-1"):
    return server.wait_for(server.gateway.store.log(run))


def counted(server, name):
    return next(line.split()[-1] for line in server.gateway.metrics.text().splitlines() if line.startswith(name))


async def largest_buffer(server):
    """Bytes that wait for one client; uvicorn shows its connections in no other way."""

    async def look():
        connections = server._server.server_state.connections
        return max((connection.transport.get_write_buffer_size() for connection in connections), default=0)

    return await asyncio.to_thread(server.wait_for, look())


async def closed(socket):
    """The code and the reason with which it is closed."""
    async with asyncio.timeout(HANG):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason


# Slow


async def test_a_watcher_who_does_not_read_is_dropped_and_costs_nobody_anything(serve):
    server = serve(send_timeout=0.5, keep_events=100)
    publish(server, 1, 1)
    healthy = Watching([server.port])
    task = asyncio.create_task(healthy.to_the_end())
    await eventually(lambda: healthy.has == 1)
    stalled = RawSocket(server.port, small=True)
    await asyncio.to_thread(stalled.handshake)
    await eventually(lambda: len(server.gateway.here) == 2)
    largest, last = 0, 0
    while len(server.gateway.here) == 2:
        # 2 MB at a time
        await asyncio.to_thread(publish, server, last + 1, last + 100, text="x" * 20_000)
        last += 100
        largest = max(largest, await largest_buffer(server))
    assert counted(server, 'lfwidget_drops_total{reason="slow"}') == "1"
    assert largest < 1_000_000
    await asyncio.to_thread(publish, server, last + 1, last + 1, last + 1)
    await task
    assert healthy.seqs == list(range(1, last + 2))
    assert healthy.connects == 1
    assert log_of(server).watchers == 0
    # Hung up on, too: it need not take what was sent before.
    await eventually(lambda: len(server._server.server_state.connections) == 0)
    back = Watching([server.port], since="epoch-1:1")
    await back.to_the_end()
    assert back.seqs == list(range(2, last + 2))
    stalled.hang_up()


async def test_a_watcher_who_never_answers_a_ping_is_dropped(serve):
    server = serve(heartbeat=0.3)
    publish(server, 1, 5)
    healthy = Watching([server.port])
    task = asyncio.create_task(healthy.follow(lambda: healthy.has == 6))
    with RawSocket(server.port) as silent:
        await asyncio.to_thread(silent.handshake)
        assert await asyncio.to_thread(silent.closed_with) == 1011
    await eventually(lambda: log_of(server).watchers == 1)
    publish(server, 6, 6)
    await task
    assert healthy.connects == 1


async def test_a_watcher_who_neither_reads_nor_answers_is_dropped_without_a_word_in_the_log(serve, caplog):
    server = serve(heartbeat=0.3, send_timeout=1.0)
    publish(server, 1, 1)
    stalled = RawSocket(server.port, small=True)
    await asyncio.to_thread(stalled.handshake)
    last = 1
    while log_of(server).watchers or not server.gateway.metrics.text().count('connects_total{transport="websocket"} 1'):
        await asyncio.to_thread(publish, server, last + 1, last + 100, text="x" * 20_000)
        last += 100
    assert "Traceback" not in caplog.text
    stalled.hang_up()


async def test_signs_of_life_come_while_nothing_happens(serve):
    server = serve(heartbeat=0.2)
    publish(server, 1, 5)
    watcher = Watching([server.port])
    await watcher.follow(lambda: watcher.kinds().count("beat") == 2)


# Who leaves


@pytest.mark.parametrize("way", ["says goodbye", "closes", "resets"])
async def test_whoever_leaves_frees_his_place_and_his_seat(serve, way):
    server = serve()
    publish(server, 1, 5)
    seat = f"Bearer {token(seats=1)}"
    for _ in range(3):
        client = RawSocket(server.port)
        await asyncio.to_thread(lambda client=client: client.handshake(Authorization=seat))
        await eventually(lambda: log_of(server).watchers == 1)
        if way == "says goodbye":
            client.send(frame(CLOSE, b"\x03\xe8"))
            assert await asyncio.to_thread(client.closed_with) == 1000
        client.hang_up(rudely=way == "resets")
        await eventually(lambda: log_of(server).watchers == 0 and not server.gateway.here)
    assert not log_of(server).watched


async def test_whoever_takes_long_to_say_what_he_wants_is_hung_up_on_and_nobody_else(serve):
    server = serve(handshake=0.3)
    publish(server, 1, 5)
    healthy = Watching([server.port])
    task = asyncio.create_task(healthy.follow(lambda: healthy.has == 6))
    await eventually(lambda: healthy.has == 5)
    slow = [RawSocket(server.port) for _ in range(20)]
    slow[0].send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    for client in slow[:10]:
        assert await asyncio.to_thread(client.rest) == b""
    await asyncio.to_thread(slow[0].hang_up)
    with RawSocket(server.port) as dripping:
        await asyncio.to_thread(dripping.drip, b"GET / HTTP/1.1\r\nX: " + b"x" * 1000)
    publish(server, 6, 6)
    await task
    assert healthy.connects == 1
    for client in slow:
        client.hang_up()


# What watchers say


async def test_a_watcher_chooses_nodes(serve):
    server = serve()
    publish(server, 1, 20)
    watcher = Watching([server.port], "/ws/stream/left?run=run-1")
    async with watcher.open(server.port) as socket:
        await watcher.read(socket, lambda: watcher.has >= 19)
        assert watcher.seqs == [1, 3, 5, 7, 9, 10, 11, 13, 15, 17, 19, 20]
        await socket.send(json.dumps({"kind": "choose", "nodes": None}))
        await watcher.read(socket, lambda: len(watcher.seqs) == 20)
        assert sorted(watcher.seqs) == list(range(1, 21))


async def test_the_commands_of_somebody_who_may_only_watch_do_nothing(serve):
    server = serve()
    publish(server, 1, 5)
    watcher = Watching([server.port])
    async with watcher.open(server.port) as socket:
        for command in ({"kind": "start", "input": "x"}, {"kind": "cancel"}, {"kind": "answer", "value": 1}):
            await socket.send(json.dumps(command))
        await watcher.read(socket, lambda: watcher.kinds().count("refused") == 3)
    assert list(publish(server, 6, 5).commands) == []
    assert "lets you watch" in watcher.told[-1]["message"]


async def test_somebody_who_may_run_reaches_the_producer_and_only_his(serve):
    server = serve()
    publish(server, 1, 5)
    publish(server, 1, 5, run="run-2")
    watcher = Watching([server.port], token=token(right="run"))
    async with watcher.open(server.port) as socket:
        await socket.send(json.dumps({"kind": "cancel", "run": "run-2"}))
        await socket.send(json.dumps({"kind": "start", "input": "x"}))
        await watcher.read(socket, lambda: watcher.kinds().count("refused") == 2)
        await socket.send(json.dumps({"kind": "cancel", "run": "run-1", "flow": {"code": "1/0"}}))
        await socket.send('{"kind":"ping"}')
        await watcher.read(socket, lambda: "pong" in watcher.kinds())
    assert list(publish(server, 6, 5).commands) == [{"kind": "cancel", "run": "run-1"}]
    assert list(publish(server, 6, 5, run="run-2").commands) == []


async def test_a_flood_of_messages_is_ended(serve):
    server = serve(send_timeout=0.5)
    publish(server, 1, 5)
    healthy = Watching([server.port])
    task = asyncio.create_task(healthy.follow(lambda: healthy.has == 6))
    with RawSocket(server.port) as client:
        await asyncio.to_thread(client.handshake)

        def flood():
            try:
                for _ in range(100_000):
                    client.send(frame(TEXT, b'{"kind":"nothing"}'))
            except OSError:
                return

        thread = threading.Thread(target=flood)
        thread.start()
        code = await asyncio.to_thread(client.closed_with)
        await asyncio.to_thread(thread.join)
    assert code == 4429
    publish(server, 6, 6)
    await task
    assert healthy.connects == 1


# What ends a connection


async def test_a_connection_on_which_nothing_happens_is_closed_and_can_be_resumed(serve):
    server = serve(idle=0.4, heartbeat=0.1)
    publish(server, 1, 5)
    watcher = Watching([server.port])
    async with watcher.open(server.port) as socket:
        await watcher.read(socket, lambda: watcher.has == 5)
        await socket.send('{"kind":"ping"}')
        assert await closed(socket) == (4408, "nothing happened for a while: come back with since= to go on")
    publish(server, 6, 9)
    await watcher.follow(lambda: watcher.has == 9)
    assert watcher.seqs == list(range(1, 10))


async def test_a_connection_ends_with_its_link(serve):
    server = serve()
    publish(server, 1, 5)
    watcher = Watching([server.port], token=token(lifetime=2 - LEEWAY))
    async with watcher.open(server.port) as socket:
        assert (await closed(socket))[0] == 4401


async def test_a_link_that_is_closed_ends_its_connections_and_no_others(serve):
    server = serve()
    publish(server, 1, 5)
    mine, theirs = Watching([server.port], token=token(link="mine")), Watching([server.port])
    async with mine.open(server.port) as socket, theirs.open(server.port) as other:
        await mine.read(socket, lambda: mine.has == 5)
        await asyncio.to_thread(lambda: server.wait_for(server.gateway.store.revoke("mine", 2e9)))
        assert await closed(socket) == (4403, "this link was closed by whoever shared it")
        publish(server, 6, 6)
        await theirs.read(other, lambda: theirs.has == 6)


async def test_a_run_that_is_withdrawn_is_closed(serve):
    server = serve()
    publish(server, 1, 5)
    watcher = Watching([server.port])
    async with watcher.open(server.port) as socket:
        await watcher.read(socket, lambda: watcher.has == 5)
        await asyncio.to_thread(lambda: server.wait_for(server.gateway.store.withdraw("run-1")))
        assert (await closed(socket))[0] == 4410


async def test_a_gateway_that_ends_lets_its_watchers_come_back(serve):
    server = serve()
    publish(server, 1, 5)
    watcher = Watching([server.port])
    async with watcher.open(server.port) as socket:
        await watcher.read(socket, lambda: watcher.has == 5)
        await asyncio.to_thread(server.stop)
        assert (await closed(socket))[0] == 1012
