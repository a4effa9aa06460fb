import asyncio
import contextlib
import gc
import logging
import threading

import pytest
from doubles import HANG, Gate, Node, SmallRunner, echo, node, until, within

import lfwidget as lf
from lfwidget.runners.base import Question


def start(body=echo, typed="hi", **options):
    return lf.Flow(SmallRunner(body, **options)).run(typed)


async def started(body, **options):
    """A run whose first node has begun."""
    run = start(body, **options)
    await until(run, "node.started")
    return run


def kinds(run):
    return [event["kind"] for event in run.log.since(0)]


class Ask:
    """A flow that asks questions and returns the answers."""

    def __init__(self, *questions):
        self.questions = questions or (question("one"),)

    async def __call__(self, execution):
        async with Node(execution, "first"):
            return await execution.ask(self.questions)


def question(request, prompt="Shall I?", schema=None):
    return Question(request=request, node="first", span="first-span", prompt=prompt, schema=schema)


async def fail(execution):
    async with Node(execution, "first"):
        raise ZeroDivisionError("no")


# Waiting


async def test_it_goes_on_while_the_code_that_started_it_does():
    gate = Gate()
    run = await started(gate)
    assert run.status == "running"
    gate.open()
    assert await within(run) == "hi"
    assert run.status == "finished"


async def test_awaiting_gives_the_output_as_often_as_one_likes():
    run = start()
    assert [await within(run), await within(run)] == ["hi", "hi"]
    assert run.output == "hi"


async def test_the_flow_s_own_error_is_raised():
    run = start(fail)
    with pytest.raises(ZeroDivisionError, match="no"):
        await within(run)
    assert run.status == "failed"
    assert isinstance(run.error, ZeroDivisionError)


async def test_raising_it_again_adds_nothing_to_its_traceback():
    run = start(fail)
    lengths = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as caught:
            await within(run)
        lengths.append(len(caught.traceback))
    assert len(set(lengths)) == 1


async def test_an_error_nobody_waits_for_makes_no_noise(caplog):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    run = start(fail)
    await until(run, "run.failed")
    del run
    gc.collect()
    await asyncio.to_thread(gc.collect)
    assert complaints == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_run_nobody_holds_goes_on():
    gate = Gate()
    log = (await started(gate)).log
    gc.collect()
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    log.subscribe(lambda: loop.call_soon_threadsafe(done.set) if log.ended else None)
    gate.open()
    await within(done.wait())
    assert log.since(0)[-1]["kind"] == "run.finished"


async def test_sys_exit_in_a_node_ends_the_run_and_not_the_kernel():
    async def leave(_execution):
        raise SystemExit(3)

    run = start(leave)
    await until(run, "run.failed")
    with pytest.raises(SystemExit):
        await run


@pytest.mark.parametrize("value", [10**5000, {"n": [10**5000]}], ids=["huge", "huge inside"])
async def test_any_input_and_output_ends_the_run(value):
    async def body(execution):
        return execution.input

    run = start(body, value)
    assert await within(run) == value
    assert run.status == "finished"


async def test_a_timeout_leaves_the_run_going():
    gate = Gate()
    run = await started(gate)
    with pytest.raises(TimeoutError, match=r"'hi' did not end within 0\.01 s"):
        await asyncio.to_thread(run.result, timeout=0.01)
    assert run.status == "running"
    gate.open()
    assert await within(run) == "hi"


async def test_another_thread_just_waits():
    gate = Gate()
    run = await started(gate)
    result = asyncio.get_running_loop().run_in_executor(None, run.result, HANG)
    gate.open()
    assert await within(result) == "hi"


def test_a_script_without_a_loop_waits():
    assert start().result(timeout=HANG) == "hi"


def test_another_loop_can_await_it():
    gate = Gate()
    run = start(gate)
    asyncio.run(until(run, "node.started"))
    gate.open()
    assert asyncio.run(within(run)) == "hi"


def test_a_loop_that_rests_is_moved_on_by_who_waits():
    async def begin():
        return start(gate)

    gate = Gate()
    loop = asyncio.new_event_loop()
    run = loop.run_until_complete(begin())
    loop.run_until_complete(until(run, "node.started"))
    gate.open()
    assert run.result(timeout=HANG) == "hi"
    loop.close()


def test_a_loop_that_was_closed_ends_its_runs():
    async def begin():
        return start(gate)

    gate = Gate()
    loop = asyncio.new_event_loop()
    run = loop.run_until_complete(begin())
    loop.close()
    with pytest.raises(lf.RunCancelledError, match="loop was closed"):
        run.result(timeout=HANG)
    assert run.status == "cancelled"


# Waiting for itself


async def test_a_node_that_waits_for_its_own_run_is_refused():
    async def wait_for_itself(_execution):
        run.result()

    run = start(wait_for_itself)
    with pytest.raises(lf.RunDeadlockError, match="wait for itself"):
        await within(run)


async def test_a_node_that_awaits_its_own_run_is_refused():
    async def wait_for_itself(_execution):
        await run

    run = start(wait_for_itself)
    with pytest.raises(lf.RunDeadlockError):
        await within(run)


async def test_a_thread_of_a_node_that_waits_for_its_own_run_is_refused():
    async def wait_for_itself(_execution):
        await asyncio.to_thread(run.result)

    run = start(wait_for_itself)
    with pytest.raises(lf.RunDeadlockError):
        await within(run)


async def test_a_node_may_wait_for_another_run():
    async def outer(execution):
        return await start(echo, execution.input + "!")

    assert await within(start(outer)) == "hi!"


# Stopping


async def test_cancelling_stops_it():
    run = await started(Gate())
    run.cancel()
    with pytest.raises(lf.RunCancelledError, match="you cancelled it") as caught:
        await within(run)
    assert caught.value.reason == "you cancelled it"
    assert run.status == "cancelled"
    assert kinds(run)[-2:] == ["node.cancelled", "run.cancelled"]


async def test_it_can_be_cancelled_before_it_begins():
    run = start(Gate())
    run.cancel()
    with pytest.raises(lf.RunCancelledError):
        await within(run)
    assert kinds(run) == ["run.started", "run.cancelled"]


async def test_it_can_be_cancelled_from_a_thread():
    run = await started(Gate())
    thread = threading.Thread(target=run.cancel)
    thread.start()
    with pytest.raises(lf.RunCancelledError):
        await within(run)
    thread.join(HANG)


async def test_cancelling_who_awaits_it_cancels_it():
    run = await started(Gate())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run
    assert run.status == "cancelled"


async def test_a_shield_keeps_it_going():
    gate = Gate()
    run = await started(gate)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.shield(run)
    gate.open()
    assert await within(run) == "hi"


async def test_cancelling_one_that_has_ended_changes_nothing():
    run = start()
    await within(run)
    run.cancel()
    assert await within(run) == "hi"


# Questions


async def test_a_question_makes_it_wait():
    run = start(Ask(question("one", "Shall I?")))
    await until(run, "input.requested")
    assert run.status == "waiting"
    assert [(asked.node, asked.prompt) for asked in run.pending] == [("first", "Shall I?")]


async def test_an_answer_makes_it_go_on():
    run = start(Ask())
    await until(run, "input.requested")
    run.answer("yes")
    assert run.pending == []
    assert await within(run) == {"one": "yes"}
    assert [kind for kind in kinds(run) if kind.startswith("input")] == ["input.requested", "input.given"]


async def test_with_nobody_there_a_question_is_raised_and_can_still_be_answered():
    run = start(Ask())
    with pytest.raises(lf.InputRequiredError, match=r"first asks: 'Shall I\?'") as caught:
        await within(run)
    assert [asked.request for asked in caught.value.pending] == ["one"]
    run.answer("yes")
    assert await within(run) == {"one": "yes"}


def test_result_raises_it_too():
    run = start(Ask())
    with pytest.raises(lf.InputRequiredError):
        run.result(timeout=HANG)
    run.answer("yes")
    assert run.result(timeout=HANG) == {"one": "yes"}


async def test_several_questions_are_answered_by_their_requests():
    run = start(Ask(question("one"), question("two")))
    await until(run, "input.requested")
    with pytest.raises(lf.InputError, match=r"'one' .*'two'"):
        run.answer("yes")
    run.answer("no", "two")
    assert run.status == "waiting"
    run.answer("yes", request="one")
    assert await within(run) == {"one": "yes", "two": "no"}


async def test_an_unknown_request_is_refused_with_the_nearest():
    run = start(Ask(question("approval")))
    await until(run, "input.requested")
    with pytest.raises(lf.UnknownNameError) as caught:
        run.answer("yes", "aproval")
    assert caught.value.nearest == "approval"


async def test_an_answer_to_nothing_is_refused():
    run = start()
    await within(run)
    with pytest.raises(lf.InputError, match="nothing is asked"):
        run.answer("yes")


@pytest.mark.parametrize(
    ("schema", "wrong", "right"),
    [
        ({"type": "integer"}, "three", 3),
        ({"type": "integer"}, True, 3),
        ({"type": "boolean"}, "yes", True),
        ({"type": ["string", "null"]}, 3, None),
        ({"enum": ["yes", "no"]}, "maybe", "no"),
        ({"type": "object", "required": ["name"]}, {}, {"name": "Ada"}),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays(schema, wrong, right):
    run = start(Ask(question("one", schema=schema)))
    await until(run, "input.requested")
    with pytest.raises(lf.InputError, match="first"):
        run.answer(wrong)
    run.answer(right)
    assert await within(run) == {"one": right}


async def test_cancelling_takes_the_question_away():
    run = start(Ask())
    await until(run, "input.requested")
    run.cancel()
    with contextlib.suppress(lf.RunCancelledError):
        await within(run)
    assert run.pending == []
    assert run.status == "cancelled"


# Following


async def test_every_event_is_there_from_the_first():
    run = start()
    live = [event["seq"] async for event in run]
    assert live == list(range(1, len(live) + 1))
    assert [event["seq"] async for event in run] == live
    assert kinds(run)[0] == "run.started"
    assert kinds(run)[-1] == "run.finished"


async def test_two_followers_see_the_same():
    run = start()

    async def follow():
        return [event async for event in run]

    one, two = await within(asyncio.gather(follow(), follow()))
    assert one == two


async def test_events_come_while_it_runs():
    gate = Gate()
    run = start(gate)
    assert (await until(run, "node.started"))["node"] == "first"
    gate.open()
    await until(run, "run.finished")


# Reading


async def test_the_end_is_told_with_the_usage_of_all_nodes():
    async def flow(execution):
        async with Node(execution, "first", usage={"input_tokens": 1, "output_tokens": 2}):
            pass
        async with Node(execution, "second", usage={"input_tokens": 10, "output_tokens": 20}):
            pass

    run = start(flow)
    await within(run)
    assert run.usage == {"input_tokens": 11, "output_tokens": 22}
    assert run.log.since(0)[-1]["usage"] == run.usage
    assert run.duration == run.log.since(0)[-1]["t"]


async def test_the_failure_names_the_innermost_node():
    async def flow(execution):
        async with Node(execution, "second"), Node(execution, "first"):
            raise ZeroDivisionError("no")

    run = start(flow)
    await until(run, "run.failed")
    end = run.log.since(0)[-1]
    assert end["node"] == "first"
    assert end["error"]["type"] == "ZeroDivisionError"
    assert "raise ZeroDivisionError" in end["error"]["traceback"]


async def test_an_error_that_wraps_another_comes_from_where_that_one_did():
    async def flow(execution):
        async with Node(execution, "second"):
            try:
                await fail(execution)
            except ZeroDivisionError as error:
                raise RuntimeError("wrapped") from error

    run = start(flow)
    assert (await until(run, "run.failed"))["node"] == "first"


async def test_a_failed_attempt_that_was_retracted_is_not_to_blame():
    async def flow(execution):
        with contextlib.suppress(ZeroDivisionError):
            await fail(execution)
        execution.log.append("node.retracted", node="first", span="first-span")
        async with Node(execution, "second"):
            raise ZeroDivisionError("no")

    run = start(flow)
    assert (await until(run, "run.failed"))["node"] == "second"


async def test_nodes_are_found_by_id_and_by_title():
    run = start(echo, nodes=[node("first", "The First"), node("second")])
    await within(run)
    assert run.nodes["first"].text == "hi"
    assert run.nodes["The First"].id == "first"
    assert list(run.nodes) == ["first", "second"]


async def test_an_unknown_node_is_refused_with_the_nearest():
    with pytest.raises(lf.UnknownNameError) as caught:
        start().nodes["frist"]
    assert caught.value.nearest == "first"


async def test_a_title_that_two_nodes_have_is_refused():
    run = start(echo, nodes=[node("first", "Model"), node("second", "Model")])
    with pytest.raises(lf.UnknownNameError, match=r"first|second"):
        run.nodes["Model"]


async def test_the_output_of_a_node_is_the_live_object():
    thing = object()

    async def flow(execution):
        async with Node(execution, "first", output=thing):
            pass

    run = start(flow)
    await within(run)
    assert run.nodes["first"].output is thing
    assert run.nodes["second"].output is None


async def test_a_node_can_be_read_while_it_speaks():
    said = asyncio.Event()

    async def flow(execution):
        async with Node(execution, "first") as first:
            first.say("Hel", "lo")
            await said.wait()

    run = start(flow)
    first = run.nodes["first"]
    await until(run, "node.delta")
    assert (first.status, first.text, first.tokens, first.duration) == ("running", "Hello", 2, None)
    said.set()
    await within(run)
    assert (first.status, first.duration) == ("finished", 0.5)


async def test_the_log_says_what_was_asked():
    run = start(typed="How big?")
    first = run.log.since(0)[0]
    assert (run.input, first["input"], first["flow"], first["format"]) == ("How big?", "How big?", "Small", 1)
    assert first["run_id"] == run.id
    await within(run)
