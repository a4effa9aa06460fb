"""A LangFlow server, or a line to it, that misbehaves; and every way in which a run ends."""

import asyncio

import pytest
from langflow_double import (
    BUILD,
    CUT,
    EVENTS,
    HANG,
    HOLD,
    JOB,
    MODEL,
    OUT,
    POST,
    QUEUED,
    RUN,
    STATUS,
    STOP,
    Answer,
    FakeLangFlow,
    chunks,
    sse,
    stream,
)
from ran import HASTY, Ran, find, ran

from lfwidget.errors import ComponentError, InputRequiredError, ServerError
from lfwidget.flow import Flow

T20 = "".join(f"t{i} " for i in range(20))
CAPTURED = chunks("10_v2_bg_langflow_basic_attach")
BASIC = {"ChatInput-b6UCc", "Prompt-t2oaK", MODEL, OUT}


@pytest.fixture
def fake():
    with FakeLangFlow().running() as server:
        yield server


def whole(run):
    """The run shows the basic flow's every token once, and its end."""
    assert run.error is None
    assert run.streamed(MODEL) == [f"t{i} " for i in range(20)]
    assert run.output == run.text(MODEL) == T20
    return True


# A server or a line that misbehaves


async def test_a_cut_run_goes_on_where_it_was(fake):
    at = next(i for i, chunk in enumerate(CAPTURED) if b'"t7 "' in chunk)
    rest = next(i for i, chunk in enumerate(CAPTURED) if b'"t12 "' in chunk)
    run = await ran(fake.in_background([*CAPTURED[:at], CAPTURED[at][:20], CUT], CAPTURED[rest:], status=running()))
    assert run.error is None
    assert run.text(MODEL) == run.output == T20
    assert run.streamed(MODEL)[:7] == [f"t{i} " for i in range(7)]
    assert "the connection to the server was lost: reconnecting" in run.remarks("warning")
    assert run.remarks("info") == "connected again"
    first, second = fake.asked(EVENTS)
    assert "last-event-id" not in first.headers
    assert second.headers["last-event-id"] == "6"
    assert len(fake.asked(POST)) == 1


def running():
    return Answer({"job_id": JOB, "status": "in_progress"})


async def test_events_that_come_twice_count_once(fake):
    at = next(i for i, chunk in enumerate(CAPTURED) if b'"t7 "' in chunk)
    run = await ran(fake.in_background([*CAPTURED[:at], CUT], [CAPTURED[0], *CAPTURED], status=running()))
    assert run.statuses() == dict.fromkeys(BASIC, "finished")
    assert all(len(node.spans) == 1 for node in run.state.nodes.values())
    assert run.text(MODEL) == T20


async def test_a_run_that_ended_meanwhile_is_heard_to_its_end(fake):
    replay = chunks("10_v2_bg_langflow_basic_replay_after_end")
    run = await ran(fake.in_background([*CAPTURED[:9], CUT], replay))
    assert run.error is None
    assert run.text(MODEL) == run.output == T20
    assert run.statuses() == dict.fromkeys(BASIC, "finished")


async def test_a_line_that_stays_cut_gives_up(fake):
    run = await ran(fake.in_background([*CAPTURED[:9], CUT], [CUT], status=running()))
    assert isinstance(run.error, ServerError)
    assert f"did not come back within 2 seconds. The run may still go on there, as job {JOB}" in str(run.error)
    assert run.statuses()[MODEL] == "cancelled"
    assert len(fake.asked(EVENTS)) > 2
    assert len(fake.asked(STOP)) == 1


async def test_a_proxy_that_fails_for_a_while_is_waited_for(fake):
    fake.in_background([])
    fake.says(EVENTS, stream([*CAPTURED[:9], CUT]), Answer({}, 502), Answer({}, 503), stream(CAPTURED[9:]))
    fake.says(STATUS, running(), Answer({}, 502), running())
    run = await ran(fake)
    assert run.error is None
    assert run.text(MODEL) == T20


async def test_a_silent_background_run_is_asked_for_and_heard_again(fake):
    hasty = type(HASTY)(**{**vars(HASTY), "keepalive": 0.1})
    run = await ran(fake.in_background([*CAPTURED[:9], HOLD], CAPTURED[9:], status=running()), patience=hasty)
    assert run.error is None
    assert run.text(MODEL) == T20
    assert "reconnecting" in run.remarks("warning")


@pytest.mark.parametrize(("way", "route"), [("build", BUILD), ("run_stream", RUN)])
async def test_a_silent_stream_gives_up_after_a_time(fake, way, route):
    hasty = type(HASTY)(**{**vars(HASTY), "silence": 0.1})
    run = await ran(fake.says(route, stream([chunks("01_build_direct_basic")[0], HOLD])), ways=[way], patience=hasty)
    assert isinstance(run.error, ServerError)
    assert "did not answer in time" in str(run.error)
    assert fake.gone.wait(HANG)


@pytest.mark.parametrize("last", [[CUT], []])
async def test_a_streamed_run_that_is_cut_fails(fake, last):
    run = await ran(fake.says(POST, stream([*chunks("07_v2_stream_langflow_basic")[:9], *last])), ways=["stream"])
    assert isinstance(run.error, ServerError)
    assert run.statuses()[MODEL] == "cancelled"
    assert run.streamed(MODEL) == ["t0 ", "t1 "]


async def test_half_an_event_and_bytes_that_are_no_text(fake):
    broken = b'data: {"event": "add_message", "data": {"id": "x\xff"}}\n\n: keepalive\n\ndata: oops\n\n'
    run = await ran(fake.in_background([*CAPTURED[:5], broken, *CAPTURED[5:], b'data: {"event": "to']))
    assert whole(run)
    assert "something that is no event: oops" in run.remarks("warning")


async def test_an_event_of_20_megabytes(fake):
    big = {
        "event": "end_vertex",
        "data": {"build_data": {"id": "Prompt-t2oaK", "data": {"outputs": {"prompt": {"message": "x" * 20_000_000}}}}},
    }
    run = await ran(fake.in_background([*sse(big), *CAPTURED[-1:]]))
    assert run.error is None
    assert run.statuses()["Prompt-t2oaK"] == "finished"


async def test_events_of_a_newer_server_are_passed_over(fake):
    run = await ran(fake.in_background([*sse({"event": "brand_new", "data": {}}), *CAPTURED[1:]]))
    assert run.error is None
    assert "lfwidget does not know: brand_new" in run.remarks("debug")


async def test_a_post_whose_answer_is_lost_is_made_again_with_the_same_key(fake):
    fake.in_background(CAPTURED).says(POST, Answer([CUT], kind="x/y"), QUEUED)
    assert whole(await ran(fake))
    first, second = (request.body["idempotency_key"] for request in fake.asked(POST))
    assert first == second


# How it ends


def failing():
    content = {"type": "error", "reason": "**ValueError**\n", "traceback": "Traceback: there"}
    data = {"category": "error", "text": "no such model", "properties": {"source": {"id": MODEL}}}
    error = {"event": "error", "data": {**data, "content_blocks": [{"contents": [content]}]}}
    ended = {"event": "end_vertex", "data": {"build_data": {"id": MODEL, "valid": False}}}
    return sse(
        {"event": "vertices_sorted", "data": {"ids": [MODEL], "to_run": [MODEL]}},
        error,
        ended,
        {"event": "end", "data": {}},
    )


FAILED = Answer({"detail": {"code": "JOB_FAILED", "error_detail": "no such model"}}, 500)


async def test_an_end_after_a_failure_is_a_failure(fake):
    run = await ran(fake.in_background(failing(), status=FAILED))
    assert isinstance(run.error, ComponentError)
    assert (run.error.node, run.error.type, run.error.message) == (MODEL, "ValueError", "no such model")
    assert run.statuses()[MODEL] == "failed"
    assert run.statuses()[OUT] == "skipped"


async def test_a_failure_that_only_the_status_tells(fake):
    run = await ran(fake.in_background([], status=FAILED))
    assert isinstance(run.error, ComponentError)
    assert run.error.message == "no such model"


async def test_a_whole_run_fails_on_its_node(fake):
    run = Flow(find(fake.in_background(failing(), status=FAILED))).run("hello")
    with pytest.raises(ComponentError, match="no such model"):
        await run
    end = run.log.since(0)[-1]
    assert (end["kind"], end["node"]) == ("run.failed", MODEL)
    assert "traceback" not in end["error"]


async def test_run_that_fails_says_why(fake):
    fake.says(RUN, Answer({"detail": '{"message": "Error running graph: no key"}'}, 500))
    run = await ran(fake, ways=["run"])
    assert isinstance(run.error, ComponentError)
    assert run.error.message == "Error running graph: no key"


async def test_a_job_that_was_forgotten(fake):
    gone = Answer({"detail": {"code": "JOB_NOT_FOUND", "message": "no job"}}, 404)
    run = await ran(fake.in_background([], status=gone))
    assert isinstance(run.error, ServerError)
    assert run.error.status == 404


async def test_outputs_that_only_the_status_tells(fake):
    done = Answer({"status": "completed", "outputs": {OUT: {"type": "message", "content": "hi"}}})
    assert (await ran(fake.in_background([], status=done))).output == "hi"


async def test_a_run_that_is_stopped_on_the_server_is_cancelled(fake):
    run = await ran(fake.in_background(chunks("14_stop_v2_bg_langflow"), status=Answer({"status": "cancelled"})))
    assert isinstance(run.error, asyncio.CancelledError)
    assert str(run.error) == "it was stopped on the server"
    assert run.statuses()[MODEL] == "cancelled"


async def test_a_node_that_asks_a_person_is_refused_in_words(fake):
    run = await ran(fake.in_background([*sse({"event": "human_input_required", "data": {}}), HOLD]))
    assert isinstance(run.error, InputRequiredError)
    assert len(fake.asked(STOP)) == 1


async def started(fake, **options):
    """A run whose model has begun to speak, and the task that it is."""
    run = Ran(find(fake, **options))
    task = asyncio.create_task(run.execute())
    await run.heard(MODEL, "node.delta")
    return run, task


async def test_cancelling_stops_the_servers_run(fake):
    run, task = await started(fake.in_background([*CAPTURED[:9], HOLD]))
    task.cancel()
    await task
    assert isinstance(run.error, asyncio.CancelledError)
    assert fake.asked(STOP)[0].body == {"job_id": JOB}
    assert run.statuses()[MODEL] == "cancelled"
    assert await asyncio.to_thread(fake.gone.wait, HANG)


async def test_cancelling_drops_the_line_of_a_streamed_run(fake):
    run, task = await started(fake.says(POST, stream([*CAPTURED[:9], HOLD])), ways=["stream"])
    task.cancel()
    await task
    assert isinstance(run.error, asyncio.CancelledError)
    assert await asyncio.to_thread(fake.gone.wait, HANG)
    assert fake.asked(STOP) == []


async def test_cancelling_before_the_job_is_known_stops_it_too(fake):
    fake.in_background(CAPTURED).says(POST, Answer([HOLD], kind="x/y"), QUEUED)
    run = Ran(find(fake))
    task = asyncio.create_task(run.execute())
    assert await asyncio.to_thread(fake.holding.wait, HANG)
    task.cancel()
    await task
    assert isinstance(run.error, asyncio.CancelledError)
    assert len({request.body["idempotency_key"] for request in fake.asked(POST)}) == 1
    assert fake.asked(STOP)[0].body == {"job_id": JOB}


async def test_cancelling_while_the_line_is_lost(fake):
    patient = type(HASTY)(**{**vars(HASTY), "first_pause": HANG, "lost": 10 * HANG})
    run = Ran(find(fake.in_background([*CAPTURED[:9], CUT], [CUT], status=running()), patience=patient))
    task = asyncio.create_task(run.execute())
    await run.heard(kind="log", words="reconnecting")
    task.cancel()
    await task
    assert isinstance(run.error, asyncio.CancelledError)
    assert len(fake.asked(STOP)) == 1


async def test_a_stop_that_fails_is_told(fake):
    fake.in_background([*CAPTURED[:9], HOLD]).says(STOP, Answer({"detail": "no"}, 500))
    run, task = await started(fake)
    task.cancel()
    await task
    assert "could not be told to stop this run" in run.remarks("warning")
