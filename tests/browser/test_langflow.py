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


def grouped(place):
    """The export with its prompt and its model in a group, as LangFlow would save it; the path of its file."""
    flow = json.loads(EXPORT.read_text())
    nodes, edges = flow["data"]["nodes"], flow["data"]["edges"]
    inner = [node for node in nodes if node["id"].partition("-")[0] in ("Prompt", "LanguageModelComponent")]
    inside = {node["id"] for node in inner}
    template = {"q": {"name": "q", "type": "str", "show": True, "proxy": {"id": MODEL, "field": "input_value"}}}
    outputs = [{"name": "said", "types": ["Message"], "proxy": {"id": MODEL, "name": "text_output"}}]
    within = [edge for edge in edges if {edge["source"], edge["target"]} <= inside]
    for edge in (edge for edge in edges if edge not in within):
        handles = edge["data"]
        if edge["target"] in inside:
            edge["target"] = "Group-a"
            handles["targetHandle"] |= {"id": "Group-a", "fieldName": "q", "proxy": template["q"]["proxy"]}
        if edge["source"] in inside:
            edge["source"] = "Group-a"
            handles["sourceHandle"] |= {"id": "Group-a", "name": "said", "proxy": outputs[0]["proxy"]}
        edge |= {end: json.dumps(handle).replace('"', "œ") for end, handle in handles.items()}
    about = {
        "display_name": "Thinking",
        "template": template,
        "outputs": outputs,
        "flow": {"data": {"nodes": inner, "edges": within}},
    }
    group = {
        "id": "Group-a",
        "type": "genericNode",
        "position": {"x": 400, "y": 0},
        "data": {"type": "GroupNode", "id": "Group-a", "node": about},
    }
    left = [node for node in nodes if node["id"] not in inside and node["type"] == "genericNode"]
    for node in left:
        node["position"] = {"x": 0 if node["id"].startswith("ChatInput") else 800, "y": 60}
    flow["data"] = {"nodes": [*left, group], "edges": [edge for edge in edges if edge not in within]}
    path = place / "grouped.json"
    path.write_text(json.dumps(flow))
    return path


async def test_a_group_is_folded_and_unfolded_while_it_runs_and_in_the_record(open_notebook, shoot, tmp_path):
    load = f"import lfwidget as lf\nflow = lf.load_flow({str(grouped(tmp_path))!r})"
    run = f"run = flow.run('What first?', model=lf.ScriptedModel([{SAID!r}], tokens_per_second=4)).show()"
    notebook = await open_notebook([load, run], kernel="lfx")
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.more_tokens_than(MODEL, 0)
    await view.node_is("Group-a", "running")
    await shoot(view.root, "langflow-group-open")
    await view.card("Group-a").get_by_role("button", name="Fold", exact=True).click()
    await expect(view.card(MODEL)).to_have_count(0)
    await view.more_tokens_than("Group-a", 2)
    await view.node_is("Group-a", "running")
    await expect(view.card("Group-a")).to_contain_text("Start with")
    await shoot(view.root, "langflow-group-folded")
    await notebook.page.keyboard.press("Enter")
    await view.node_is(MODEL, "running")
    player = PlayerView.under(notebook, 1)
    await player.is_at_end()
    await player.node_is("Group-a", "finished")
    await player.card("Group-a").get_by_role("button", name="Fold", exact=True).click()
    await expect(player.card("Group-a")).to_contain_text(SAID)
    await notebook.set_theme("JupyterLab Dark")
    await shoot(notebook.cell(1), "langflow-group-record-dark")
    await notebook.set_theme("JupyterLab Light")
    await player.card("Group-a").get_by_role("button", name="Unfold").click()
    await player.node_is(MODEL, "finished")
