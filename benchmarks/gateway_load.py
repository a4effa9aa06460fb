"""A process of many watchers on raw sockets, cheap enough to leave the other core to the server.

Ten of them read every event; the others only count: the number of the last event of a frame, or bytes, where every
event is a frame of the same size. Its standard input takes `count` and `reconnect`; each answer is a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
import zlib
from typing import Any

READERS = 10
LAST = re.compile(rb'\{"kind":"frame","run":"bench","seq":(\d+)')


class Watcher(asyncio.Protocol):
    """One WebSocket.

    Args:
        server: where it is, as it said.
        reads: whether it looks into the events; otherwise it counts them, or bytes where frames say nothing.
        compress: whether it offers permessage-deflate.

    Attributes:
        last: the number of the last event.
        bytes: that came after the handshake.
        late: seconds from each event's moment to its arrival.
        exact: whether no event was missing or came twice.
    """

    def __init__(self, server: dict[str, Any], *, reads: bool, compress: bool) -> None:
        self.server, self.reads, self.compress = server, reads, compress
        self.last = self.bytes = 0
        self.late: list[float] = []
        self.exact = True
        self.buffer = bytearray()
        self.news = asyncio.Event()

    async def connect(self) -> None:
        self.opened = asyncio.get_running_loop().create_future()
        self.buffer.clear()
        self.inflate = zlib.decompressobj(-15)
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.server["port"])
        await self.opened

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        since = f"?since=epoch:{self.last + self.server['first']}" if self.server["first"] else ""
        lines = [
            f"GET {self.server['path']}{since} HTTP/1.1",
            f"Host: 127.0.0.1:{self.server['port']}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *([f"Authorization: Bearer {self.server['token']}"] if self.server["token"] else []),
            *(["Sec-WebSocket-Extensions: permessage-deflate"] if self.compress else []),
        ]
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        if self.opened.done() and self.counts_bytes:
            self.bytes += len(data)
            return
        self.buffer += data
        if not self.opened.done():
            head, found, rest = bytes(self.buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head:
                self.opened.set_exception(ConnectionError(head.decode()))
                return
            self.opened.set_result(None)
            self.buffer = bytearray(rest)
            self.bytes += len(rest)
        else:
            self.bytes += len(data)
        if not self.counts_bytes:
            self.take_frames()

    @property
    def counts_bytes(self) -> bool:
        return not self.reads and (self.compress or not self.server["first"])

    def take_frames(self) -> None:
        buffer, at = self.buffer, 0
        while len(buffer) >= at + 2:
            size, begin = buffer[at + 1] & 0x7F, at + 2
            if size >= 126:
                begin += 2 if size == 126 else 8
                size = int.from_bytes(buffer[at + 2 : begin])
            if len(buffer) < begin + size:
                break
            if buffer[at] & 0x0F == 1:
                payload = bytes(buffer[begin : begin + size])
                self.take(self.inflated(payload) if buffer[at] & 0x40 else payload)
            at = begin + size
        del buffer[:at]

    def inflated(self, payload: bytes) -> bytes:
        return self.inflate.decompress(payload + b"\x00\x00\xff\xff")

    def take(self, payload: bytes) -> None:
        if not self.reads:
            found = LAST.match(payload)
            if found is not None:
                self.last = int(found[1]) - self.server["first"]
            return
        now = time.monotonic()
        message = json.loads(payload)
        for event in message.get("events", []) if self.server["first"] else [message]:
            if event["kind"] != "node.delta":
                continue
            number = event["seq"] - 100_000
            self.exact = self.exact and number == self.last + 1
            self.last = number
            self.late.append(now - event["t"] / 1e6)
        self.news.set()


class Crowd:
    """All of them."""

    def __init__(self, server: dict[str, Any], count: int, *, compress: bool, readers: int = READERS) -> None:
        self.server = server
        self.all = [Watcher(server, reads=i < readers, compress=compress) for i in range(count)]
        self.readers = self.all[:readers]

    async def connect(self) -> None:
        for begin in range(0, len(self.all), 50):
            await asyncio.gather(*(watcher.connect() for watcher in self.all[begin : begin + 50]))

    def count(self) -> dict[str, Any]:
        """What has come by now."""
        late = sorted(seconds for watcher in self.readers for seconds in watcher.late)
        cuts = statistics.quantiles(late, n=100) if len(late) > 1 else [0.0] * 99
        return {
            "delivered": sum(map(self.delivered, self.all)),
            "bytes": sum(watcher.bytes for watcher in self.all),
            "exact": all(watcher.exact for watcher in self.readers),
            "p50": cuts[49] * 1000,
            "p99": cuts[98] * 1000,
        }

    def delivered(self, watcher: Watcher) -> int:
        if not watcher.counts_bytes:
            return watcher.last
        reader = self.readers[0]
        # Events are of one size, and so is what is around them; compressed, all get the same.
        return round(watcher.bytes / reader.bytes * reader.last) if reader.bytes else 0

    async def reconnect(self) -> dict[str, Any]:
        """Drop every socket at once, and come back at once: milliseconds until each has its next event."""
        before = [watcher.last for watcher in self.all]
        for watcher in self.all:
            watcher.transport.abort()
        waits = await asyncio.gather(*map(self.come_back, self.all))
        late = statistics.quantiles([wait * 1000 for wait, _ in waits], n=100)
        missed = sum(first - last - 1 for (_, first), last in zip(waits, before, strict=True))
        return {"p50": late[49], "p99": late[98], "missed": missed}

    async def come_back(self, watcher: Watcher) -> tuple[float, int]:
        """Seconds until the next event, and its number."""
        begin, had = time.monotonic(), len(watcher.late)
        before = watcher.last
        watcher.news.clear()
        await watcher.connect()
        while len(watcher.late) == had:
            await watcher.news.wait()
            watcher.news.clear()
        came = watcher.last - (len(watcher.late) - had) + 1
        return time.monotonic() - begin, came if watcher.last > before else before + 1


async def main(server: str, count: str, compress: str, readers: str) -> None:
    crowd = Crowd(json.loads(server), int(count), compress=compress == "deflate", readers=int(readers))
    await crowd.connect()
    say({"ready": True})
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        say(await crowd.reconnect() if line.split()[0] == b"reconnect" else crowd.count())


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
