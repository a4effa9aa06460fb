"""The first notebook in JupyterLab, as a student goes through it."""

import shutil
from pathlib import Path

import nbformat
import pytest_asyncio
from flow_view import FlowView

QUICKSTART = Path(__file__).parent.parent.parent / "notebooks" / "01-quickstart.ipynb"


def cell_with(words):
    """The index of the cell whose source ends with these words."""
    cells = nbformat.read(QUICKSTART, as_version=4).cells
    (index,) = [i for i, cell in enumerate(cells) if cell.cell_type == "code" and cell.source.endswith(words)]
    return index


@pytest_asyncio.fixture(loop_scope="session")
async def quickstart(open_notebook, server):
    shutil.copyfile(QUICKSTART, server.notebooks / QUICKSTART.name)
    notebook = await open_notebook(name=QUICKSTART.name)
    await notebook.run_all()
    return notebook


async def test_the_quickstart_comes_alive(quickstart, shoot):
    chain = FlowView.under(quickstart, cell_with("\nflow"))
    assert await chain.cards() == {"prompt", "model", "parser"}
    await chain.run_example("Why is the sky blue?")
    await chain.run_is("finished")
    assert "Air scatters the blue part" in await chain.text("model")

    together = FlowView.under(quickstart, cell_with(".show()"))
    await together.run_is("finished")
    assert "384,400 km" in await together.text("fact/model")
    assert "What is this?" in await together.text("riddle/model")

    agent = FlowView.under(quickstart, cell_with("\nagent"))
    await agent.run("What is 6 times 7?")
    await agent.run_is("finished")
    await agent.node_is("tools/multiply", "finished")
    assert await agent.text("model") == "6 times 7 is 42."
    await shoot(agent.root, "quickstart-agent")
