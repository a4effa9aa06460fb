# ruff: noqa: T201 - printing is what is tested

import asyncio
import logging
import sys
import threading

import pytest
from doubles import Gate, SmallRunner, until, within
from kernels import Kernel

import lfwidget as lf


def start(body):
    return lf.Flow(SmallRunner(body)).run("hi")


def logs(run):
    return [(event["level"], event["message"], event["source"]) for event in run.log.since(0) if event["kind"] == "log"]


async def logs_of(body):
    run = start(body)
    await within(run)
    return logs(run)


async def test_what_a_flow_prints_is_logged_line_by_line_and_still_printed(capsys):
    async def flow(_execution):
        print("one", 1)
        print("two\nthree")
        print("no end", end="")

    lines = [("info", text, "print") for text in ("one 1", "two", "three", "no end")]
    assert await logs_of(flow) == lines
    assert capsys.readouterr().out == "one 1\ntwo\nthree\nno end"


async def test_what_its_threads_print_is_logged_too():
    async def flow(_execution):
        await asyncio.to_thread(print, "from a thread")

    assert await logs_of(flow) == [("info", "from a thread", "print")]


async def test_what_others_print_meanwhile_is_not(capsys):
    gate = Gate()
    run = start(gate)
    await until(run, "node.started")
    print("from a cell")
    thread = threading.Thread(target=print, args=("from its thread",))
    thread.start()
    thread.join()
    gate.open()
    await within(run)
    assert logs(run) == []
    assert capsys.readouterr().out == "from a cell\nfrom its thread\n"


async def test_runs_that_overlap_do_not_mix():
    async def flow(execution):
        for _ in range(3):
            print(execution.input)
            await asyncio.sleep(0)

    flows = lf.Flow(SmallRunner(flow))
    runs = [flows.run("a"), flows.run("b")]
    await within(asyncio.gather(*runs))
    assert [[message for _, message, _ in logs(run)] for run in runs] == [["a"] * 3, ["b"] * 3]


async def test_a_line_without_an_end_is_not_waited_for_for_ever():
    async def flow(_execution):
        sys.stdout.write("x" * 10_000)
        await asyncio.sleep(0)
        sys.stdout.write("y\n")

    assert [len(message) for _, message, _ in await logs_of(flow)] == [10_000, 1]


@pytest.mark.parametrize(
    ("number", "level"), [(logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warning"), (50, "error")]
)
async def test_records_of_logging_keep_their_level_and_name(number, level):
    logger = logging.getLogger("a.library")
    logger.setLevel(logging.DEBUG)

    async def flow(_execution):
        logger.log(number, "%d of %d", 1, 2)

    assert await logs_of(flow) == [(level, "1 of 2", "a.library")]


async def test_a_logger_that_keeps_to_itself_is_heard_too():
    logger = logging.getLogger("a.library.alone")
    logger.propagate = False

    async def flow(_execution):
        logger.error("no")

    assert await logs_of(flow) == [("error", "no", "a.library.alone")]


async def test_arguments_that_do_not_fit_break_nothing(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)

    async def flow(_execution):
        logging.getLogger("a.library").error("%d", "three")

    assert await logs_of(flow) == [("error", "%d", "a.library")]


async def test_stdout_and_logging_are_as_before_when_the_last_run_has_ended():
    before = sys.stdout, logging.getLogRecordFactory()
    gates = Gate(), Gate()
    runs = [start(gate) for gate in gates]
    for run in runs:
        await until(run, "node.started")
    assert sys.stdout is not before[0]
    gates[0].open()
    await within(runs[0])
    assert sys.stdout is not before[0]
    gates[1].open()
    await within(runs[1])
    assert (sys.stdout, logging.getLogRecordFactory()) == before


async def test_a_stream_that_somebody_put_over_ours_stays(monkeypatch):
    gate = Gate()
    run = start(gate)
    await until(run, "node.started")
    theirs = sys.stderr
    monkeypatch.setattr(sys, "stdout", theirs)
    gate.open()
    await within(run)
    assert sys.stdout is theirs


async def test_it_is_a_stream_like_the_one_behind_it():
    async def flow(_execution):
        return sys.stdout.encoding, sys.stdout.writable(), sys.stdout.write("abc\n")

    plain = sys.stdout.encoding
    assert await within(start(flow)) == (plain, True, 4)


def test_in_a_notebook_it_is_printed_below_the_cell_that_started_the_run():
    kernel = Kernel()
    kernel.run("""
    import asyncio, threading
    import lfwidget as lf
    from doubles import until
    from langchain_core.runnables import RunnableLambda
    go = threading.Event()
    def step(text):
        print("begun")
        go.wait(30)
        print("from a thread of the flow")
        return text
    """)
    started = kernel.execute("run = lf.Flow(RunnableLambda(step)).run('hi')")
    kernel.finish(started)
    other = kernel.execute("go.set(); await run; print('from another cell')")
    printed = {}

    def take(message):
        if message["msg_type"] == "stream":
            parent = message["parent_header"]["msg_id"]
            printed[parent] = printed.get(parent, "") + message["content"]["text"]
        return message["parent_header"].get("msg_id") == other and message["content"].get("execution_state") == "idle"

    kernel.hear(take)
    kernel.close()
    assert printed[other] == "from another cell\n"
    assert printed[started].endswith("from a thread of the flow\n")
    assert kernel.stderr == ""
