"""The same in Notebook 7: a smoke test."""

from flow_view import FlowView

CELLS = [
    "import lfwidget as lf\nflow = lf.Flow(lf.ScriptedModel(lambda question: f'You said: {question}'))\nflow",
    "run = flow.run('from a cell')\nrun",
]


async def test_a_flow_is_run_and_watched(open_in_notebook_7):
    notebook = await open_in_notebook_7(CELLS)
    await notebook.run_all()
    view = FlowView.under(notebook, 0)
    await view.run("from the box")
    await view.run_is("finished")
    assert await view.text("model") == "You said: from the box"
    assert await FlowView.under(notebook, 1).text("model") == "You said: from a cell"
