"""The harness itself: what the other tests here take for granted."""

import asyncio


async def test_a_notebook_is_run_read_and_reloaded(open_notebook):
    notebook = await open_notebook(["x = 1 + 1", "print('hi')"])
    await notebook.run_all()
    assert (await notebook.outputs(1))[0]["text"] == "hi\n"
    await notebook.reload()
    assert await notebook.value("x") == 2


async def test_a_complaint_of_the_kernel_is_seen(open_notebook, server):
    begun = len(server.lines)
    notebook = await open_notebook(["import sys; print('Traceback: on purpose', file=sys.__stderr__, flush=True)"])
    await notebook.run(0)
    await asyncio.to_thread(server.wait_for_line, "on purpose", begun)
    assert server.complaints(begun) == ["Traceback: on purpose"]
    server.lines[:] = [line for line in server.lines if "on purpose" not in line]


async def test_notebook_7_is_driven_as_jupyterlab_is(open_in_notebook_7):
    notebook = await open_in_notebook_7(["x = 1 + 1", "print('hi')"])
    await notebook.run_all()
    assert (await notebook.outputs(1))[0]["text"] == "hi\n"
    assert await notebook.value("x") == 2
