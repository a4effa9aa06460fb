"""A process that serves one stream of events to many, in one of three ways, and that makes the events, too.

Its standard input takes `go <events per second> <seconds>`; each answer is a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

import psutil
import uvicorn
from websockets.asyncio.server import broadcast, serve

from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.serve import config
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.shared_log import encode
from lfwidget.gateway.store import Batch
from lfwidget.gateway.tokens import Grant

TICK = 0.005
PERIOD = Settings().frame_period
GRACE = 1.0
"""Seconds after the last event in which what is on its way still counts."""


def event(number: int, at: float) -> dict[str, Any]:
    """A delta as a run makes it, with the moment in microseconds; all are of the same length."""
    return {
        "seq": 100_000 + number,
        "t": int(at * 1e6),
        "kind": "node.delta",
        "node": "model",
        "span": "model#1",
        "channel": "text",
        "text": " word",
        "cuts": [5],
        "dts": [0],
    }


class OurGateway:
    """The gateway, with the log in its own process."""

    def __init__(self, *, compress: bool) -> None:
        # All watchers have one address here, and they all come at once.
        many = Settings(per_run=100_000, per_address=100_000, connects=100_000)
        self.gateway = Gateway(many)
        self.compress = compress
        self.sent = 0

    async def start(self) -> dict[str, Any]:
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.server = uvicorn.Server(config(self.gateway, compress=self.compress))
        self.task = asyncio.create_task(self.server.serve(sockets=[listening]))
        while not self.server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        started = {"seq": 1, "t": 0, "kind": "run.started"}
        await self.gateway.store.publish(Batch("bench", "epoch", 1, encode([started])))
        token = self.gateway.signer.mint(Grant("run:bench"), 600)
        return {"port": listening.getsockname()[1], "path": "/runs/bench/stream", "token": token, "first": 1}

    async def push(self, events: list[dict[str, Any]], _until: float) -> int:
        await self.gateway.store.publish(Batch("bench", "epoch", self.sent + 2, encode(events)))
        self.sent += len(events)
        return len(events)


class Broadcast:
    """`websockets.broadcast`: a frame per event."""

    def __init__(self, *, compress: bool) -> None:
        self.compress = compress

    async def start(self) -> dict[str, Any]:
        self.server = await serve(
            self.handle,
            "127.0.0.1",
            0,
            backlog=2048,
            compression="deflate" if self.compress else None,
            ping_interval=None,
        )
        return {"port": self.server.sockets[0].getsockname()[1], "path": "/", "token": "", "first": 0}

    async def handle(self, connection: Any) -> None:
        await connection.wait_closed()

    async def push(self, events: list[dict[str, Any]], until: float) -> int:
        """As many as it can send until then: one that is far behind would go on for minutes."""
        for number, entry in enumerate(encode(events)):
            if time.monotonic() > until:
                return number
            self.give(entry.text)
            # Otherwise a server that is behind would never read, write or accept again.
            await asyncio.sleep(0)
        return len(events)

    def give(self, text: str) -> None:
        broadcast(self.server.connections, text)


class Queues(Broadcast):
    """A queue per watcher: what one writes first."""

    def __init__(self, *, compress: bool) -> None:
        super().__init__(compress=compress)
        self.queues: set[asyncio.Queue[str]] = set()

    async def handle(self, connection: Any) -> None:
        queue: asyncio.Queue[str] = asyncio.Queue()
        self.queues.add(queue)
        try:
            while True:
                await connection.send(await queue.get())
        finally:
            self.queues.discard(queue)

    def give(self, text: str) -> None:
        for queue in self.queues:
            queue.put_nowait(text)


class Frames(Broadcast):
    """`websockets.broadcast` of frames as ours: without rights, without a way back, without an end for who is slow."""

    def __init__(self, *, compress: bool) -> None:
        super().__init__(compress=compress)
        self.waiting: list[str] = []
        self.sent = 0

    async def start(self) -> dict[str, Any]:
        started = await super().start()
        self.task = asyncio.create_task(self.flush())
        return {**started, "first": 1}

    async def push(self, events: list[dict[str, Any]], _until: float) -> int:
        self.waiting += [entry.text for entry in encode(events)]
        return len(events)

    async def flush(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            if self.waiting:
                self.sent += len(self.waiting)
                events = ",".join(self.waiting)
                self.waiting.clear()
                self.give(f'{{"kind":"frame","run":"bench","seq":{self.sent + 1},"events":[{events}]}}')


WAYS = {"gateway": OurGateway, "broadcast": Broadcast, "queues": Queues, "frames": Frames}


async def produce(way: Any, rate: int, seconds: float) -> int:
    """Events at their moments, as far as this process gets to it; each says when it should have come."""
    start = time.monotonic()
    made, end = 0, start + seconds
    while made < rate * seconds:
        now = time.monotonic()
        due = range(made + 1, int(min(now - start, seconds) * rate) + 1)
        made += await way.push([event(number, start + number / rate) for number in due], max(end, now + TICK))
        if now > end:
            break
        await asyncio.sleep(TICK)
    return made


async def main(name: str, compress: str) -> None:
    way = WAYS[name](compress=compress == "deflate")
    process = psutil.Process()
    say(await way.start())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command, *numbers = line.decode().split()
        if command == "go":
            begin, cpu = time.monotonic(), time.process_time()
            made = await produce(way, int(numbers[0]), float(numbers[1]))
            await asyncio.sleep(GRACE)
            say({"made": made, "cpu": time.process_time() - cpu, "wall": time.monotonic() - begin - GRACE})
        else:
            say({"memory": process.memory_info().rss})


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
