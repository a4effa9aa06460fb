"""Take the README's picture: a real run, half-way, in a real JupyterLab: `make picture`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from flow_view import FlowView  # noqa: E402 - the folder is only known now
from lab import CHROMIUM_FLAGS, JupyterServer, NotebookPage, chromium, write_notebook  # noqa: E402

PICTURE = ROOT / "docs" / "quickstart.png"
MODEL = """
import lfwidget as lf

STORY = (
    "Once, the Sun sent out light of every colour. The air let red and yellow pass, but it threw the blue about, from "
    "one grain of air to the next, until it came down from all sides. Since then whoever looks up sees blue."
)
FACT = (
    "Sunlight is a mix of all colours. Molecules of air scatter short waves far more than long ones, by the fourth "
    "power of the frequency, so the blue part reaches us from every direction. At dusk the light comes a longer way "
    "through the air: most of the blue is lost on it, and what is left is red."
)
model = lf.ScriptedModel(lambda question: STORY if "story" in question else FACT, tokens_per_second=24)
"""
FLOW = """from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel

fact = ChatPromptTemplate.from_template("Explain: {question}") | model | StrOutputParser()
story = ChatPromptTemplate.from_template("Tell a story: {question}") | model | StrOutputParser()

flow = lf.Flow(RunnableParallel(fact=fact, story=story), name="Fact and story", examples=["Why is the sky blue?"])
flow"""


async def take(server: JupyterServer) -> None:
    """Run the flow, and take the cell and its output while both models speak."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        context = await browser.new_context(viewport={"width": 1240, "height": 1100}, device_scale_factor=2)
        write_notebook(server.notebooks / "picture.ipynb", [MODEL, FLOW])
        async with NotebookPage.open(context, server, "picture.ipynb") as notebook:
            await notebook.run_all()
            view = FlowView.under(notebook, 1)
            await view.run_example("Why is the sky blue?")
            await view.more_tokens_than("story/model", 32)
            await notebook.cell(1).screenshot(path=PICTURE)
        await browser.close()


def main() -> None:
    os.chdir(ROOT)
    server = JupyterServer(Path(tempfile.mkdtemp()))
    server.start()
    try:
        asyncio.run(take(server))
    finally:
        server.stop()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
