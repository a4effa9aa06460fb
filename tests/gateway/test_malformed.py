"""What no client would send: it ends that connection and nothing else. A healthy watcher is beside each of them."""

import asyncio
import json
import os
import struct
import zlib

import pytest
from raw_socket import BINARY, CLOSE, PING, PONG, TEXT, RawSocket, frame, request
from small_events import batch
from watching import Watching, eventually


class Beside:
    """Somebody healthy who watches the same run.

    Args:
        server: of the gateway.
    """

    def __init__(self, server):
        self._server = server
        self._total = 5
        self._watcher = Watching([server.port])
        self._task = None

    async def begin(self):
        self._publish(1)
        self._task = asyncio.create_task(self._watcher.follow(lambda: False))
        await self._gets_all()

    def _publish(self, first):
        self._server.wait_for(self._server.gateway.store.publish(batch(first, self._total)))

    async def _gets_all(self):
        await eventually(lambda: self._watcher.has == self._total or self._task.done())
        assert self._watcher.seqs == list(range(1, self._total + 1))

    async def is_well(self):
        """He gets what comes, on the connection that he has, and is alone."""
        await eventually(lambda: len(self._server.gateway.here) == 1)
        self._total += 5
        self._publish(self._total - 4)
        await self._gets_all()
        assert self._watcher.connects == 1
        self._task.cancel()


@pytest.fixture
async def beside(serve):
    async def start(**options):
        server = serve(**options)
        watcher = Beside(server)
        await watcher.begin()
        return server, watcher

    return start


def deflated(data):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


BOMB = deflated(b"\0" * 10_000_000)
FRAMES = {
    "a frame that is not masked": (frame(TEXT, b"{}", masked=False), 1002),
    "the first reserved bit": (frame(TEXT, b"{}", reserved=4), 1002),
    "the second reserved bit": (frame(TEXT, b"{}", reserved=2), 1002),
    "the third reserved bit": (frame(TEXT, b"{}", reserved=1), 1002),
    "an opcode that nobody defined": (frame(3, b"{}"), 1002),
    "a control opcode that nobody defined": (frame(11), 1002),
    "a ping in fragments": (frame(PING, b"p", final=False), 1002),
    "a ping that is too long": (frame(PING, b"p" * 126), 1002),
    "a close in fragments": (frame(CLOSE, struct.pack("!H", 1000), final=False), 1002),
    "a continuation of nothing": (frame(0, b"{}"), 1002),
    "a message within a message": (frame(TEXT, b"{", final=False) + frame(TEXT, b"}"), 1002),
    "text that is no UTF-8": (frame(TEXT, b"\xff\xfe"), 1007),
    "text that is no UTF-8, in fragments": (frame(TEXT, b"\xe2\x82", final=False) + frame(0, b"\x28"), 1007),
    "a close with half a code": (frame(CLOSE, b"\x03"), 1002),
    "a close with a code that nobody may send": (frame(CLOSE, struct.pack("!H", 1006)), 1002),
    "a close with a code from nowhere": (frame(CLOSE, struct.pack("!H", 99)), 1002),
    "a close whose reason is no UTF-8": (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    "a message that is too large": (frame(TEXT, b"x" * 20_000), 1009),
    "a message that says it is huge": (frame(TEXT, b"x", length=2**40), 1009),
    "a length that is negative": (frame(TEXT, b"x", length=2**63), 1009),
    "fragments that are too large together": (
        frame(TEXT, b"x" * 9000, final=False) + frame(0, b"x" * 9000, final=False) + frame(0, b"x" * 9000),
        1009,
    ),
    "what is compressed, though nobody agreed to that": (frame(TEXT, BOMB[:10_000], reserved=4), 1002),
    "noise": (b"\x70\xff" * 500, 1009),
    "a second request": (request(), 1002),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_that_is_none_ends_its_own_connection_with_a_reason(beside, name):
    data, code = FRAMES[name]
    server, healthy = await beside()
    with RawSocket(server.port) as client:
        await asyncio.to_thread(client.handshake)
        client.send(data)
        assert await asyncio.to_thread(client.closed_with) == code
    await healthy.is_well()


ODD = {
    "a binary message": frame(BINARY, b"\x00\xff\x00"),
    "an empty message": frame(TEXT),
    "no JSON": frame(TEXT, b"hello"),
    "JSON that is no object": frame(TEXT, b'["choose"]'),
    "JSON that is very deep": frame(TEXT, b"[" * 16_000),
    "a kind that nobody knows": frame(TEXT, b'{"kind":"execute","code":"1/0"}'),
    "a kind that is no text": frame(TEXT, b'{"kind":["start"]}'),
    "a kind that is an object": frame(TEXT, b'{"kind":{}}'),
    "a choice of something else": frame(TEXT, b'{"kind":"choose","nodes":[{}]}'),
    "a number that is none": frame(TEXT, b'{"kind":"choose","nodes":NaN}'),
    "half a character as an escape": frame(TEXT, b'{"kind":"start","run":"\\ud800"}'),
    "a number of many digits": frame(TEXT, b"9" * 10_000),
    "a message in fragments, with a ping between": frame(TEXT, b'{"kind":', final=False)
    + frame(PING, b"still there?")
    + frame(0, b'"none"}'),
    "a pong that nobody asked for": frame(PONG, b"here"),
}


@pytest.mark.parametrize("name", ODD)
async def test_a_message_that_means_nothing_is_passed_over(beside, name):
    server, healthy = await beside()

    def speak(client):
        client.handshake()
        client.send(ODD[name] + frame(TEXT, b'{"kind":"ping"}'))
        return next(payload for opcode, payload in client.frames() if opcode == TEXT and b"pong" in payload)

    with RawSocket(server.port) as client:
        assert json.loads(await asyncio.to_thread(speak, client)) == {"kind": "pong"}
    await healthy.is_well()


@pytest.mark.parametrize("rudely", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize("cut", [1, 5, 9])
async def test_whoever_leaves_in_the_middle_of_a_frame_is_gone(beside, cut, rudely):
    server, healthy = await beside()
    client = RawSocket(server.port)
    await asyncio.to_thread(client.handshake)
    client.send(frame(TEXT, b'{"kind":"ping"}')[:cut])
    client.hang_up(rudely=rudely)
    await healthy.is_well()


async def test_a_compressed_bomb_is_not_unpacked(beside):
    server, healthy = await beside(config={"compress": True})
    with RawSocket(server.port) as client:
        answer = await asyncio.to_thread(
            lambda: client.handshake(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
        )
        assert b"permessage-deflate" in answer.lower()
        assert len(BOMB) < 16_384
        client.send(frame(TEXT, BOMB, reserved=4))
        assert await asyncio.to_thread(client.closed_with) == 1009
    await healthy.is_well()


async def test_what_cannot_be_unpacked_ends_its_own_connection(beside):
    server, healthy = await beside(config={"compress": True})
    with RawSocket(server.port) as client:
        await asyncio.to_thread(lambda: client.handshake(Sec_WebSocket_Extensions="permessage-deflate"))
        client.send(frame(TEXT, b"\xff" * 50, reserved=4))
        assert await asyncio.to_thread(client.closed_with) in (1002, 1007)
    await healthy.is_well()


REQUESTS = {
    "noise": os.urandom(300) + b"\r\n\r\n",
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 30 + b"\r\n\r\n",
    "a line that is no request": b"HELLO\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a head without an end": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000,
    "a body in chunks that are none": b"POST /links HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"POST /links HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "a handshake without a key": request(Sec_WebSocket_Key=None),
    "a handshake with a key that is none": request(Sec_WebSocket_Key="short"),
    "a handshake of another version": request(Sec_WebSocket_Version="7"),
    "a handshake that only asks": request(Connection="close"),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_that_is_none_is_refused_and_nobody_else_sees_it(beside, name):
    server, healthy = await beside()
    with RawSocket(server.port) as client:
        client.send(REQUESTS[name])
        answer = await asyncio.to_thread(client.rest)
        assert answer.startswith(b"HTTP/1.1 4")
    await healthy.is_well()
