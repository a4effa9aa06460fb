"""The widget is an ordinary ipywidgets widget: it goes into boxes and tabs, and Python can observe it."""

from flow_view import FlowView
from playwright.async_api import expect

SETUP = """
import ipywidgets
import lfwidget as lf
flow = lf.Flow(lf.ScriptedModel(["Blue, mostly."], tokens_per_second=4))
other = lf.Flow(lf.ScriptedModel(["Never."], tokens_per_second=50), name="Other")
"""


async def test_it_goes_into_boxes(open_notebook):
    box = "ipywidgets.VBox([ipywidgets.Label('Ask:'), ipywidgets.HBox([flow.widget, other.widget])])"
    notebook = await open_notebook([SETUP, box])
    await notebook.run_all()
    first, second = FlowView.under(notebook, 1), FlowView.under(notebook, 1, index=1)
    await first.run("?")
    await second.run("?")
    await first.run_is("finished")
    await second.run_is("finished")
    assert await first.text("model") == "Blue, mostly."
    assert await second.text("model") == "Never."


async def test_in_a_tab_that_is_opened_late_it_has_its_size(open_notebook):
    notebook = await open_notebook([SETUP, "tab = ipywidgets.Tab([ipywidgets.Label('first'), flow.widget])\ntab"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await expect(view.root).to_be_hidden()
    await notebook.value("setattr(tab, 'selected_index', 1)")
    await expect(view.card("model")).to_be_in_viewport()
    size = await view.card("model").bounding_box()
    assert size["width"] > 60


async def test_python_observes_runs_and_nodes(open_notebook):
    source = """
seen = []
flow.widget.observe(lambda change: seen.append(change["new"]), "nodes")
label = ipywidgets.Label()
ipywidgets.dlink((flow.widget, "nodes"), (label, "value"), lambda nodes: nodes.get("model", {}).get("status", "-"))
ipywidgets.VBox([label, flow.widget])"""
    notebook = await open_notebook([SETUP, source])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.run("?")
    await view.run_is("finished")
    await expect(notebook.cell(1).locator(".widget-label")).to_have_text("finished")
    nodes = await notebook.value("flow.widget.nodes")
    assert nodes["model"]["status"] == "finished"
    assert nodes["model"]["tokens"] == 2
    assert await notebook.value("[run['status'] for run in flow.widget.runs]") == ["finished"]
    assert "running" in await notebook.value("[nodes['model']['status'] for nodes in seen]")


async def test_a_height_set_from_python_is_the_height_of_the_canvas(open_notebook):
    notebook = await open_notebook([SETUP, "flow"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await notebook.value("setattr(flow.widget, 'height', 300)")
    await expect(view.root.locator(".lfw-stage")).to_have_css("height", "300px")


async def test_choosing_a_run_in_python_shows_it(open_notebook):
    notebook = await open_notebook([SETUP, "flow"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    for _ in range(2):
        await view.run("?")
        await view.run_is("finished")
    await expect(view.runs.locator("option")).to_have_count(2)
    await notebook.value("setattr(flow.widget, 'shown', flow.runs[0].id)")
    await expect(view.runs).to_have_value(await notebook.value("flow.runs[0].id"))
