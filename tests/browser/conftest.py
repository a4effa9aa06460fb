"""Fixtures of the browser tests: one Chromium and one Jupyter server for all of them, a tab for each."""

import re
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from lab import CHROMIUM_FLAGS, HANG, JupyterServer, NotebookPage, chromium, write_notebook
from playwright.async_api import async_playwright, expect

HERE = Path(__file__).parent
SHOTS = HERE / "shots"
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items):
    """Every test here needs Chromium, and shares the one event loop that Playwright lives on."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = JupyterServer(tmp_path_factory.mktemp("jupyter"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def notebook_server(tmp_path_factory):
    """Notebook 7 in place of JupyterLab."""
    running = JupyterServer(tmp_path_factory.mktemp("notebook"), "notebook")
    running.start()
    yield running
    running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser):
    """A browser profile of its own for each test."""
    made = await browser.new_context(viewport={"width": 1280, "height": 1400}, reduced_motion="reduce")
    yield made
    await made.close()


async def keep(tabs, name):
    """What a failed test looked like at its end, and what its pages had to say."""
    SHOTS.mkdir(exist_ok=True)
    for number, tab in enumerate(tabs):
        await tab.page.screenshot(path=SHOTS / f"failed-{name}-{number}.png")
        (SHOTS / f"failed-{name}-{number}.log").write_text("\n".join(tab.console))


@pytest_asyncio.fixture(loop_scope="session")
async def open_notebook(context, server, request):
    """`await open_notebook([source, ...])`: a new notebook in a tab; `name=` opens an existing one in another tab."""
    async with watched(context, server, request.node) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def open_in_notebook_7(context, notebook_server, request):
    """As `open_notebook`, in Notebook 7."""
    async with watched(context, notebook_server, request.node) as opened:
        yield opened


@asynccontextmanager
async def watched(context, server, test):
    """Opens notebooks of a server for one test; no kernel may complain meanwhile, and none is left when it ends."""
    tabs = []
    begun = len(server.lines)
    async with AsyncExitStack() as stack:

        async def opened(cells=(), name="", kernel="python3"):
            if not name:
                name = re.sub(r"\W+", "-", test.name)[:60] + f"{len(tabs) or ''}.ipynb"
                write_notebook(server.notebooks / name, cells, kernel)
            tabs.append(await stack.enter_async_context(NotebookPage.open(context, server, name)))
            return tabs[-1]

        yield opened
        complaints = server.complaints(begun)
        if test.stash.get(FAILED, False):
            await keep(tabs, test.name)
        if tabs:
            await tabs[0].shut_down_kernels()
        assert not complaints, "".join(server.lines[begun:])


@pytest.fixture
def shoot(request):
    """`await shoot(page_or_locator, "name")`: a screenshot for people to look at, in tests/browser/shots/."""

    async def take(target, name):
        SHOTS.mkdir(exist_ok=True)
        await target.screenshot(path=SHOTS / f"{name}.png")

    return take


expect.set_options(timeout=HANG * 1000)
