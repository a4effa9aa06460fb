"""A run of a LangFlow server: kept while nobody watches, read when somebody does. A real server is in tests/server."""

import asyncio
import json
import subprocess
import sys

import pytest

from lfwidget.gateway.following import Following
from lfwidget.gateway.langflow_plugin import tapped
from lfwidget.gateway.langflow_plugin.runs import About, Runs
from lfwidget.gateway.settings import Settings

MODEL = "Model-1"
FLOW = {
    "nodes": [
        {
            "id": name,
            "type": "genericNode",
            "position": {"x": 0, "y": 0},
            "data": {"id": name, "type": "Model", "node": {"template": {"stream": {"value": True}}, "outputs": []}},
        }
        for name in (MODEL, "ChatOutput-lfwidget01")
    ],
    "edges": [],
}
ABOUT = About("run-1", "ann", "flow-1", "Flow", "hello", FLOW)


@pytest.fixture
async def runs():
    return Runs(Settings(frame_period=0.0))


@pytest.fixture
async def run(runs):
    return runs.begin(ABOUT)


def sent(event, **data):
    """As LangFlow writes it into its queue."""
    return json.dumps({"event": event, "data": data}).encode() + b"\n\n"


def speaks(run, *tokens):
    run.note_start(MODEL)
    for token in tokens:
        run.note(sent("token", id="message", chunk=token), MODEL)


def finishes(run):
    run.note(sent("end_vertex", build_data={"id": MODEL, "valid": True, "data": {"outputs": {}}}))
    run.end("finished")


async def told(runs, run, until="end"):
    """What a watcher is told, up to a kind of message or of event."""
    following = Following(runs, run.shared, None)
    events = []
    try:
        async with asyncio.timeout(20):
            while True:
                messages = [json.loads(text) async for text in following.ready()]
                events += [event for message in messages for event in message.get("events", ())]
                if until in {each["kind"] for each in (*messages, *events)} or following.gone:
                    return events
                await following.news.wait()
    finally:
        following.close()


def test_it_does_nothing_unless_it_is_switched_on():
    code = (
        "import os, sys; os.environ.pop('LFWIDGET_LANGFLOW_SOCKET', None)\n"
        "from lfwidget.gateway.langflow_plugin import register\n"
        "register(None)\n"
        "print(*{'langflow', 'lfx', 'starlette', 'anywidget', 'langchain_core', 'jwt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


async def test_nothing_is_read_until_somebody_watches(runs, run):
    speaks(run, "a", "b")
    await asyncio.sleep(0)
    assert run.shared.head == 0
    finishes(run)
    events = await told(runs, run)
    assert [event["kind"] for event in events if event["kind"] != "node.delta"] == [
        *("run.started", "node.started", "node.finished", "run.finished")
    ]
    assert [event["text"] for event in events if event["kind"] == "node.delta"] == ["a", "b"]
    assert [node["id"] for node in events[0]["graph"]["nodes"]] == [MODEL]
    assert run.size == 0


async def test_when_the_last_watcher_has_left_nothing_is_read_again(runs, run):
    speaks(run, "a")
    first = await told(runs, run, until="node.started")
    head = run.shared.head
    await asyncio.sleep(0)
    run.note(sent("token", id="message", chunk="b"), MODEL)
    await asyncio.sleep(0)
    assert run.shared.head == head
    finishes(run)
    events = await told(runs, run)
    assert events[: len(first)] == first
    assert "".join(event["text"] for event in events if event["kind"] == "node.delta") == "ab"


async def test_what_is_kept_of_a_long_run_is_bounded(runs, run, monkeypatch):
    monkeypatch.setattr(tapped, "LARGEST", 1_000)
    speaks(run, *("x" * 100 for _ in range(50)))
    assert run.size < 1_000
    finishes(run)
    events = await told(runs, run)
    assert next(event for event in events if event["kind"] == "log")["message"].endswith("since nobody watched it")
    assert events[-1]["kind"] == "run.finished"


async def test_a_secret_of_the_flow_is_not_told(runs):
    flow = json.loads(json.dumps(FLOW))
    flow["nodes"][0]["data"]["node"]["template"]["api_key"] = {"value": "hunter2hunter2", "password": True}
    run = runs.begin(About("run-2", "ann", data=flow))
    speaks(run, "It is hunter2", "hunter2, really")
    finishes(run)
    assert "hunter2hunter2" not in json.dumps(await told(runs, run))


async def test_what_cannot_be_read_ends_the_watching_and_not_the_run(runs, run):
    run.note(b"{", MODEL)
    assert [event["kind"] for event in await told(runs, run)] in ([], ["run.started"])
    assert run.shared.gone
    finishes(run)


async def test_a_flow_that_cannot_be_drawn_ends_the_watching_and_not_the_run(runs):
    run = runs.begin(About("run-3", "ann", data={"nodes": [None]}))
    assert await told(runs, run) == []
    assert run.shared.gone


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
async def test_a_run_that_ends_otherwise(runs, run, outcome):
    speaks(run, "a")
    run.end(outcome, ValueError("no such thing") if outcome == "failed" else None)
    events = await told(runs, run)
    assert [event["kind"] for event in events[-2:]] == ["node.cancelled", f"run.{outcome}"]
    if outcome == "failed":
        assert events[-1]["error"] == {"type": "ValueError", "message": "no such thing"}


async def test_a_question_is_told_and_the_run_goes_on_with_its_answer(runs, run):
    speaks(run)
    run.note(sent("human_input_required", request_id=f"{MODEL}:run-1"))
    run.end("finished")
    assert run.outcome == ""
    events = await told(runs, run, until="input.requested")
    assert (events[-1]["node"], events[-1]["span"]) == (MODEL, f"{MODEL}#1")
    assert runs.begin(ABOUT) is run
    finishes(run)
    assert [event["kind"] for event in await told(runs, run)][-3:] == ["input.given", "node.finished", "run.finished"]


async def test_a_run_of_the_same_id_is_another_one(runs, run):
    finishes(run)
    assert runs.begin(ABOUT) is not run
    assert run.shared.gone


async def test_nobody_can_take_the_place_of_a_run_of_somebody_else(runs, run):
    assert runs.begin(About("run-1", "eve")) is None
    assert [each.about.owner for each in (*runs.of("ann"), *runs.of("eve"))] == ["ann"]


async def test_runs_that_have_ended_make_room(runs):
    for number in range(150):
        runs.begin(About(f"run-{number}", "ann")).end("finished")
    going = runs.begin(About("run-0", "ann"))
    kept = runs.of("ann")
    assert len(kept) == 100
    assert kept[-1] is going
