"""A real Jupyter server, and a notebook open in a real Chromium: what a browser test drives."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from playwright.async_api import BrowserContext, Locator, Page

__all__ = ["CHROMIUM_FLAGS", "HANG", "JupyterServer", "NotebookPage", "chromium", "write_notebook"]

HANG = 120.0
"""Seconds after which something that should have happened will never happen. A bound on hanging, not on speed."""

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A tab that is not in front streams on: two of the tests look at one from another.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)

PATHS = {"lab": "/lab/tree/{name}?reset", "notebook": "/notebooks/{name}"}
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells that are scrolled out of view stay in the page, so that a test can read them.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
COMPLAINT = re.compile(r"\[(E|C) |\b(ERROR|CRITICAL)\b|Traceback|Exception|never awaited")
FAREWELL = re.compile(
    r"Exception ignored in: <coroutine object Kernel\..*?RuntimeError: Event loop is closed\n", re.DOTALL
)
"""What ipykernel 7.4 itself says when a kernel is shut down or restarted while a message waits."""
GONE = re.compile(
    r"Task exception was never retrieved\nfuture: <Task finished [^\n]*WebSocketProtocol13\.write_message"
    r".*?\ntornado\.websocket\.WebSocketClosedError\n",
    re.DOTALL,
)
"""What tornado itself says when a page is reloaded while a message is on its way to it."""


def chromium() -> str:
    """The path of the browser that is used."""
    if os.environ.get("CHROMIUM"):
        return os.environ["CHROMIUM"]
    script = Path(__file__).parent.parent.parent / "scripts" / "find_chromium.py"
    found = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.strip()


LFX = Path(__file__).parent.parent.parent / ".venv-lfx" / "bin" / "python"
"""The Python of the environment that has lfx: the kernel named "lfx"."""


def write_notebook(path: Path, cells: Sequence[str], kernel: str = "python3") -> Path:
    """A notebook of code cells without outputs."""
    metadata = {"kernelspec": {"display_name": kernel, "language": "python", "name": kernel}}
    path.write_text(
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": metadata,
                "cells": [
                    {
                        "id": f"cell-{number}",
                        "cell_type": "code",
                        "metadata": {},
                        "source": source,
                        "outputs": [],
                        "execution_count": None,
                    }
                    for number, source in enumerate(cells)
                ],
            }
        )
    )
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class JupyterServer:
    """`jupyter lab` (or `notebook`) with a home of its own, Jupyter's default rate limits, and its log kept.

    Kernels write to the same log, so it also tells whether a kernel complained.
    """

    def __init__(self, home: Path, application: str = "lab") -> None:
        self.home = home
        self.application = application
        self.notebooks = home / "notebooks"
        self.notebooks.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.lines: list[str] = []
        self._grown = threading.Condition()
        self._write_settings()

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "jupyter", self.application, "--allow-root", "--no-browser"),
            "--ip=127.0.0.1",
            f"--port={self.url.rpartition(':')[2]}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            f"--ServerApp.root_dir={self.notebooks}",
            "--expose-app-in-browser",
        ]
        self._process = subprocess.Popen(
            command,
            cwd=self.notebooks,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for_line(" is running at:")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(20)
        self._process.stdout.close()

    def wait_for_line(self, words: str, since: int = 0) -> None:
        """Wait until the log says `words`, in line number `since` or later."""
        with self._grown:
            if not self._grown.wait_for(lambda: any(words in line for line in self.lines[since:]), HANG):
                raise TimeoutError(f"the server never said {words!r}:\n" + "".join(self.lines[since:]))

    def complaints(self, since: int = 0) -> list[str]:
        """Lines of the log, from line number `since`, in which the server or a kernel complains."""
        log = GONE.sub("", FAREWELL.sub("", "".join(self.lines[since:])))
        return [line for line in log.splitlines() if COMPLAINT.search(line)]

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._grown:
                self.lines.append(line)
                self._grown.notify_all()

    def _environment(self) -> dict[str, str]:
        folders = {
            "HOME": self.home,
            "IPYTHONDIR": self.home / "ipython",
            "JUPYTER_CONFIG_DIR": self.home / "config",
            "JUPYTER_DATA_DIR": self.home / "data",
            "JUPYTER_RUNTIME_DIR": self.home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": self.home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": self.home / "workspaces",
        }
        return os.environ | {name: str(folder) for name, folder in folders.items()} | {"LFWIDGET_MODEL": ""}

    def _write_settings(self) -> None:
        kernel = self.home / "data" / "kernels" / "lfx" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        command = [str(LFX), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel.write_text(json.dumps({"argv": command, "display_name": "lfx", "language": "python"}))
        for name, values in SETTINGS.items():
            file = self.home / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))


CURRENT = "window.jupyterapp.shell.currentWidget"
START = f"""index => {{
    const {{content, context}} = {CURRENT};
    content.activeCellIndex = index;
    content.deselectAll();
    window.lfRuns = window.lfRuns || {{}};
    window.lfRuns[index] = window.jupyterapp.commands.execute('notebook:run-cell');
}}"""
EVALUATE = f"""async code => {{
    const kernel = {CURRENT}.sessionContext.session.kernel;
    const content = {{code: '', silent: false, store_history: false, user_expressions: {{value: code}}}};
    const reply = await kernel.requestExecute(content).done;
    return reply.content.user_expressions.value;
}}"""
KERNEL_IS_IDLE = f"""() => {{
    const context = window.jupyterapp && {CURRENT} && {CURRENT}.sessionContext;
    return !!context && context.isReady && !!context.session && context.session.kernel.status === 'idle';
}}"""


class NotebookPage:
    """One tab with one notebook in JupyterLab. Cells are counted from 0."""

    def __init__(self, page: Page, server: JupyterServer, name: str) -> None:
        self.page = page
        self.server = server
        self.name = name
        self.console: list[str] = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))

    @classmethod
    @asynccontextmanager
    async def open(cls, context: BrowserContext, server: JupyterServer, name: str) -> AsyncIterator[NotebookPage]:
        page = await context.new_page()
        page.set_default_timeout(HANG * 1000)
        notebook = cls(page, server, name)
        await notebook.load()
        try:
            yield notebook
        finally:
            await page.close()

    async def load(self) -> None:
        await self.page.goto(self.server.url + PATHS[self.server.application].format(name=self.name))
        await self._wait_for_kernel()

    async def reload(self) -> None:
        """Load the page again, as after a pressed F5: the kernel and its runs go on."""
        await self.page.reload()
        await self._wait_for_kernel()

    async def _wait_for_kernel(self) -> None:
        await self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        await self.page.wait_for_function(KERNEL_IS_IDLE)
        await self.page.evaluate("window.jupyterapp.shell.collapseLeft?.()")  # the list of files takes a quarter

    async def start(self, index: int) -> None:
        """Begin to run a cell."""
        await self.page.evaluate(START, index)

    async def done(self, index: int) -> None:
        """Wait until the cell that was started has been run."""
        await asyncio.wait_for(self.page.evaluate("index => window.lfRuns[index]", index), HANG)

    async def run(self, index: int) -> None:
        """Run a cell to its end; an error in it is raised here."""
        await self.start(index)
        await self.done(index)
        for output in await self.outputs(index):
            if output["output_type"] == "error":
                raise AssertionError("\n".join(output["traceback"]))

    async def run_all(self) -> None:
        for index in range(await self.page.evaluate(f"{CURRENT}.content.widgets.length")):
            await self.run(index)

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(index)

    async def outputs(self, index: int) -> list[dict]:
        return await self.page.evaluate(
            f"index => {CURRENT}.content.widgets[index].model.sharedModel.getOutputs?.() ?? []", index
        )

    async def value(self, expression: str) -> object:
        """What the kernel answers to a Python expression; the value must have a JSON form."""
        code = f"__import__('json').dumps({expression})"
        answer = await asyncio.wait_for(self.page.evaluate(EVALUATE, code), HANG)
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    async def restart_kernel(self) -> None:
        await asyncio.wait_for(self.page.evaluate(f"{CURRENT}.sessionContext.session.kernel.restart()"), HANG)

    async def shut_down_kernels(self) -> None:
        """End every kernel of the server, this notebook's and those of tests before."""
        await asyncio.wait_for(self.page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()"), HANG)

    async def interrupt_kernel(self) -> None:
        await asyncio.wait_for(self.page.evaluate(f"{CURRENT}.sessionContext.session.kernel.interrupt()"), HANG)

    async def set_source(self, index: int, source: str) -> None:
        """Edit a cell."""
        cell = f"{CURRENT}.content.widgets[index].model.sharedModel"
        await self.page.evaluate(f"([index, source]) => {cell}.setSource(source)", [index, source])

    async def save(self) -> Path:
        await self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        return self.server.notebooks / self.name

    async def set_theme(self, name: str) -> None:
        """ "JupyterLab Light" or "JupyterLab Dark"."""
        await self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        await self.page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")
        await self.page.locator("#jupyterlab-splash").wait_for(state="detached")
