"""Both ends of a gateway as small real things: somebody who watches, and somebody who brings events in."""

import asyncio
import json
import random
import time

import httpx
from doubles import HANG
from small_events import events
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from lfwidget.gateway.tokens import Grant, Signer

SECRET = "a secret for tests, which is long enough"
FINAL = (400, 401, 403, 404, 410)
"""After these the page and `lf.join` do not come back."""


def token(scope="run:run-1", right="view", lifetime=600, secret=SECRET, **fields):
    return Signer(secret).mint(Grant(scope, right, **fields), lifetime)


async def eventually(condition):
    """Until it is so: what it asks is on another thread, in another process, or not ours to signal."""
    async with asyncio.timeout(HANG):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def until(ask, answer, pause=0.05):
    """Until this is the answer."""
    async with asyncio.timeout(HANG):
        while await ask() != answer:  # noqa: ASYNC110 - see above
            await asyncio.sleep(pause)


def together(*coroutines):
    """All of them at once; the first that fails ends them all, and so does a hang."""

    async def run():
        async with asyncio.timeout(4 * HANG), asyncio.TaskGroup() as group:
            return [group.create_task(coroutine) for coroutine in coroutines]

    return run()


class Watching:
    """Somebody who watches, and who comes back wherever he can, with what he has.

    Args:
        ports: of the gateways, the first one first.
        path: of what he watches.
        token: lets him.
        since: what he has already.

    Attributes:
        seqs: of the events he got, in the order in which they came.
        told: the other messages.
        epoch: of the log he watches.
        connects: how often he was let in.
        refused: HTTP statuses with which he was not.
    """

    def __init__(self, ports, path="/runs/run-1/stream", token=None, since=""):
        self.ports, self.path, self.since = list(ports), path, since
        self.token = token or globals()["token"]()
        self.seqs, self.told, self.refused = [], [], []
        self.epoch, self.connects = "", 0
        self.socket = None

    def kinds(self):
        return [message["kind"] for message in self.told]

    @property
    def has(self):
        return self.seqs[-1] if self.seqs else 0

    def open(self, port, **options):
        separator = "&" if "?" in self.path else "?"
        address = f"ws://127.0.0.1:{port}{self.path}{separator}since={self.since}"
        headers = {"Authorization": f"Bearer {self.token}"}
        return connect(address, additional_headers=headers, compression=None, max_size=None, proxy=None, **options)

    async def follow(self, enough):
        """Until `enough()`, through all that goes wrong on the way."""
        ports = self.ports
        async with asyncio.timeout(4 * HANG):
            while not enough():
                try:
                    async with self.open(ports[0]) as socket:
                        self.connects += 1
                        await self.read(socket, enough)
                        return
                except (OSError, InvalidHandshake, ConnectionClosed) as trouble:
                    self.look_at(trouble)
                    ports = [*ports[1:], ports[0]]
                    await asyncio.sleep(random.uniform(0, 0.05))

    def look_at(self, trouble):
        """Some refusals are for good."""
        if isinstance(trouble, InvalidStatus):
            self.refused.append(trouble.response.status_code)
            if self.refused[-1] in FINAL:
                raise trouble

    async def to_the_end(self):
        await self.follow(lambda: "end" in self.kinds())

    async def read(self, socket, enough):
        self.socket = socket
        while not enough():
            self.take(json.loads(await asyncio.wait_for(socket.recv(), 2 * HANG)))

    def take(self, message):
        if message["kind"] == "frame":
            self.seqs += [event["seq"] for event in message["events"]]
            self.since = f"{self.epoch}:{message['seq']}"
            return
        self.told.append(message)
        if message["kind"] == "hello":
            self.epoch = message["epoch"]
        elif message["kind"] == "gap":
            self.since = f"{message['epoch']}:{message['to']}"


class Publishing:
    """Somebody who brings a run in, over whichever gateway answers, until all of it is there.

    Args:
        ports: of the gateways.
        last: `seq` of the event that ends the run.
        epoch: of his log.
        room: of the run.

    Attributes:
        have: what the gateways have.
        watchers: how many watch.
        commands: that were asked for.
        refused: HTTP statuses other than 200.
    """

    def __init__(self, ports, last=0, epoch="epoch-1", run="run-1", room=""):
        self.ports, self.last, self.epoch, self.run, self.room = list(ports), last, epoch, run, room
        self.have, self.watchers, self.commands, self.refused = 0, 0, [], []
        self.sent = 0
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token('*', 'publish', subject='teacher')}"}, trust_env=False
        )

    async def up_to(self, seq, at_once=20):
        """Until the gateways have it all up to `seq`."""
        deadline = time.monotonic() + 4 * HANG
        self.sent = max(self.sent, seq)
        while True:
            await self.post(events(self.have + 1, min(seq, self.have + at_once), self.last))
            if self.have >= seq:
                return
            assert time.monotonic() < deadline

    async def keep_up(self):
        """Say again and again that he is there, and send what has got lost: for ever."""
        while True:
            await self.post([])
            if self.have < self.sent:
                await self.up_to(self.sent)
            await asyncio.sleep(0.1)

    async def post(self, batch):
        body = {"epoch": self.epoch, "first": self.have + 1, "events": batch, "room": self.room}
        try:
            answer = await self._client.post(
                f"http://127.0.0.1:{self.ports[0]}/runs/{self.run}/events", json=body, timeout=HANG
            )
        except httpx.HTTPError:
            self._elsewhere()
            await asyncio.sleep(0.02)
            return
        if answer.status_code != 200:
            self.refused.append(answer.status_code)
            self._elsewhere()
            await asyncio.sleep(0.02)
            return
        receipt = answer.json()
        self.have, self.watchers = receipt["have"], receipt["watchers"]
        self.commands += receipt["commands"]

    def _elsewhere(self):
        self.ports = [*self.ports[1:], self.ports[0]]

    async def close(self):
        await self._client.aclose()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()
