"""What an output becomes: live first, then a record. What a page makes of it is in tests/browser."""

import pytest
from kernels import VIEW, Kernel

SETUP = """
import asyncio
import lfwidget as lf
from doubles import Gate, Node, SmallRunner, echo
gate = Gate()
"""


@pytest.fixture
def kernel():
    with_page = Kernel()
    with_page.run(SETUP)
    yield with_page
    with_page.close()


@pytest.fixture
def batch():
    nobody = Kernel(batch=True)
    nobody.run(SETUP)
    yield nobody
    nobody.close()


def hear_record(kernel, place=-1):
    """Wait until an output is a record, and give it."""
    kernel.until(lambda: "lfwidget-record" in kernel.displayed[place].get("text/html", ""))
    return kernel.displayed[place]


def test_a_run_is_live_and_then_a_record(kernel):
    assert VIEW in kernel.run("run = lf.Flow(SmallRunner(gate)).run('hi'); run").shown[-1]
    kernel.run("gate.open()")
    record = hear_record(kernel)
    assert set(record) == {"text/plain", "text/html"}
    assert "✓ finished" in record["text/plain"]


def test_every_place_in_which_it_is_displayed_becomes_one(kernel):
    kernel.run("run = lf.Flow(SmallRunner(gate)).run('hi'); run.show(); run")
    kernel.run("gate.open()")
    assert "finished" in hear_record(kernel, 0)["text/plain"]
    assert "finished" in hear_record(kernel, 1)["text/plain"]


def test_one_that_has_ended_is_a_record_at_once(kernel):
    kernel.run("run = lf.Flow(SmallRunner(echo)).run('hi'); await run")
    assert "lfwidget-record" in kernel.run("run").shown[-1]["text/html"]


def test_a_note_makes_the_record_anew(kernel):
    kernel.run("run = lf.Flow(SmallRunner(echo)).run('hi'); await run")
    before = kernel.run("run").shown[-1]["text/html"]
    kernel.run("run.note('look')")
    kernel.until(lambda: kernel.displayed[-1]["text/html"] != before)


def test_records_can_be_switched_off(kernel):
    kernel.run("lf.options.record = False; run = lf.Flow(SmallRunner(echo)).run('hi'); await run")
    assert VIEW in kernel.run("run").shown[-1]


def test_the_page_is_told_which_record_to_look_for(kernel):
    widget = kernel.run("run = lf.Flow(SmallRunner(gate)).run('hi'); run").shown[-1][VIEW]["model_id"]
    kernel.run("gate.open()")
    told = kernel.hear_from(widget, lambda said: any(message["kind"] == "kept" for message in said))[-1]
    assert f'data-lfw="{told["token"]}"' in kernel.displayed[-1]["text/html"]


def test_keep_fills_the_output_below_a_flow(kernel):
    widget = kernel.run("flow = lf.Flow(SmallRunner(echo)); flow").shown[-1][VIEW]["model_id"]
    assert kernel.displayed[1] == {"text/plain": "", "text/html": ""}
    kernel.run("run = flow.run('hi'); await run")
    run = eval(kernel.run("run.id").text)
    kernel.say(widget, {"kind": "keep", "request": "r1", "run": run})
    assert "✓ finished" in hear_record(kernel, 1)["text/plain"]
    assert VIEW in kernel.displayed[0]


def test_freeze_leaves_nothing_live(kernel):
    kernel.run("flow = lf.Flow(SmallRunner(echo)); flow")
    kernel.run("other = lf.Flow(SmallRunner(echo), name='Never'); other")
    kernel.run("await flow.run('hi')")
    kernel.run("lf.freeze()")
    frozen, _, picture, _ = kernel.displayed
    assert "lfwidget-record" in frozen["text/html"]
    assert "<img" in picture["text/html"]
    assert not any(VIEW in data for data in kernel.displayed)


def test_where_nobody_watches_the_record_is_there_at_once_and_no_comm(batch):
    shown = batch.run("lf.Flow(SmallRunner(echo)).run('hi')").shown
    assert "lfwidget-record" in shown[-1]["text/html"]
    assert batch.comms.opened == {}


def test_a_note_of_the_page_is_kept(kernel):
    widget = kernel.run("run = lf.Flow(SmallRunner(gate)).run('hi'); run").shown[-1][VIEW]["model_id"]
    run = eval(kernel.run("run.id").text)
    note = {"kind": "note", "request": "r1", "run": run, "node": "first", "text": "look", "moment": 0.5}
    kernel.say(widget, note)
    noted = kernel.run("[e for e in run.log.since(0) if e['kind'] == 'note']").value
    assert [(event["node"], event["text"], event["moment"]) for event in noted] == [("first", "look", 0.5)]
    kernel.say(widget, {**note, "moment": "soon"})
    kernel.hear_from(widget, lambda said: any(message["kind"] == "refused" for message in said))


def test_the_page_is_given_the_player_when_it_asks(kernel):
    widget = kernel.run("run = lf.Flow(SmallRunner(gate)).run('hi'); run").shown[-1][VIEW]["model_id"]
    kernel.say(widget, {"kind": "player"})
    said = kernel.hear_from(widget, lambda said: any(message["kind"] == "player" for message in said))
    assert "export{" in next(message["code"] for message in said if message["kind"] == "player")
