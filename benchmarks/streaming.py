"""JupyterLab in Chromium under Jupyter's default rate limits: what of a fast stream arrives, and when."""

from __future__ import annotations

import asyncio
import json
import math
import re
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from models import token
from page import chromium
from playwright.async_api import Browser, async_playwright
from report import Row, median

HERE = Path(__file__).parent
sys.path.insert(1, str(HERE.parent / "tests" / "browser"))
from flow_view import FlowView  # noqa: E402
from lab import CHROMIUM_FLAGS, HANG, JupyterServer, NotebookPage, write_notebook  # noqa: E402 - the tests' own harness

__all__ = ["rows"]

TOKENS, RATE = 20_000, 2_000
WAYS = ("lfwidget", "traits", "messages")
TEXT = {"lfwidget": '[data-id="model"] .lfw-tail', "traits": ".benchmark-text", "messages": ".benchmark-text"}
CATCH_UP_LIMIT, P50_LIMIT, P99_LIMIT = 300, 30, 80
QUIET = 2.5  # seconds without anything new after which nothing more will come


@dataclass(frozen=True)
class Stream:
    """One run as the page saw it. `latencies` are milliseconds from the model's token to the DOM."""

    lost: int
    exact: bool
    latencies: list[float]
    catch_up: float | None = None

    def percentile(self, rank: int) -> float:
        return statistics.quantiles(self.latencies, n=100)[rank - 1]


@asynccontextmanager
async def opened(browser: Browser, server: JupyterServer, way: str, done: Path) -> AsyncIterator[NotebookPage]:
    """A notebook with the one cell that streams, in a fresh profile, watched by the probe."""
    source = f"import sys; sys.path.insert(0, {str(HERE)!r})\nfrom cell import start\n"
    source += f"task = start({way!r}, {TOKENS}, {RATE}, {str(done)!r})"
    write_notebook(server.notebooks / f"{done.stem}.ipynb", [source])
    context = await browser.new_context(viewport={"width": 1280, "height": 1400})
    await context.add_init_script(f"window.probeSelector = {TEXT[way]!r}")
    await context.add_init_script(path=HERE / "page" / "probe.js")
    async with NotebookPage.open(context, server, f"{done.stem}.ipynb") as notebook:
        await notebook.run(0)
        yield notebook
    await context.close()


async def settled(notebook: NotebookPage, done: Path) -> tuple[list[float], list[list[float]], float | None]:
    """When each token left the model, [time, last token seen] of the page, and when the page asked for a resync.

    The kernel is never asked: its answer would reset the rate limit and so help those who lose tokens.
    """
    sent = await asyncio.to_thread(written, done)
    seen = -1
    while True:
        probe = await notebook.page.evaluate("window.probe")
        if len(probe["arrivals"]) == seen:
            return sent, probe["arrivals"], probe["resync"]
        seen = len(probe["arrivals"])
        await asyncio.sleep(QUIET)


def written(done: Path) -> list[float]:
    """What the kernel writes when it has sent everything."""
    end = time.monotonic() + HANG
    while not done.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"the stream did not end in {HANG:.0f} s")
        time.sleep(0.1)
    return json.loads(done.read_text())


async def whole_text(notebook: NotebookPage, way: str) -> str:
    if way == "lfwidget":
        return await FlowView.under(notebook, 0).text("model")
    return await notebook.page.locator(TEXT[way]).first.text_content()


def latencies(sent: list[float], arrivals: list[list[float]], present: set[int]) -> list[float]:
    """A token has arrived when it, or a later one, was the last in the page; a lost one has no latency."""
    numbers = [number for _, number in arrivals]
    found = ((index, bisect_left(numbers, index)) for index in sorted(present))
    return [arrivals[place][0] - 1000 * sent[index] for index, place in found if place < len(arrivals)]


async def stream(browser: Browser, server: JupyterServer, way: str, number: int) -> Stream:
    done = server.home / f"{way}-{number}.json"
    async with opened(browser, server, way, done) as notebook:
        sent, arrivals, _ = await settled(notebook, done)
        text = await whole_text(notebook, way)
    present = {int(found) for found in re.findall(r"\d{5}(?= )", text)}
    exact = text == "".join(map(token, range(TOKENS)))
    return Stream(TOKENS - len(present), exact, latencies(sent, arrivals, present))


async def reloaded(browser: Browser, server: JupyterServer, number: int) -> Stream:
    """Reload the page a third of the way in. Caught up: the page shows what had left the model when it asked."""
    done = server.home / f"reload-{number}.json"
    async with opened(browser, server, "lfwidget", done) as notebook:
        await notebook.page.wait_for_function("count => window.probe.arrivals.at(-1)?.[1] > count", arg=TOKENS // 3)
        await notebook.save()  # a page that is loaded again shows the outputs that were saved
        await notebook.reload()
        await notebook.page.wait_for_function("window.probe.arrivals.length > 0")
        sent, arrivals, asked = await settled(notebook, done)
        text = await whole_text(notebook, "lfwidget")
    if asked is None:
        raise AssertionError("the reloaded page never asked for what it had missed")
    left = bisect_left(sent, asked / 1000) - 1
    caught_up = next((moment for moment, number in arrivals if number >= left), math.inf)
    return Stream(0, text == "".join(map(token, range(TOKENS))), [], caught_up - asked)


async def measure(rounds: int) -> tuple[dict[str, list[Stream]], list[Stream]]:
    streams: dict[str, list[Stream]] = {way: [] for way in WAYS}
    reloads = []
    with tempfile.TemporaryDirectory() as home:
        server = JupyterServer(Path(home))
        server.start()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
                for number in range(rounds):
                    for way in WAYS:
                        streams[way].append(await stream(browser, server, way, number))
                    reloads.append(await reloaded(browser, server, number))
        finally:
            server.stop()
    return streams, reloads


def rows(rounds: int) -> list[Row]:
    streams, reloads = asyncio.run(measure(rounds))
    named = {"traits": "a trait per token", "messages": "a message per token"}

    def references(figure) -> str:
        return "; ".join(f"{name}: {figure(streams[way])}" for way, name in named.items())

    def lost(runs: list[Stream]) -> str:
        return f"{100 * median([run.lost for run in runs]) / TOKENS:.0f} %"

    def delay(runs: list[Stream], rank: int) -> float:
        return median([run.percentile(rank) for run in runs])

    own, most = streams["lfwidget"], max(run.lost for run in streams["lfwidget"])
    exact = sum(run.exact for run in own)
    found = [
        Row(
            f"JupyterLab, {RATE:,} tokens/s, {TOKENS:,} tokens: lost",
            f"{most} at most",
            references(lost),
            f"{exact} of {len(own)} exact",
            "0 lost",
            most == 0 and exact == len(own),
        )
    ]
    for rank, limit in ((50, P50_LIMIT), (99, P99_LIMIT)):
        value = delay(own, rank)
        found.append(
            Row(
                f"the same: from the model to the DOM, p{rank}",
                f"{value:.0f} ms",
                references(lambda runs, rank=rank: f"{delay(runs, rank):.0f} ms"),
                f"{value / delay(streams['messages'], rank):.2f} x",
                f"<= {limit} ms",
                value <= limit,
            )
        )
    caught_up, exact = median([run.catch_up for run in reloads]), sum(run.exact for run in reloads)
    found.append(
        Row(
            "reload mid-run: caught up after the page asked",
            f"{caught_up:.0f} ms",
            "",
            f"{exact} of {len(reloads)} exact",
            f"<= {CATCH_UP_LIMIT} ms, exact",
            caught_up <= CATCH_UP_LIMIT and exact == len(reloads),
        )
    )
    return found
