"""What our plugin costs a LangFlow server: its own CPU and rate without the plugin, with it, and with watchers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
from langflow import MANY, Numbered
from report import Row, bound_row, median, ratio_row
from websockets.asyncio.client import connect

WATCHERS = 20
TAP = 5.0
UNWATCHED = 1.1
"""How many times the CPU a token may take with the plugin, when nobody watches: what two servers differ by anyway."""


class Bench:
    """One server, and the model server that its models are asked of."""

    def __init__(self, server, models, flow: str) -> None:
        self.server, self.models, self.flow = server, models, flow
        self.headers = {"x-api-key": server.api_key}
        self.missed: list[int] = []

    def cpu(self) -> float:
        """CPU that the server has taken, in seconds."""
        first = psutil.Process(self.server._process.pid)  # noqa: SLF001 - only it knows
        times = [each.cpu_times() for each in (first, *first.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    async def run(self, watchers: int = 0) -> tuple[float, float]:
        """What LangFlow takes for a run of many tokens that the model says at once, for its own client.

        Returns:
            Its CPU for a token in microseconds, and tokens per second.
        """
        from servers.openai_server import Script

        tokens = Numbered(MANY)
        self.models.script = Script(tokens=tokens)
        async with httpx.AsyncClient(base_url=self.server.url, headers=self.headers, timeout=120) as client:
            begin, cpu = time.perf_counter(), self.cpu()
            job = await self._begin(client)
            watching = await self._watch(job, watchers)
            heard = await self._listen(client, job)
            rate = MANY / (time.perf_counter() - begin)
            us = 1e6 * (self.cpu() - cpu) / MANY
            told = (await watching.communicate())[0].decode().splitlines()
        if told != [hashlib.sha256(tokens.text.encode()).hexdigest()] * watchers:
            raise AssertionError("not all watchers were told all that the model said")
        # LangFlow drops tokens for a reader of its own that is behind; its watchers must not make it so.
        self.missed.append(MANY - heard)
        return us, rate

    async def _begin(self, client: httpx.AsyncClient) -> str:
        body = {
            "flow_id": self.flow,
            "input_value": "go",
            "session_id": uuid.uuid4().hex,
            "mode": "background",
            "stream_protocol": "langflow",
        }
        return (await client.post("/api/v2/workflows", json=body)).raise_for_status().json()["job_id"]

    async def _listen(self, client: httpx.AsyncClient, job: str) -> int:
        heard = 0
        async with client.stream("GET", f"/api/v2/workflows/{job}/events") as answer:
            async for line in answer.aiter_lines():
                heard += line.startswith('data: {"event": "token"') and '"chunk": ""' not in line
        return heard

    async def _watch(self, job: str, watchers: int) -> asyncio.subprocess.Process:
        """Watchers in a process of their own: in this one they would hold up LangFlow's own client."""
        url = f"{self.server.url.replace('http', 'ws', 1)}/runs/{job}/stream"
        watching = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, "--watch"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        watching.stdin.write(json.dumps([url, self.headers, watchers]).encode() + b"\n")
        return watching


async def watch(url: str, headers: dict[str, str], watchers: int) -> None:
    """Print a hash of what each of them was told that the model said."""

    async def one() -> str:
        said = hashlib.sha256()
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            async for text in socket:
                message = json.loads(text)
                for event in message.get("events", ()):
                    said.update(event["text"].encode() if event["kind"] == "node.delta" else b"")
                if message["kind"] == "end":
                    return said.hexdigest()
        return ""

    for told in await asyncio.gather(*(one() for _ in range(watchers))):
        print(told)


@contextlib.asynccontextmanager
async def bench(**environment: str) -> AsyncIterator[Bench]:
    import flows as small
    from langflow_server import LangFlowServer
    from servers.openai_server import OpenAIServer

    models = OpenAIServer()
    models.start()
    server = LangFlowServer(Path(tempfile.mkdtemp()), models.url, **environment)
    try:
        await asyncio.to_thread(server.start)
        made = Bench(server, models, server.add(small.basic(server.starters())))
        await made.run()  # the first run imports the components
        yield made
    finally:
        server.stop()
        models.stop()


Taken = dict[str, list[tuple[float, float]]]
"""CPU and rate of each run, by how it was watched."""


async def measured(rounds: int) -> Taken:
    """With and without the plugin in turn, each first as often as the other: a run leaves something behind."""
    taken: Taken = {"off": [], "unwatched": [], "one": [], "many": []}
    async with bench() as off, bench(LFWIDGET_LANGFLOW_SOCKET="1") as on:
        for number in range(rounds):
            for name, server in (("off", off), ("unwatched", on))[:: 1 if number % 2 else -1]:
                taken[name].append(await server.run())
        for _ in range(rounds):
            taken["one"].append(await on.run(1))
            taken["many"].append(await on.run(WATCHERS))
        print(f"LangFlow's own client missed {max(off.missed)} and {max(on.missed)} tokens", file=sys.stderr)
    return taken


async def _tap(count: int) -> float:
    """CPU that remembering a token takes, in microseconds."""
    from lfwidget.gateway.langflow_plugin.tapped import About, TappedRun
    from lfwidget.gateway.settings import Settings

    about = About("run", "owner")
    run = TappedRun(about, Settings())
    run.begin(about)
    data = [{"chunk": f"{number:05d} ", "id": str(uuid.uuid4())} for number in range(count)]
    sent = [json.dumps({"event": "token", "data": each}).encode() + b"\n\n" for each in data]
    begin = time.process_time()
    for payload in sent:
        run.note(payload, "LanguageModelComponent-FLeYF")
    return 1e6 * (time.process_time() - begin) / count


def row(what: str, taken: Taken, name: str, budget: float | None = None) -> Row:
    ratios = [own / off for (own, _), (off, _) in zip(taken[name], taken["off"], strict=True)]
    without = f"without the plugin: {in_words(taken['off'])}"
    return ratio_row(what, own=in_words(taken[name]), reference=without, values=ratios, budget=budget)


def in_words(taken: list[tuple[float, float]]) -> str:
    return f"{median([us for us, _ in taken]):,.0f} us, {median([rate for _, rate in taken]):,.0f} tokens/s"


def rows(rounds: int) -> list[Row]:
    taken = asyncio.run(measured(rounds))
    what = f"LangFlow with our plugin: the server's CPU for each of {MANY:,} tokens,"
    return [
        row(f"{what} unwatched", taken, "unwatched", UNWATCHED),
        bound_row(
            "of that, to remember a token that nobody watches",
            values=[asyncio.run(_tap(MANY)) for _ in range(rounds)],
            unit="us",
            reference="",
            budget=TAP,
        ),
        row(f"{what} one watcher, who is told all", taken, "one"),
        row(f"{what} {WATCHERS} watchers, who are told all", taken, "many"),
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["--watch"]:
        asyncio.run(watch(*json.loads(sys.stdin.readline())))
    else:
        for each in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
            print(each.cells())
