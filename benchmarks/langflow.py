"""LangFlow flows: drawing one, running one with lfx, watching one on a real server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from report import Row, median, ratio_row

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "server")]
PYTHON_LFX = ROOT / ".venv-lfx" / "bin" / "python"
TOKENS, MANY, NODES = 5_000, 10_000, 500
FLOOD = 1_000
"""Tokens per second that must come through from a real server."""


class Stamped(Sequence[str]):
    """Tokens that say when they were taken, in seconds of a clock that all processes share."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return f"{time.monotonic():.6f} "

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(self.count))


class Numbered(Sequence[str]):
    """Numbered tokens.

    Attributes:
        text: all of them.
        seconds: how long it took until all were taken.
    """

    def __init__(self, count: int) -> None:
        self._tokens = [f"{number:05d} " for number in range(count)]
        self.text = "".join(self._tokens)
        self.seconds = 0.0

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return self._tokens[index]

    def __iter__(self) -> Iterator[str]:
        begin = time.perf_counter()
        yield from self._tokens
        self.seconds = self.seconds or time.perf_counter() - begin  # they are counted once more, for the usage


def drawing(rounds: int) -> Row:
    from lfwidget.runners.langflow.drawing.draw import draw
    from lfwidget.runners.langflow.export import read_export

    node = json.loads((ROOT / "notebooks" / "flows" / "Basic Prompting.json").read_text())["data"]["nodes"][1]
    nodes = [
        {**node, "id": f"Prompt-{i}", "position": {"x": 400 * (i % 25), "y": 300 * (i // 25)}} for i in range(NODES)
    ]
    edges = [{"source": f"Prompt-{i}", "target": f"Prompt-{i + 1}"} for i in range(NODES - 1)]
    text = json.dumps({"name": "Large", "data": {"nodes": nodes, "edges": edges}})
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        export = read_export(text)
        draw(export)
        times.append(1000 * (time.perf_counter() - begin))
    own = f"{median(times):.0f} ms"
    return Row(f"to read and draw an export of {NODES} nodes", own, "", "", "<= 100 ms", median(times) <= 100)


def local(rounds: int) -> Row:
    taken: dict[str, list[float]] = {"bare": [], "lfwidget": [], "native": []}
    for _ in range(rounds):
        for source, values in taken.items():
            command = [PYTHON_LFX, "lfx_tokens.py", source, str(TOKENS)]
            done = subprocess.run(command, cwd=ROOT / "benchmarks", stdout=subprocess.PIPE, check=True, timeout=600)
            values.append(json.loads(done.stdout.splitlines()[-1])["us"])
    us = {source: f"{median(values):.0f} us" for source, values in taken.items()}
    return ratio_row(
        f"a flow run with lfx: CPU per token, {TOKENS:,} tokens",
        own=us["lfwidget"],
        reference=f"LangFlow's own streaming {us['native']}; model.astream {us['bare']}",
        values=[own / native for own, native in zip(taken["lfwidget"], taken["native"], strict=True)],
    )


def remote(rounds: int) -> list[Row]:
    import flows as small
    from langflow_server import LangFlowServer
    from servers.openai_server import OpenAIServer

    models = OpenAIServer()
    models.start()
    server = LangFlowServer(Path(tempfile.mkdtemp()), models.url)
    try:
        server.start()
        server.add(small.basic(server.starters()))
        return asyncio.run(_watched(server, models, rounds))
    finally:
        server.stop()
        models.stop()


async def _watched(server, models, rounds: int) -> list[Row]:
    from servers.openai_server import Script

    import lfwidget as lf

    flow = lf.connect(server.url, "Basic", api_key=server.api_key)
    await flow.run("warm up")
    models.script = Script(tokens=Stamped(200), delay=0.02)
    late = await _latencies(flow)
    return [
        Row(
            "a flow on a real server, 50 tokens/s: from the model to the log, p50 (p99)",
            f"{1000 * late[len(late) // 2]:.0f} ms ({1000 * late[int(0.99 * len(late))]:.0f})",
            "",
            "",
        ),
        await _flood(flow, models, rounds),
    ]


async def _flood(flow, models, rounds: int) -> Row:
    """A model that says all it has at once, so that LangFlow's own pace is the limit."""
    from servers.openai_server import Script

    rates, offered, lost, single = [], [], [], []
    for _ in range(rounds):
        tokens = Numbered(MANY)
        models.script = Script(tokens=tokens)
        begin = time.perf_counter()
        run = flow.run("go")
        text = await run
        rates.append(MANY / (time.perf_counter() - begin))
        offered.append(MANY / tokens.seconds)
        lost.append(len(set(tokens) - {f"{number} " for number in text.split()}))
        single.append(sum(len(event["cuts"]) for event in run.log.since(0) if event["kind"] == "node.delta"))
        if not lost[-1] and text != tokens.text:
            raise AssertionError("all tokens came, but not as they were sent")
    return Row(
        f"the same, {MANY:,} tokens as fast as the server passes them on",
        f"{median(rates):,.0f} tokens/s ({min(rates):,.0f}-{max(rates):,.0f}), {min(single):,} one by one",
        f"offered by the model: {median(offered):,.0f} tokens/s",
        f"{max(lost)} lost",
        ">= 1,000 tokens/s, 0 lost",
        median(rates) >= FLOOD and not any(lost),
    )


async def _latencies(flow) -> list[float]:
    """Seconds from each token's stamp to its time in the log, the shortest first."""
    run = flow.run("go")
    await run
    begun = run.log._zero  # noqa: SLF001 - of `perf_counter`, which is the monotonic clock here
    late = []
    for event in run.log.since(0):
        if event["kind"] == "node.delta":
            stamps = event["text"].split()
            late += [
                begun + event["t"] + dt / 1000 - float(stamp) for stamp, dt in zip(stamps, event["dts"], strict=True)
            ]
    return sorted(late)


def rows(rounds: int) -> list[Row]:
    return [drawing(rounds), local(rounds), *remote(rounds)]
