"""The page against React Flow, in a bare Chromium page: bytes, first paint, and 100 nodes streaming at once."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphs import grid
from playwright.sync_api import Browser, Page, sync_playwright
from report import Row, bound_row, median

__all__ = ["rows"]

HERE = Path(__file__).parent
REFERENCE = HERE / "page"
OWN = HERE.parent / "lfwidget" / "static"
STACKS = ("own", "setNodes", "store")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",  # software drawing everywhere: the figures then mean the same on every machine
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]
PAINTED = (300, 1000)
STREAMING = (100, 20)
BUNDLE_LIMIT, PAINT_LIMIT, FRAME_LIMIT = 48 * 1024, 350, 8


@dataclass(frozen=True)
class Bundle:
    """A script and a style sheet, as the page loads them."""

    script: str
    style: str

    @property
    def bytes(self) -> int:
        return len(self.script.encode()) + len(self.style.encode())


def bundles() -> dict[str, Bundle]:
    """Ours as it ships; the reference built from its lock file (`npm ci` only where it is not installed)."""
    if not (REFERENCE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=REFERENCE, check=True, stdout=sys.stderr)
    subprocess.run(["npm", "run", "--silent", "build"], cwd=REFERENCE, check=True, stdout=subprocess.DEVNULL)
    own = Bundle((OWN / "widget.js").read_text(), (OWN / "widget.css").read_text())
    built = REFERENCE / "build"
    reference = Bundle((built / "reactflow.js").read_text(), (built / "reactflow.css").read_text())
    return {"own": own, "setNodes": reference, "store": reference}


def chromium() -> str:
    found = subprocess.run(
        [sys.executable, str(HERE.parent / "scripts" / "find_chromium.py")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return found.stdout.strip()


class Measured:
    """A fresh page with one bundle in it, and the CPU time its main thread has used."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def cpu(self) -> float:
        """Milliseconds of main-thread CPU so far: script, style, layout, paint."""
        metrics = {each["name"]: each["value"] for each in self._cdp.send("Performance.getMetrics")["metrics"]}
        return 1000 * metrics["TaskDuration"]

    def call(self, name: str, *arguments: Any) -> Any:
        answer = self.page.evaluate("([name, given]) => window.bench[name](...given)", [name, list(arguments)])
        if self.errors:
            raise RuntimeError(self.errors[0])
        return answer


@contextmanager
def opened(browser: Browser, bundle: Bundle) -> Iterator[Measured]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_style_tag(content=bundle.style)
    page.evaluate(
        "text => { window.bundle = URL.createObjectURL(new Blob([text], {type: 'text/javascript'})) }", bundle.script
    )
    page.add_script_tag(path=REFERENCE / "driver.js")
    try:
        yield Measured(page)
    finally:
        context.close()


def first_paint(browser: Browser, bundle: Bundle, stack: str, nodes: int) -> float:
    with opened(browser, bundle) as page:
        before = page.cpu()
        page.call("paint", stack, grid(nodes))
        return page.cpu() - before


def streaming(browser: Browser, bundle: Bundle, stack: str, nodes: int, seconds: float) -> tuple[float, float]:
    """CPU ms per frame, and frames per second, while every node gets a token at every frame."""
    graph = grid(nodes)
    ids = [node["id"] for node in graph["nodes"]]
    with opened(browser, bundle) as page:
        page.call("paint", stack, graph)
        page.call("start", stack, ids)
        before = page.cpu()
        frames = page.call("stream", stack, ids, seconds)
        return (page.cpu() - before) / frames, frames / seconds


def rows(rounds: int, seconds: float = 4) -> list[Row]:
    """The three stacks in turn, round by round."""
    built = bundles()
    paints: dict[tuple[str, int], list[float]] = defaultdict(list)
    frames: dict[tuple[str, int], list[float]] = defaultdict(list)
    rates: dict[tuple[str, int], list[float]] = defaultdict(list)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for _ in range(rounds):
            for stack in STACKS:
                for nodes in PAINTED:
                    paints[stack, nodes].append(first_paint(browser, built[stack], stack, nodes))
                for nodes in STREAMING:
                    cost, rate = streaming(browser, built[stack], stack, nodes, seconds)
                    frames[stack, nodes].append(cost)
                    rates[stack, nodes].append(rate)
        browser.close()
    streamed = [frame_row(frames, rates, nodes) for nodes in STREAMING]
    return [*streamed, *(paint_row(paints, nodes) for nodes in PAINTED), bytes_row(built)]


def frame_row(frames: dict[tuple[str, int], list[float]], rates: dict[tuple[str, int], list[float]], nodes: int) -> Row:
    told = {stack: f"{median(frames[stack, nodes]):.1f} ms at {median(rates[stack, nodes]):.0f} Hz" for stack in STACKS}
    size = "all in view, too small to read" if nodes == 100 else "text readable"
    return bound_row(
        f"{nodes} nodes streaming at once, {size}: main-thread CPU per frame (drawn {told['own'].split(' at ')[1]})",
        values=frames["own", nodes],
        unit="ms",
        reference=f"React Flow, setNodes: {told['setNodes']}; a store per node: {told['store']}",
        references=frames["setNodes", nodes],
        budget=FRAME_LIMIT if nodes == 100 else None,
    )


def paint_row(paints: dict[tuple[str, int], list[float]], nodes: int) -> Row:
    return bound_row(
        f"first paint of {nodes:,} nodes, main-thread CPU",
        values=paints["own", nodes],
        unit="ms",
        reference=f"React Flow: {median(paints['setNodes', nodes]):,.0f} ms",
        references=paints["setNodes", nodes],
        budget=PAINT_LIMIT if nodes == 1000 else None,
    )


def bytes_row(built: dict[str, Bundle]) -> Row:
    own, reference = built["own"].bytes, built["setNodes"].bytes
    return Row(
        "bundle, JS + CSS, minified",
        f"{own:,} bytes",
        f"React Flow: {reference:,} bytes",
        f"{own / reference:.3f} x",
        f"<= {BUNDLE_LIMIT:,} bytes",
        own <= BUNDLE_LIMIT,
    )
