"""One run, many watchers: what arrives, when, and what it costs the gateway; beside what one would write without it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import Row, median

__all__ = ["rows"]

HERE = Path(__file__).parent
WAYS = ("gateway", "broadcast", "queues")
NAMES = {
    "broadcast": "websockets.broadcast, a frame per event",
    "queues": "a queue per watcher",
    "frames": "websockets.broadcast of the same frames",
}
SECONDS = 4.0
WATCHERS, RATE = 300, 1_000
BUDGET = 25
"""Per cent of a core, for so many watchers at that rate."""
OTHERS = ((1, 1_000), (100, 1_000), (300, 5_000), (1_000, 1_000))
"""Watchers and events per second of the rows that are measured once. `python benchmarks/gateway.py` measures all."""
ALL = [(watchers, rate) for rate in (1_000, 5_000) for watchers in (1, 100, 300, 1_000)]
RECONNECTING, READERS = 100, 10


class Program:
    """A program of ours that is told something by a line and answers by a line of JSON."""

    def __init__(self, name: str, *arguments: Any) -> None:
        command = [sys.executable, str(HERE / name), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[1]} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, line: str) -> dict[str, Any]:
        self.say(line)
        return self.hear()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@dataclass(frozen=True)
class Cell:
    """One way with so many watchers at that rate. Times are seconds, delays milliseconds, sizes bytes."""

    delivered: float
    made: float
    exact: bool
    core: float
    cpu: float
    p50: float
    p99: float
    memory: float
    bytes: float

    def __str__(self) -> str:
        share = 100 * self.delivered
        return (
            f"{share:.0f} %, {self.core:.0f} % of a core, {self.cpu * 1e6:.2f} us each, "
            f"p50 {self.p50:,.0f} ms, p99 {self.p99:,.0f} ms"
        )


@contextmanager
def crowd(way: str, watchers: int, *, compress: str = "none", readers: int = READERS) -> Iterator[tuple[Any, ...]]:
    """A server, those who watch, and the bytes each of them takes in the server."""
    server = Program("gateway_server.py", way, compress)
    try:
        address = server.hear()
        before = server.ask("memory")["memory"]
        load = Program("gateway_load.py", json.dumps(address), watchers, compress, readers)
        try:
            load.hear()
            yield server, load, (server.ask("memory")["memory"] - before) / watchers
        finally:
            load.close()
    finally:
        server.close()


def cell(way: str, watchers: int, rate: int, *, compress: str = "none") -> Cell:
    with crowd(way, watchers, compress=compress) as (server, load, memory):
        begin = time.monotonic()
        server.say(f"go {rate} {SECONDS}")
        # At the same moment for all ways, also for a server that is far behind.
        time.sleep(SECONDS + 1 - (time.monotonic() - begin))
        counted = load.ask("count")
        made = server.hear()
    offered = rate * SECONDS
    return Cell(
        delivered=counted["delivered"] / (offered * watchers),
        made=made["made"] / offered,
        exact=counted["exact"],
        core=100 * made["cpu"] / made["wall"],
        cpu=made["cpu"] / max(1, counted["delivered"]),
        p50=counted["p50"],
        p99=counted["p99"],
        memory=memory,
        bytes=counted["bytes"] / max(1, counted["delivered"]),
    )


def budget(rounds: int) -> list[Row]:
    """The cell with the budget, all ways in turn."""
    cells: dict[str, list[Cell]] = {way: [] for way in (*WAYS, "frames")}
    for _ in range(rounds):
        for way, found in cells.items():
            found.append(cell(way, WATCHERS, RATE))
    own = cells["gateway"]
    whole = all(one.exact and one.delivered == one.made for one in own)
    core = [one.core for one in own]
    return [
        Row(
            f"gateway, {WATCHERS} watchers x {RATE:,} events/s: CPU of its process",
            f"{median(core):.0f} % of a core ({min(core):.0f}-{max(core):.0f})",
            others(cells, lambda one: f"{one.core:.0f} %, {100 * one.delivered:.0f} % of all delivered"),
            "all delivered" if whole else f"{100 * min(one.delivered for one in own):.1f} % delivered",
            f"<= {BUDGET} % of a core, all delivered",
            whole and median(core) <= BUDGET,
        ),
        Row(
            "the same: CPU per delivery",
            f"{median([one.cpu for one in own]) * 1e6:.2f} us",
            others(cells, lambda one: f"{one.cpu * 1e6:.2f} us"),
            f"{median([one.cpu for one in own]) / median([one.cpu for one in cells['broadcast']]):.2f} x",
        ),
        Row(
            "the same: from the event to the watcher, p50 (p99)",
            f"{median([one.p50 for one in own]):.0f} ms ({median([one.p99 for one in own]):.0f})",
            others(cells, lambda one: f"{one.p50:,.0f} ms ({one.p99:,.0f})"),
            "",
        ),
        Row(
            "the same: memory per watcher",
            f"{median([one.memory for one in own]) / 1000:.0f} KB",
            others(cells, lambda one: f"{one.memory / 1000:.0f} KB"),
            "",
        ),
    ]


def others(cells: dict[str, list[Cell]], words: Any) -> str:
    """What the references did; of several rounds, the middle one by CPU."""
    middle = {way: sorted(found, key=lambda one: one.core)[len(found) // 2] for way, found in cells.items()}
    return "; ".join(f"{NAMES[way]}: {words(one)}" for way, one in middle.items() if way != "gateway")


def matrix(cells: Sequence[tuple[int, int]]) -> Iterator[Row]:
    for watchers, rate in cells:
        found = {way: [cell(way, watchers, rate)] for way in WAYS}
        what = (
            f"gateway, {watchers:,} watchers x {rate:,} events/s (once): delivered, CPU of the process and per delivery"
        )
        if watchers == 1:
            what = what.replace("watchers", "watcher")
        yield Row(what, str(found["gateway"][0]), others(found, str), "")


def reconnect(rounds: int) -> Row:
    found: dict[str, list[dict[str, Any]]] = {"gateway": [], "broadcast": []}
    for _ in range(rounds):
        for way, results in found.items():
            with crowd(way, RECONNECTING, readers=RECONNECTING) as (server, load, _):
                server.say(f"go {RATE} 3")
                time.sleep(1)
                results.append(load.ask("reconnect"))

    def middle(way: str, key: str) -> float:
        return median([result[key] for result in found[way]])

    missed = max(result["missed"] for result in found["gateway"])
    return Row(
        f"{RECONNECTING} watchers lose their sockets and come back at once: until each has its next event, p50 (p99)",
        f"{middle('gateway', 'p50'):.0f} ms ({middle('gateway', 'p99'):.0f})",
        f"websockets.broadcast: {middle('broadcast', 'p50'):.0f} ms ({middle('broadcast', 'p99'):.0f}), "
        f"{middle('broadcast', 'missed') / RECONNECTING:.0f} events each missed",
        f"{missed} missed",
        "0 missed",
        missed == 0,
    )


def compression() -> Row:
    plain, packed = (cell("gateway", 100, RATE, compress=compress) for compress in ("none", "deflate"))
    return Row(
        f"gateway, 100 watchers x {RATE:,} events/s with compression (off by default)",
        f"{packed.bytes:.0f} bytes per delivery, {packed.cpu * 1e6:.2f} us, {packed.memory / 1000:.0f} KB per watcher",
        f"without: {plain.bytes:.0f} bytes, {plain.cpu * 1e6:.2f} us, {plain.memory / 1000:.0f} KB",
        f"{packed.bytes / plain.bytes:.2f} x bytes, {packed.cpu / plain.cpu:.1f} x CPU",
    )


def rows(rounds: int) -> list[Row]:
    return [*budget(min(rounds, 3)), *matrix(OTHERS), reconnect(min(rounds, 3)), compression()]


if __name__ == "__main__":
    for row in matrix(ALL):
        print(f"{row.what}\n  lfwidget: {row.own}\n  {row.reference}", flush=True)
