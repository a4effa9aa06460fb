"""A recorded run as a live one again."""

import asyncio

import pytest
from doubles import Gate, Node, SmallRunner, until, within

import lfwidget as lf

FAST = float("inf")


async def speak(execution):
    async with Node(execution, "first", output="Hello, world") as first:
        first.say("Hello", ", ")
        await asyncio.sleep(0.02)
        first.say("world")
    return "Hello, world"


@pytest.fixture
def run():
    made = lf.Flow(SmallRunner(speak), name="Small").run("hi")
    made.result()
    return made


async def test_it_has_the_same_events_with_the_same_times(run):
    again = run.replay(FAST)
    assert await within(again) == "Hello, world"
    first, *rest = again.log.since(0)
    assert rest == run.log.since(0)[1:]
    assert {**first, "run_id": run.id} == run.log.since(0)[0]
    assert repr(again.table()) == repr(run.table())


async def test_it_is_a_run_of_its_own(run):
    again = run.replay(FAST)
    await within(again)
    assert again.id != run.id
    assert again.name == run.name
    assert again.about == run.about


async def test_it_takes_its_time(run, monkeypatch):
    waits = []
    sleep = asyncio.sleep

    async def noted(seconds):
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noted)
    await within(run.replay(0.5))
    assert max(waits) > run.duration


async def test_it_is_live_while_it_plays(run):
    again = run.replay(0.01)
    await until(again, "node.started")
    assert again.status == "running"
    again.cancel()
    with pytest.raises(lf.RunCancelledError):
        await within(again)
    assert again.log.since(0)[-1]["kind"] == "run.cancelled"


async def test_an_opened_record_replays(run, tmp_path):
    again = lf.open(run.save(tmp_path / "x.lfrun")).replay(FAST)
    assert await within(again) == "Hello, world"


async def test_a_failed_run_fails_again():
    async def fail(execution):
        async with Node(execution, "first"):
            raise ValueError("no such planet")

    run = lf.Flow(SmallRunner(fail)).run("hi")
    with pytest.raises(ValueError, match="planet"):
        await within(run)
    again = run.replay(FAST)
    with pytest.raises(lf.RecordedError, match="ValueError: no such planet"):
        await within(again)
    assert again.status == "failed"


async def test_a_cancelled_run_is_cancelled_again():
    run = lf.Flow(SmallRunner(Gate())).run("hi")
    await until(run, "node.started")
    run.cancel("enough")
    with pytest.raises(lf.RunCancelledError):
        await within(run)
    with pytest.raises(lf.RunCancelledError, match="enough"):
        await within(run.replay(FAST))


async def test_notes_are_played_too(run):
    run.note("look here", at=0.01)
    again = run.replay(FAST)
    await within(again)
    assert again.log.since(0)[-1]["text"] == "look here"


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_is_above_zero(run, speed):
    with pytest.raises(lf.InputError, match="speed"):
        run.replay(speed)


async def test_a_run_that_goes_on_cannot_be_replayed():
    run = lf.Flow(SmallRunner(Gate())).run("hi")
    with pytest.raises(lf.InputError, match="has not ended"):
        run.replay()
    run.cancel()
