"""`lf.open()` and `lf.records()`: a record file, a saved notebook, an exported page."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from doubles import HANG, Gate, Node, SmallRunner, echo, until, within
from kernels import TESTS

import lfwidget as lf
from lfwidget.keeper import record_bundle


@pytest.fixture
def run():
    async def speak(execution):
        async with Node(execution, "first", output={"said": execution.input}) as first:
            first.say("Hello", ", ", "world")
        return {"said": execution.input}

    made = lf.Flow(SmallRunner(speak), name="Small").run("hi", name="greeting")
    made.result()
    return made


def failing(message):
    async def fail(execution):
        async with Node(execution, "first"):
            raise ValueError(message)

    return lf.Flow(SmallRunner(fail), name="Failing")


def notebook(path, *bundles):
    cells = [
        {"cell_type": "code", "outputs": [{"output_type": "display_data", "data": bundle, "metadata": {}}]}
        for bundle in bundles
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    return path


def same(opened, run):
    assert opened.status == run.status
    assert opened.id == run.id
    assert opened.name == run.name
    assert opened.log.since(0) == run.log.since(0)
    assert repr(opened.table()) == repr(run.table())
    assert repr(opened) == repr(run)


OLD = TESTS.parent / "docs" / "quickstart.html"


def test_a_picture_shows_the_end_or_any_moment(tmp_path):
    opened = lf.open(OLD)
    assert "◐ running" not in opened.to_svg()
    assert opened.to_svg(tmp_path / "x.svg", at=1.4).count("◐ running") == 3
    assert (tmp_path / "x.svg").read_text() == opened.to_svg(at=1.4)


def test_a_record_that_was_made_earlier_is_still_read():
    opened = lf.open(OLD)
    assert (opened.status, opened.about.flow) == ("finished", "Fact and story")
    assert opened.nodes["story/model"].text.startswith("Once, the Sun")


def test_a_saved_run_is_opened_as_it_was(run, tmp_path):
    opened = lf.open(run.save(tmp_path / "x.lfrun"))
    same(opened, run)
    assert opened.input == "hi"
    assert opened.output == opened.result() == {"said": "hi"}
    assert opened.nodes["first"].text == "Hello, world"
    assert opened.about == run.about


def test_it_is_what_is_in_a_file_that_counts_not_its_name(run, tmp_path):
    same(lf.open(run.save(tmp_path / "lesson.ipynb")), run)


def test_a_page_is_opened(run, tmp_path):
    run.to_html(tmp_path / "x.html")
    same(lf.open(tmp_path / "x.html"), run)


def test_the_record_in_a_notebook_is_opened(run, tmp_path):
    same(lf.open(notebook(tmp_path / "x.ipynb", {"text/plain": "1"}, record_bundle(run))), run)


def test_a_notebook_that_keeps_its_html_as_lines_is_opened(run, tmp_path):
    bundle = record_bundle(run)
    lines = {**bundle, "text/html": bundle["text/html"].splitlines(keepends=True)}
    same(lf.open(notebook(tmp_path / "x.ipynb", lines)), run)


def test_one_of_several_is_picked_by_place_or_name(run, tmp_path):
    other = lf.Flow(SmallRunner(echo), name="Echo").run("ho", name="second")
    other.result()
    path = notebook(tmp_path / "x.ipynb", record_bundle(run), record_bundle(other))
    assert [lf.open(path, run=which).name for which in (0, -1, "second")] == ["greeting", "second", "second"]
    with pytest.raises(lf.InputError, match="0: 'greeting', 1: 'second'"):
        lf.open(path)
    with pytest.raises(lf.UnknownNameError, match="second"):
        lf.open(path, run="secnod")
    with pytest.raises(lf.UnknownNameError):
        lf.open(path, run=2)


def test_two_of_one_name_are_picked_by_place(run, tmp_path):
    path = notebook(tmp_path / "x.ipynb", record_bundle(run), record_bundle(run))
    with pytest.raises(lf.InputError, match="position"):
        lf.open(path, run="greeting")


def test_the_records_of_a_file_are_listed(run, tmp_path):
    path = notebook(tmp_path / "x.ipynb", record_bundle(run))
    (info,) = lf.records(path)
    assert (info.name, info.flow, info.input, info.status) == ("greeting", "Small", "hi", "finished")
    assert info.started_at == run.about.started_at
    assert "greeting · Small" in repr(info)
    assert lf.records(notebook(tmp_path / "empty.ipynb")) == []


def test_a_notebook_without_a_record_says_so(tmp_path):
    with pytest.raises(lf.RecordError, match="no record of a run is in here"):
        lf.open(notebook(tmp_path / "x.ipynb", {"text/plain": "1"}))


@pytest.mark.parametrize("content", ["{", "{}", '{"cells": 7}', '{"cells": [7]}', "[]", "<html>", "", "hello"])
def test_a_file_that_is_something_else_is_a_record_error(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    with pytest.raises(lf.RecordError) as caught:
        lf.open(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        lf.open(tmp_path / "nowhere.lfrun")


def test_a_damaged_record_in_a_notebook_names_its_cell(run, tmp_path):
    bundle = record_bundle(run)
    damaged = {**bundle, "text/html": bundle["text/html"].replace('x-lfwidget-log">', 'x-lfwidget-log">0000')}
    with pytest.raises(lf.RecordError, match="cell 2"):
        lf.open(notebook(tmp_path / "x.ipynb", {"text/plain": "1"}, damaged))


def test_a_changed_file_keeps_what_could_be_read(run, tmp_path):
    path = run.save(tmp_path / "x.lfrun")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], lines[3].replace("Hello", "Hallo"), *lines[4:]]))
    with pytest.raises(lf.RecordError) as caught:
        lf.open(path)
    assert caught.value.line == 4
    assert caught.value.run.status == "cancelled"
    assert caught.value.run.log.since(0)[:2] == run.log.since(0)[:2]


def test_a_file_that_was_cut_off_is_opened_as_far_as_it_goes(run, tmp_path):
    path = run.save(tmp_path / "x.lfrun")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]) + lines[4][:9])
    with pytest.warns(lf.RecordWarning, match="cut off after event 3"):
        opened = lf.open(path)
    assert opened.status == "cancelled"
    assert opened.nodes["first"].text == "Hello, world"
    with pytest.raises(lf.RunCancelledError, match="cut off"):
        opened.result()


def test_the_error_of_a_recorded_run_is_told_as_far_as_it_is_known(tmp_path):
    run = failing("no such planet").run("hi")
    with pytest.raises(ValueError, match="no such planet"):
        run.result()
    opened = lf.open(run.save(tmp_path / "x.lfrun"))
    assert opened.status == "failed"
    with pytest.raises(lf.RecordedError) as caught:
        opened.result()
    assert (caught.value.type, caught.value.message) == ("ValueError", "no such planet")


def test_an_opened_run_is_saved_again_with_its_notes(run, tmp_path):
    opened = lf.open(run.save(tmp_path / "x.lfrun"))
    opened.note("first", "look here", at=0.1)
    again = lf.open(opened.save(tmp_path / "y.lfrun"))
    assert again.log.since(0)[-1]["text"] == "look here"
    assert again.about == run.about
    same(again, opened)


def test_a_run_that_goes_on_can_be_saved_so_far(tmp_path):
    gate = Gate()
    run = lf.Flow(SmallRunner(gate)).run("hi")
    path = run.save(tmp_path / "x.lfrun")
    assert lf.open(path).status == "cancelled"
    run.cancel()


# While it goes on

SAVING = """
import sys, time
sys.path.insert(0, {tests!r})
import lfwidget as lf
from doubles import Node, SmallRunner
import asyncio
async def speak(execution):
    async with Node(execution, "first") as first:
        for n in range(10_000):
            first.say(f"word{{n}} ")
            await asyncio.sleep(0.001)
run = lf.Flow(SmallRunner(speak)).run("hi", save={path!r})
run.result()
"""


def test_a_run_whose_process_is_killed_is_read_up_to_there(tmp_path):
    path = tmp_path / "x.lfrun"
    process = subprocess.Popen([sys.executable, "-c", SAVING.format(tests=str(TESTS), path=str(path))])
    deadline = time.monotonic() + HANG
    while not (path.exists() and path.read_bytes().count(b"node.delta") > 5):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.warns(lf.RecordWarning, match="cut off"):
        opened = lf.open(path)
    assert opened.nodes["first"].text.startswith("word0 word1 word2 ")


async def test_a_file_that_is_written_meanwhile_is_whole_in_the_end(tmp_path):
    path = tmp_path / "x.lfrun"
    run = lf.Flow(SmallRunner(echo)).run("hello", save=path)
    await within(run)
    async with asyncio.timeout(HANG):
        while b'"end"' not in path.read_bytes():  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)
    same(lf.open(path), run)


def test_a_file_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    flow = lf.Flow(SmallRunner(echo))
    with pytest.raises(OSError, match="nowhere"):
        flow.run("hi", save=tmp_path / "nowhere" / "x.lfrun")
    assert flow.runs == []


async def test_a_full_disk_costs_the_file_and_not_the_run():
    gate = Gate()
    run = lf.Flow(SmallRunner(gate)).run("hi", save="/dev/full")
    event = await until(run, "log")
    assert "the run goes on" in event["message"]
    gate.open()
    assert await within(run) == "hi"
