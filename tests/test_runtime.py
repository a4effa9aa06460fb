"""Where runs live, met where people meet it: in kernels, in scripts, under Ctrl-C."""

import os
import pty
import signal
import subprocess
import sys
import textwrap

import nbformat
import pytest
from doubles import HANG
from kernels import TESTS, VIEW, Kernel
from nbclient import NotebookClient

SETUP = """
import asyncio, sys, time
import lfwidget as lf
from doubles import Gate, SmallRunner, echo, press_ctrl_c, until
gate = Gate()
flow = lf.Flow(SmallRunner(gate))
"""


@pytest.fixture(scope="module")
def notebook():
    """A kernel somebody sits at."""
    kernel = Kernel()
    yield kernel
    kernel.close()
    assert kernel.stderr == ""


@pytest.fixture(scope="module")
def batch():
    """A kernel nobody watches."""
    kernel = Kernel(batch=True)
    yield kernel
    kernel.close()
    assert kernel.stderr == ""


@pytest.fixture
def live(notebook):
    notebook.run(SETUP)
    return notebook


def script(code, *, interrupt_at=None, stdin=subprocess.DEVNULL):
    """Run a program; press Ctrl-C when it prints `interrupt_at`."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(SETUP) + textwrap.dedent(code)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    said = []
    if interrupt_at is not None:
        for line in process.stdout:
            said.append(line)
            if interrupt_at in line:
                process.send_signal(signal.SIGINT)
                break
    out, err = process.communicate(timeout=HANG)
    # In development mode asyncio tells how long a slow step took: this machine is shared.
    complaints = [line for line in err.splitlines() if not line.startswith("Executing <")]
    return "".join(said) + out, "\n".join(complaints)


# In a notebook


def test_a_cell_returns_at_once_and_the_run_goes_on(live):
    assert live.run("run = flow.run('hi'); run.status").value == "running"
    assert live.run("(await until(run, 'node.started'))['node']").value == "first"
    live.run("gate.open()")
    assert live.run("await run").value == "hi"
    assert live.run("run.status").value == "finished"


def test_a_run_lives_on_the_loop_of_the_cells(live):
    live.run("""
    async def where(_execution):
        return asyncio.get_running_loop() is here
    here = asyncio.get_running_loop()
    """)
    assert live.run("await lf.Flow(SmallRunner(where)).run()").value is True


def test_it_goes_on_while_another_cell_awaits(live):
    live.run("run = flow.run('hi')")
    assert live.run("await until(run, 'node.started'); gate.open(); await until(run, 'run.finished'); run.output").value


def test_result_waits_in_a_cell(live):
    live.run("run = flow.run('hi'); await until(run, 'node.started')")
    live.run("timer = asyncio.get_running_loop().call_later(0.05, gate.open)")
    assert live.run("run.result()").value == "hi"


def test_result_and_await_may_stand_in_one_cell(live):
    live.run("flow = lf.Flow(SmallRunner(echo))")
    assert live.run("[await flow.run('a'), flow.run('b').result(), await flow.run('c')]").value == ["a", "b", "c"]


def test_a_thread_of_a_cell_can_start_a_run_and_wait_for_it(live):
    assert live.run("await asyncio.to_thread(lambda: lf.Flow(SmallRunner(echo)).run('hi').result())").value == "hi"


def test_interrupting_a_cell_that_awaits_cancels_the_run(live):
    live.run("run = flow.run('hi')")
    cell = live.execute("print('waiting'); await run")
    live.hear(lambda message: message["content"].get("text") == "waiting\n")
    live.interrupt()
    assert live.finish(cell).error.startswith(("CancelledError", "KeyboardInterrupt"))
    assert live.run("run.status").value == "cancelled"


def test_interrupting_a_cell_that_waits_cancels_the_run(live):
    live.run("run = flow.run('hi'); await until(run, 'node.started')")
    assert live.run("press_ctrl_c(); run.result()").error.startswith("KeyboardInterrupt")
    assert live.run("run.status, run.log.since(0)[-1]['reason']").value == ("cancelled", "Ctrl-C was pressed")
    assert live.run("1 + 1").value == 2


def test_with_a_thread_a_run_goes_on_while_a_cell_blocks(live):
    live.run("lf.options.loop = 'thread'")
    try:
        live.run("run = flow.run('hi'); await until(run, 'node.started')")
        cell = live.run("""
        gate.open()
        deadline = time.monotonic() + 30
        while run.status != "finished" and time.monotonic() < deadline:
            time.sleep(0.01)
        run.status, run.result(), await run
        """)
        assert cell.value == ("finished", "hi", "hi")
    finally:
        live.run("lf.options.loop = 'auto'")


def test_interrupting_a_cell_that_waits_for_a_thread_cancels_the_run(live):
    live.run("lf.options.loop = 'thread'; run = flow.run('hi'); lf.options.loop = 'auto'")
    live.run("await until(run, 'node.started')")
    assert live.run("press_ctrl_c(); run.result()").error.startswith("KeyboardInterrupt")
    assert live.run("run.status").value == "cancelled"


ASK = """
from lfwidget.runners.base import Question
async def ask(execution):
    return await execution.ask([Question("one", "first", "first-1", "Shall I?")])
flow = lf.Flow(SmallRunner(ask))
"""


def test_result_asks_below_the_cell(live):
    live.run(ASK)
    cell = live.execute("flow.run('hi').result()")
    assert live.answer_input("yes") == "first asks: Shall I?\n> "
    assert live.finish(cell).value == {"one": "yes"}


def test_await_says_that_nobody_is_there_where_nothing_is_displayed(live):
    live.run(ASK)
    assert live.run("run = flow.run('hi'); await run").error.startswith("InputRequiredError: first asks: 'Shall I?'")
    assert live.run("run.answer('yes'); await run").value == {"one": "yes"}


def test_an_error_nobody_waits_for_is_not_in_the_way_of_the_next_cell(live):
    live.run("""
    async def fail(_execution):
        raise ZeroDivisionError("no")
    run = lf.Flow(SmallRunner(fail)).run("hi")
    await until(run, "run.failed")
    """)
    cell = live.run("import gc; status = run.status; del run; gc.collect(); status")
    assert (cell.value, cell.stderr) == ("failed", "")


LEAVE = """
from langchain_core.runnables import RunnableLambda
leaving = lf.Flow(RunnableLambda(lambda _: sys.exit("No API key")) | str)
"""


def test_a_step_that_leaves_the_program_does_not_end_the_kernel(live):
    live.run(LEAVE)
    live.run("run = leaving.run('hi'); await until(run, 'run.failed')")
    assert live.run("1 + 1").value == 2
    assert live.run("await run").error.startswith("SystemExit")
    assert live.run("leaving.run('hi').result()").error.startswith("SystemExit")
    assert live.run("await lf.Flow(SmallRunner(echo)).run('after')").value == "after"


def test_a_kernel_that_is_shut_down_with_runs_going_on_does_not_complain():
    kernel = Kernel()
    kernel.run(SETUP + "flow.run('on the loop of the cells'); run = flow.run('shown')")
    kernel.run("run")
    kernel.run("lf.options.loop = 'thread'; flow.run('on a thread'); await until(run, 'node.started')")
    kernel.close()
    assert kernel.stderr == ""


# In a notebook that nobody watches


def test_in_batch_a_run_is_displayed_when_it_has_ended(batch):
    batch.run(SETUP)
    cell = batch.run("flow = lf.Flow(SmallRunner(echo)); flow.run('hi')")
    assert "✓ finished" in cell.text
    assert VIEW not in cell.shown[-1]


def test_in_batch_show_draws_and_waits(batch):
    batch.run(SETUP)
    cell = batch.run("await lf.Flow(SmallRunner(echo)).run('hi').show()")
    assert "✓ finished" in cell.shown[0]["text/plain"]
    assert cell.value == "hi"


def test_in_batch_a_run_is_displayed_when_it_asks(batch):
    batch.run(SETUP + ASK)
    assert "? first asks: Shall I?" in batch.run("run = flow.run('hi'); run").text
    assert batch.run("await run").error.startswith("InputRequiredError")
    assert batch.run("run.result()").error.startswith("InputRequiredError")
    assert batch.run("run.answer('yes'); run.result()").value == {"one": "yes"}


def test_in_batch_a_run_that_fails_is_displayed_too(batch):
    batch.run(SETUP)
    cell = batch.run("""
    async def fail(_execution):
        raise ZeroDivisionError("no")
    lf.Flow(SmallRunner(fail)).run("hi")
    """)
    assert "✗ failed" in cell.text
    assert "ZeroDivisionError: no" in cell.text
    assert cell.error == ""


def test_in_batch_no_comm_is_opened(batch):
    batch.run(SETUP)
    batch.run("flow = lf.Flow(SmallRunner(echo)); flow")
    batch.run("run = flow.run('hi'); run.show(); await run")
    assert batch.comms.opened == {}


def test_nbclient_executes_what_people_write(tmp_path):
    cells = [
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n" + SETUP.replace("Gate()", "echo"),
        "flow",
        "run = flow.run('one')\nrun",
        "run.result()",
        "await flow.run('two').show()",
        "lf.options.loop = 'thread'\nflow.run('three').result()",
        "await run",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=HANG, resources={"metadata": {"path": str(tmp_path)}}).execute()
    last = [cell.outputs[-1]["data"]["text/plain"] for cell in notebook.cells[1:]]
    assert last[0].startswith("Small\n├─ first")
    assert last[1].startswith("Small: one · ✓ finished")
    assert last[2:] == ["'one'", "'two'", "'three'", "'one'"]
    assert "widgets" not in notebook.metadata


# In a script


def test_result_waits_inside_a_running_loop():
    code = """
    async def main():
        run = flow.run("hi")
        await until(run, "node.started")
        try:
            run.result(timeout=0.01)
        except TimeoutError:
            print(run.status)
        asyncio.get_running_loop().call_later(0.01, gate.open)
        print(run.result())
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    """
    assert script(code) == ("running\nhi\n", "")


def test_a_script_gets_its_result_and_ends_in_silence():
    assert script("print(lf.Flow(SmallRunner(echo)).run('hi').result())") == ("hi\n", "")


def test_a_script_shows_the_text_of_a_run():
    out, err = script("lf.Flow(SmallRunner(echo)).run('hi').show()")
    assert out.startswith("Small: hi · ✓ finished")
    assert err == ""


def test_a_step_that_leaves_the_program_leaves_the_thread_of_the_runs():
    assert script(
        LEAVE
        + """
lf.options.loop = "thread"
for _ in range(2):
    try:
        leaving.run("hi").result()
    except SystemExit as left:
        print(left)
run = lf.Flow(SmallRunner(echo)).run("after")
run._work._job.loop.call_soon_threadsafe(sys.exit)  # not a step: whatever runs on that loop
print(run.result(), lf.Flow(SmallRunner(echo)).run("and after").result())
"""
    ) == ("No API key\nNo API key\nafter and after\n", "")


def test_a_script_that_ends_before_its_run_ends_in_silence():
    assert script("run = flow.run('hi'); print(run.status)") == ("running\n", "")


def test_a_program_that_ends_cancels_its_runs():
    code = """
    async def main():
        run = flow.run("hi")
        await until(run, "node.started")
        return run
    run = asyncio.run(main())
    print(run.status, [event["kind"] for event in run.log.since(0)][-2:])
    """
    assert script(code) == ("cancelled ['node.cancelled', 'run.cancelled']\n", "")


def test_result_asks_on_the_terminal_until_the_answer_fits():
    code = """
    from lfwidget.runners.base import Question
    async def ask(execution):
        return await execution.ask([Question("one", "first", "first-1", "How many?", {"type": "integer"})])
    print(lf.Flow(SmallRunner(ask)).run("hi").result())
    """
    keyboard, terminal = pty.openpty()
    os.write(keyboard, b"many\n3\n")
    try:
        out, err = script(code, stdin=terminal)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert out.splitlines() == [
        "first asks: How many?",
        "> first asks for integer, not str",
        "first asks: How many?",
        "> {'one': 3}",
    ]
    assert err == ""


def test_ctrl_c_in_result_cancels_the_run():
    code = """
    run = flow.run("hi")
    asyncio.run(until(run, "node.started"))
    press_ctrl_c()
    try:
        run.result()
    except KeyboardInterrupt:
        print(run.status)
    """
    assert script(code) == ("cancelled\n", "")


def test_ctrl_c_in_await_cancels_the_run():
    code = """
    async def main():
        global run
        run = flow.run("hi")
        await until(run, "node.started")
        print("waiting", flush=True)
        await run
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print(run.status)
    """
    assert script(code, interrupt_at="waiting") == ("waiting\ncancelled\n", "")


def test_a_second_ctrl_c_gives_up_on_a_node_that_will_not_stop():
    code = """
    import os, signal
    async def stubborn(_execution):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(3600)
    async def main():
        lf.Flow(SmallRunner(stubborn)).run("hi").result()
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("stopped")
    """
    assert script(code)[0] == "stopped\n"


def test_a_forked_child_can_run_flows_too():
    code = """
    import os, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    flow = lf.Flow(SmallRunner(echo))
    flow.run("parent").result()
    child = os.fork()
    if not child:
        print(flow.run("child").result(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(flow.run("parent").result())
    """
    assert script(code) == ("child\nparent\n", "")


def test_a_loop_that_cannot_be_nested_says_so():
    code = """
    class Foreign(asyncio.AbstractEventLoop):
        pass
    from lfwidget.runtime import Signal, wait
    async def main():
        loop = Foreign()
        asyncio.events._set_running_loop(loop)
        try:
            wait(Signal(), lambda: False, loop, None, print)
        except lf.NestedLoopError as error:
            print(error)
        finally:
            asyncio.events._set_running_loop(None)
    try:
        main().send(None)
    except StopIteration:
        pass
    """
    assert script(code) == ("__main__.Foreign cannot wait inside itself: use `await run` here\n", "")
