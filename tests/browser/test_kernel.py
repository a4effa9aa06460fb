"""A kernel that is busy, restarted or gone: the page says so, and what to do."""

from flow_view import FlowView
from playwright.async_api import expect

FLOW = """
import time
import lfwidget as lf
model = lf.ScriptedModel(["tick " * 5000], tokens_per_second=25)
flow = lf.Flow(model)
"""


async def running(open_notebook, *more):
    notebook = await open_notebook([FLOW, "flow", *more])
    await notebook.run(0)
    await notebook.run(1)
    view = FlowView.under(notebook, 1)
    await view.run("Go")
    await view.more_tokens_than("model", 3)
    return notebook, view


async def test_a_blocking_cell_is_told_and_the_run_goes_on_after_it(open_notebook):
    notebook, view = await running(open_notebook, "time.sleep(5)")
    before = await view.tokens("model")
    await notebook.start(2)
    await expect(view.notice).to_contain_text("Kernel busy")
    await notebook.done(2)
    await expect(view.notice).to_be_hidden()
    await view.more_tokens_than("model", before)
    await view.stop.click()
    await view.run_is("cancelled")


async def test_stop_pressed_while_the_kernel_is_busy_works_as_soon_as_it_is_free(open_notebook):
    notebook, view = await running(open_notebook, "time.sleep(4)")
    await notebook.start(2)
    await expect(view.notice).to_contain_text("Kernel busy")
    await view.stop.click()
    await notebook.done(2)
    await view.run_is("cancelled")


async def test_run_pressed_while_the_kernel_is_busy_says_why_nothing_happens(open_notebook):
    notebook = await open_notebook([FLOW, "flow", "time.sleep(4)"])
    await notebook.run(0)
    await notebook.run(1)
    await notebook.start(2)
    view = FlowView.under(notebook, 1)
    await view.type_in("Go")
    await view.send.click()
    await expect(view.notice).to_contain_text("Kernel busy")
    await notebook.done(2)
    await view.more_tokens_than("model", 0)
    await view.stop.click()
    await view.run_is("cancelled")


async def test_a_restarted_kernel_is_told_and_no_button_is_left_dead(open_notebook):
    notebook, view = await running(open_notebook)
    await notebook.restart_kernel()
    await expect(view.notice).to_contain_text("Run the cell again")
    await view.node_is("model", "lost")
    await expect(view.stop).to_be_hidden()
    await expect(view.send).to_be_disabled()
    await notebook.run(0)
    await notebook.run(1)
    again = FlowView.under(notebook, 1)
    await expect(again.notice).to_be_hidden()
    await again.run("Go")
    await again.more_tokens_than("model", 0)
    await again.stop.click()
    await again.run_is("cancelled")


async def test_a_kernel_that_was_shut_down_is_told(open_notebook):
    notebook, view = await running(open_notebook)
    await notebook.shut_down_kernels()
    await expect(view.notice).to_contain_text("un the cell again")
    await view.node_is("model", "lost")


async def test_ctrl_c_in_result_cancels_the_run(open_notebook):
    notebook = await open_notebook([FLOW, "run = flow.run('Go')\nrun", "run.result()"])
    await notebook.run(0)
    await notebook.run(1)
    view = FlowView.under(notebook, 1)
    await view.more_tokens_than("model", 0)
    await notebook.start(2)
    await notebook.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    await notebook.interrupt_kernel()
    await notebook.done(2)
    await view.run_is("cancelled")
    (error,) = await notebook.outputs(2)
    assert error["ename"] == "KeyboardInterrupt"
