"""What a record costs: bytes in a notebook, time to save, to seek and to replay, memory while replaying."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path

from page import FLAGS, chromium
from playwright.async_api import async_playwright
from report import Row

__all__ = ["rows"]

TOKENS = 100_000
PER_DELTA = 66
"""Tokens of a delta: 2,000 a second, merged every 33 ms."""
WORDS = "Sunlight is a mix of all colours and molecules of air scatter short waves far more than long ones"
BASE, PER_TEXT = 40 * 1024, 1.5
SEEK_LIMIT = 50
SEEKS = """() => {
    const slider = document.querySelector(".lfw-player").shadowRoot.querySelector("input[type=range]");
    return Array.from({length: 40}, (_, i) => {
        slider.value = ((i * 0.381966) % 1) * slider.max;
        const begin = performance.now();
        slider.dispatchEvent(new Event("input"));
        return performance.now() - begin;
    });
}"""
"""Seeks to and fro over the whole run, by the golden section. The answer is the time until the state is wound and the
cards are marked; what is drawn of them waits for the next frame.
"""


def example():
    """A run as a lesson has it: two chains side by side, 150 words each."""
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableParallel

    import lfwidget as lf

    words = WORDS.split()

    def model(name):
        said = " ".join(f"{name}-{word}{n}" for n in range(8) for word in words)
        return lf.ScriptedModel([said], tokens_per_second=300)

    chain = {
        name: ChatPromptTemplate.from_template(f"{name}: {{question}}") | model(name) | StrOutputParser()
        for name in ("fact", "story")
    }
    run = lf.Flow(RunnableParallel(chain), name="Fact and story").run("Why is the sky blue?")
    run.result()
    return run


def long_run(folder: Path):
    """A model that said 100,000 random words at 2,000 a second, as its log has it."""
    import lfwidget as lf
    from lfwidget.record.about import About
    from lfwidget.record.file import Record, write_record

    chance = random.Random(7)
    vocabulary = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 8))) for _ in range(5_000)]
    tokens = [f" {chance.choice(vocabulary)}" for _ in range(TOKENS)]
    graph = {"nodes": [{"id": "model", "title": "Model", "type": "model", "x": 0, "y": 0, "width": 230, "height": 132}]}
    started = {"run_id": "r", "flow": "Long", "name": "long", "input": "go", "started_at": "2026-01-01T00:00:00+00:00"}
    where = {"node": "model", "span": "s"}
    bodies = [
        {"t": 0.0, "kind": "run.started", **started, "graph": {**graph, "edges": []}, "format": 1},
        {"t": 0.0, "kind": "node.started", **where, "attempt": 1},
    ]
    for first in range(0, TOKENS, PER_DELTA):
        some = tokens[first : first + PER_DELTA]
        t = round((first + len(some)) / 2000, 6)
        dts = [min(0, round((i - len(some)) / 2 + chance.uniform(-0.3, 0.3))) for i in range(len(some))]
        text = "".join(some)
        body = {"channel": "text", "text": text, "cuts": list(map(len, some)), "dts": dts}
        bodies.append({"t": t, "kind": "node.delta", **where, **body})
    said = {"type": "ai", "content": "".join(tokens)}
    bodies += [
        {"t": 50.0, "kind": "node.finished", **where, "output": said, "duration": 50.0},
        {"t": 50.0, "kind": "run.finished", "output": said},
    ]
    events = [{"seq": seq, **body} for seq, body in enumerate(bodies, 1)]
    write_record(folder / "long.lfrun", Record(About.of(events[0]), events))
    return lf.open(folder / "long.lfrun")


def timed(act) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def size_row() -> Row:
    from lfwidget.keeper import record_bundle

    run = example()
    text = sum(len(node.text.encode()) for node in run.nodes.values())
    bytes_ = len(json.dumps(record_bundle(run), ensure_ascii=False).encode())
    state = len(json.dumps(run.widget.get_state(), default=str).encode()) + sum(
        len(json.dumps(event)) for event in run.log.since(0)
    )
    limit = BASE + PER_TEXT * text
    return Row(
        f"a record in a notebook, 7 nodes, {text:,} bytes of text",
        f"{bytes_:,} bytes",
        f"saved widget state {state:,}; panel-reactflow 8.9 MB (measured once)",
        f"{bytes_ / limit:.2f} x",
        "<= 40 KB + 1.5 x text",
        bytes_ <= limit,
    )


async def seeks(path: Path) -> list[float]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page()
        await page.goto(path.as_uri())
        await page.locator(".lfw-play").wait_for()
        times = await page.evaluate(SEEKS)
        await browser.close()
    return times


def rows(rounds: int) -> list[Row]:
    import lfwidget as lf

    folder = Path(tempfile.mkdtemp())
    run = long_run(folder)
    saving = [timed(lambda: run.save(folder / "x.lfrun")) for _ in range(rounds)]
    opening = [timed(lambda: lf.open(folder / "x.lfrun")) for _ in range(rounds)]
    replaying = [timed(lambda: run.replay(float("inf")).result()) for _ in range(rounds)]
    tracemalloc.start()
    run.replay(float("inf")).result()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    page = run.to_html(folder / "x.html")
    times = asyncio.run(seeks(folder / "x.html"))
    text = len(run.text.encode())
    packed = len(page.encode())
    middle = statistics.median
    return [
        size_row(),
        Row(
            f"a page of {TOKENS:,} tokens, {text / 1e6:.2f} MB of text",
            f"{packed / 1e6:.2f} MB",
            f"its events as JSON {len(json.dumps(run.log.since(0))) / 1e6:.2f} MB",
            f"{packed / (BASE + PER_TEXT * text):.2f} x",
            "<= 40 KB + 1.5 x text",
            packed <= BASE + PER_TEXT * text,
        ),
        Row(
            f"a seek in {TOKENS:,} tokens, to and fro",
            f"{middle(times):.1f} ms (at most {max(times):.1f})",
            "",
            "",
            f"<= {SEEK_LIMIT} ms",
            max(times) <= SEEK_LIMIT,
        ),
        Row(f"to save {TOKENS:,} tokens; to open them", f"{middle(saving):.2f} s; {middle(opening):.2f} s", "", ""),
        Row(f"to replay {TOKENS:,} tokens without waiting", f"{middle(replaying):.2f} s", "", f"{peak:.0f} MB at most"),
    ]
