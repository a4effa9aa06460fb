"""The harness itself: what the other tests here take for granted."""


async def test_a_notebook_is_run_read_and_reloaded(open_notebook):
    notebook = await open_notebook(["x = 1 + 1", "print('hi')"])
    await notebook.run_all()
    assert (await notebook.outputs(1))[0]["text"] == "hi\n"
    await notebook.reload()
    assert await notebook.value("x") == 2


async def test_a_complaint_of_the_kernel_is_seen(open_notebook, server):
    source = "import sys; print('Traceback: on purpose', file=sys.__stderr__, flush=True)"
    notebook = await open_notebook([source])
    begun = len(server.lines)
    await notebook.run_all()
    await notebook.shut_down_kernel()
    (complaint,) = server.complaints(begun)
    assert "on purpose" in complaint
    server.lines.remove(complaint)
