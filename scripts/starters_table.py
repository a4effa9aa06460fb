"""Try LangFlow's 27 starter projects, and write what becomes of them into the README.

Each is really drawn, loaded and run, in this process, by a scripted model and without a network. It wants lfx, and the
starters, which come with LangFlow's server: `.venv-lfx/bin/python scripts/starters_table.py`, after `make test-server`.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lfwidget as lf
from lfwidget.loading import load_flow

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "runners" / "langflow_tests"))

from starters import NEEDED, starters

LONG = 300.0
"""Seconds that a run may take: a bound on hanging."""

YES = "yes"
THERE = ("requires Langflow's application services", "No module named 'langflow'")
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- starters -->\n", "<!-- /starters -->"

HERE = ("127.0.0.1", "::1", "localhost")


def without_network() -> None:
    """Let nothing leave this machine."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in HERE:
            raise OSError(f"no network: {address[0]}")
        connect(self, address)

    def look_up(host: Any, *_: Any, **__: Any) -> Any:
        raise socket.gaierror(f"no network: {host}")

    socket.socket.connect = connect_here  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = look_up  # type: ignore[assignment]


def reason(error: BaseException) -> str:
    """In a few words, why a flow does not run here."""
    if isinstance(error, lf.UntrustedFlowError):
        kinds = ", ".join(dict.fromkeys(f"`{node['type']}`" for node in error.nodes))
        return f"{kinds}: of a bundle that is not installed, so it wants `trust=True`"
    if isinstance(error, lf.MissingExtraError):
        return f"wants `{error.install}`"
    if any(words in str(error) for words in THERE):
        return "needs LangFlow's own services: run it there, with `lf.connect()`"
    return " ".join(f"{type(error).__name__}: {error}".split())


def told(does: Callable[[], object]) -> str:
    """Whether it succeeds: YES, or why not."""
    try:
        does()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return reason(error)
    return YES


def load(flow: lf.Flow) -> None:
    """Load it as a run does, and run nothing of it."""
    from lfwidget.runners.langflow.local.quiet import load_lfx

    flow._runner.check({}, {}, None)  # type: ignore[attr-defined]  # noqa: SLF001 - what a run does first
    load_lfx()
    from lfx.graph.graph.base import Graph

    Graph.from_payload(flow._runner._flow()["data"])  # type: ignore[attr-defined]  # noqa: SLF001 - and second


async def run(flow: lf.Flow, tweaks: Mapping[str, Mapping[str, Any]]) -> None:
    """Run it to its end."""
    model = lf.ScriptedModel(["One two three."], tokens_per_second=None)
    text = "Hello" if flow.form["kind"] == "text" else None
    await asyncio.wait_for(flow.run(text, model=model, tweaks=tweaks), LONG)


def files(flow: lf.Flow, file: Path) -> dict[str, dict[str, Any]]:
    """Tweaks that give a file to every node that reads one."""
    readers = flow._runner._export.of_type("File")  # type: ignore[attr-defined]  # noqa: SLF001 - as in `load`
    return {reader.id: {"path": [str(file)]} for reader in readers}


def row(name: str, path: Path) -> tuple[str, bool]:
    """A row of the table, and whether the flow runs."""
    flow = load_flow(path)
    drawn = told(lambda: flow.graph)
    loaded = told(lambda: load(flow))
    ran = told(lambda: asyncio.run(run(flow, {})))
    why = "" if ran == YES else ran.replace("|", "\\|")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "notes.txt"
        file.write_text("A small text.")
        given = files(flow, file)
        if ran != YES and given and told(lambda: asyncio.run(run(flow, given))) == YES:
            ran, why = YES, "with a file that is given to it"
    marks = " | ".join("✓" if answer == YES else "✗" for answer in (drawn, loaded, ran))
    return f"| {name} | {marks} | {why} |", ran == YES


def main() -> None:
    found = starters()
    if not found:
        sys.exit(NEEDED)
    warnings.simplefilter("ignore")
    without_network()
    rows = [row(name, path) for name, path in found.items()]
    table = "\n".join(
        ["| starter | drawn | loaded | runs here | |", "|---|---|---|---|---|", *(text for text, _ in rows)]
    )
    summary = f"<summary>{sum(ran for _, ran in rows)} of {len(rows)} run here</summary>"
    before, _, rest = README.read_text().partition(BEGIN)
    README.write_text(f"{before}{BEGIN}<details>{summary}\n\n{table}\n\n</details>\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
