"""A LangFlow export in a real JupyterLab: drawn as LangFlow draws it, run in the kernel, kept as a record."""

import json
import re
from pathlib import Path

import pytest
from flow_view import FlowView
from player_view import PlayerView
from playwright.async_api import expect

EXPORT = Path(__file__).parent.parent.parent / "notebooks" / "flows" / "Basic Prompting.json"
LOAD = f"import lfwidget as lf\nflow = lf.load_flow({str(EXPORT)!r})"
MODEL = "LanguageModelComponent-FLeYF"
SAID = "Start with one prompt. 从一个提示开始。"
MODEL_IN = f"flow = lf.load_flow({str(EXPORT)!r}, model=lf.ScriptedModel([{SAID!r}], tokens_per_second=20))\nflow"
RUN = f"run = flow.run('What first?', model=lf.ScriptedModel([{SAID!r}], tokens_per_second=20)).show()\nawait run;"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
async def test_it_is_drawn_where_lfx_is_not_and_says_what_running_needs(open_notebook, shoot, theme):
    notebook = await open_notebook([LOAD, "flow"])
    await notebook.set_theme(theme)
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    nodes = json.loads(EXPORT.read_text())["data"]["nodes"]
    assert await view.cards() == {node["id"] for node in nodes if node["type"] == "genericNode"}
    await expect(view.canvas).to_contain_text("README")
    await view.type_in("Hello")
    await view.send.click()
    await expect(view.root).to_contain_text('pip install "lfwidget[lfx]"')
    await shoot(view.root, f"langflow-{theme.rpartition(' ')[2].lower()}")
    await notebook.set_theme("JupyterLab Light")


async def test_it_runs_in_the_kernel_and_stays_as_a_record(open_notebook, shoot):
    notebook = await open_notebook([LOAD, RUN, "flow"], kernel="lfx")
    await notebook.run_all()
    player = PlayerView.under(notebook, 1)
    await player.is_at_end()
    await player.node_is(MODEL, "finished")
    assert await player.text(MODEL) == SAID
    sticker = player.canvas.locator(".lfw-note", has_text=re.compile("^Configure your"))
    assert (await sticker.bounding_box())["width"] > 100
    await shoot(notebook.cell(1), "langflow-record")
    assert await notebook.value("(run.output, run.nodes['Chat Output'].status)") == [SAID, "finished"]


async def test_run_in_the_page_needs_no_key_where_a_model_was_given(open_notebook):
    notebook = await open_notebook([LOAD, MODEL_IN], kernel="lfx")
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.run("What first?")
    await view.run_is("finished")
    assert await view.text(MODEL) == SAID
