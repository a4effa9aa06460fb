"""A flow on a LangFlow server, run by each of LangFlow's ways, and what goes along with a run.

The server says what a real one said (`captures/`), or what a test makes up.
"""

import gzip
import subprocess
import sys

import pytest
from langflow_double import (
    BUILD,
    FLOW,
    HANG,
    KEY,
    MODEL,
    NOT_THERE,
    OUT,
    POST,
    QUEUED,
    READ,
    RUN,
    SECOND,
    STATUS,
    STOP,
    Answer,
    FakeLangFlow,
    agent,
    basic,
    chained,
    chunks,
    sse,
    stream,
)
from ran import find, ran

import lfwidget as lf
from lfwidget.errors import InputError, ServerError, UnknownNameError
from lfwidget.flow import Flow

T20 = "".join(f"t{i} " for i in range(20))
CAPTURED = chunks("10_v2_bg_langflow_basic_attach")
BASIC = {"ChatInput-b6UCc", "Prompt-t2oaK", MODEL, OUT}


@pytest.fixture
def fake():
    with FakeLangFlow().running() as server:
        yield server


@pytest.fixture
def chain():
    with FakeLangFlow(chained()).running() as server:
        yield server


def whole(run):
    """The run shows the basic flow's every token once, and its end."""
    assert run.error is None
    assert run.streamed(MODEL) == [f"t{i} " for i in range(20)]
    assert run.output == run.text(MODEL) == T20
    return True


# The ways


async def test_in_the_background(fake):
    run = await ran(fake.in_background(CAPTURED))
    assert whole(run)
    assert run.statuses() == dict.fromkeys(BASIC, "finished")
    body = fake.asked(POST)[0].body
    assert (body["mode"], body["stream_protocol"], body["input_value"]) == ("background", "langflow", "hello")
    assert body["idempotency_key"]
    assert "data" not in body
    assert run.remarks("debug") == f"run on {fake.url} by POST /api/v2/workflows, in the background"
    assert len(fake.asked(STATUS)) == 1
    assert fake.asked(STOP) == []


async def test_a_frozen_node_is_told_as_one(fake):
    frozen = [chunk.replace(b'"used_frozen_result": false', b'"used_frozen_result": true', 1) for chunk in CAPTURED]
    run = await ran(fake.in_background(frozen))
    remarks = [event["node"] for event in run.events if event["kind"] == "log" and "frozen" in event["message"]]
    assert set(remarks) == BASIC


async def test_streamed_where_there_is_no_background(fake):
    no = Answer({"detail": {"code": "LFX_SERVE_UNSUPPORTED_MODE", "message": "no background here"}}, 422)
    run = await ran(fake.says(POST, no, stream(chunks("07_v2_stream_langflow_basic"))))
    assert whole(run)
    assert [request.body["mode"] for request in fake.asked(POST)] == ["background", "stream"]
    assert "streamed: a lost connection ends the run" in run.remarks("info")


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_built_where_there_is_no_api_v2(fake, status):
    fake.says(POST, Answer({"detail": "Not Found"}, status)).says(BUILD, stream(chunks("01_build_direct_basic")))
    run = await ran(fake)
    assert whole(run)
    assert run.statuses() == dict.fromkeys(BASIC, "finished")
    (request,) = fake.asked(BUILD)
    assert request.query == "event_delivery=direct"
    assert request.body["inputs"]["input_value"] == "hello"


async def test_run_with_tokens_where_there_is_nothing_better(fake):
    run = await ran(fake.says(RUN, stream(chunks("04_run_stream_basic"))))
    assert whole(run)
    assert run.statuses()["Prompt-t2oaK"] == "idle"
    assert "not which nodes run" in run.remarks("info")
    assert len(fake.asked(POST)) == 2
    assert len(fake.asked(BUILD)) == 1


async def test_run_with_a_result_alone(fake):
    fake.says(RUN, NOT_THERE, Answer(chunks("05_run_sync_basic"), kind="application/x"))
    run = await ran(fake)
    assert run.output == run.text(MODEL) == T20
    assert "the outputs when all is done, and nothing before" in run.remarks("info")


async def test_a_server_without_any_way(fake):
    run = await ran(fake)
    assert isinstance(run.error, ServerError)
    assert "no way to run a flow" in str(run.error)


async def test_another_version_of_api_v2_is_no_way(fake):
    strange = [{"loc": ["body", "mode"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]
    fake.says(POST, Answer({"detail": strange}, 422)).says(BUILD, stream(chunks("01_build_direct_basic")))
    assert whole(await ran(fake))


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (401, "no key"),
        (403, "Invalid API key"),
        (404, {"code": "FLOW_NOT_FOUND", "message": "Flow does not exist"}),
        (422, [{"loc": ["body", "flow_id"], "msg": "must be a UUID"}]),
        (500, {"code": "INTERNAL_SERVER_ERROR", "message": "unexpected"}),
        (503, {"code": "SERVICE_BUSY", "message": "too much"}),
    ],
)
async def test_a_refusal_is_no_reason_to_try_another_way(fake, status, detail):
    run = await ran(fake.says(POST, Answer({"detail": detail}, status)))
    assert isinstance(run.error, ServerError)
    assert run.error.status == status
    assert len(fake.asked(POST)) == 1
    assert fake.asked(BUILD) == []


async def test_a_web_page_instead_of_events(fake):
    page = Answer([b"<html><title>Sign in</title></html>"], kind="text/html")
    run = await ran(fake.says(POST, page), ways=["stream"])
    assert "a web page (Sign in)" in str(run.error)


async def test_packed_events_are_unpacked(fake):
    packed = gzip.compress(b"".join(chunks("01_build_direct_basic")))
    fake.says(BUILD, stream([packed[:999], packed[999:]], headers={"Content-Encoding": "gzip"}))
    assert whole(await ran(fake, ways=["build"]))
    assert fake.asked(BUILD)[0].headers["accept-encoding"] == "identity"


# What goes along


async def test_models_without_a_chat_output_are_tapped(chain):
    run = await ran(chain.in_background(relabelled("18_chain2_tap_v2")))
    assert run.streamed(MODEL) == [f"t{i} " for i in range(8)]
    assert run.streamed(SECOND) == [f"t{i} " for i in range(20)]
    assert run.output == T20
    assert "lfwidget" not in "".join(run.statuses())
    body = chain.asked(POST)[0].body
    assert {node["id"] for node in body["data"]["nodes"]} - {node["id"] for node in chain.flow["data"]["nodes"]} == {
        "ChatOutput-lfwidget01"
    }


def relabelled(capture):
    return [chunk.replace(b"ChatOutput-TAP01", b"ChatOutput-lfwidget01") for chunk in chunks(capture)]


async def test_taps_that_are_refused_are_done_without(chain):
    chain.in_background(chunks("07_v2_stream_langflow_chain2"))
    chain.says(POST, Answer({"detail": "no overrides here"}, 400), QUEUED)
    run = await ran(chain)
    assert run.error is None
    assert "only models with a Chat Output stream here" in run.remarks("warning")
    first, second = (request.body for request in chain.asked(POST))
    assert "data" in first
    assert "data" not in second
    assert first["idempotency_key"] != second["idempotency_key"]
    assert run.text(MODEL) == T20


async def test_taps_that_are_refused_by_a_server_without_a_background(chain):
    refused = Answer({"detail": "no overrides here"}, 422)
    chain.says(POST, refused, NOT_THERE, stream(chunks("07_v2_stream_langflow_chain2")))
    run = await ran(chain)
    assert run.error is None
    assert [("data" in request.body) for request in chain.asked(POST)] == [True, False, False]


async def test_taps_that_are_dropped_without_a_word_are_told(chain):
    run = await ran(chain.in_background(chunks("07_v2_stream_langflow_chain2")))
    assert "the server ran its own copy of the flow" in run.remarks("info")


async def test_no_taps_where_they_are_not_wanted(chain):
    run = await ran(chain.in_background(chunks("07_v2_stream_langflow_chain2")), tap=False)
    assert "data" not in chain.asked(POST)[0].body
    assert run.output == T20


async def test_streams_are_switched_by_node(chain):
    chain.in_background(chunks("07_v2_stream_langflow_chain2"))
    run = await ran(chain, stream_nodes=frozenset({SECOND}))
    body = chain.asked(POST)[0].body
    assert body["tweaks"] == {MODEL: {"stream": False}}
    assert "data" not in body
    assert run.streamed(SECOND) == [f"t{i} " for i in range(20)]


async def test_models_that_would_not_stream_are_told_to():
    with FakeLangFlow(basic(stream=False)).running() as fake:
        await ran(fake.in_background(CAPTURED))
        assert fake.asked(POST)[0].body["tweaks"] == {MODEL: {"stream": True}}


async def test_tweaks_go_along_and_come_before_ours():
    with FakeLangFlow(basic(stream=False)).running() as fake:
        await ran(fake.in_background(CAPTURED), tweaks={MODEL: {"system_message": "Be brief.", "stream": False}})
        assert fake.asked(POST)[0].body["tweaks"] == {MODEL: {"stream": False, "system_message": "Be brief."}}


async def test_tweaks_are_made_in_the_flow_where_the_way_knows_none(fake):
    fake.says(BUILD, stream(chunks("01_build_direct_basic")))
    await ran(fake, ways=["build"], tweaks={MODEL: {"system_message": "Be brief."}})
    nodes = {each["id"]: each for each in fake.asked(BUILD)[0].body["data"]["nodes"]}
    assert nodes[MODEL]["data"]["node"]["template"]["system_message"]["value"] == "Be brief."


def test_a_tweak_of_what_is_not_there(fake):
    with pytest.raises(UnknownNameError, match="Did you mean 'system_message'"):
        find(fake).check({MODEL: {"system_mesage": ""}}, {}, None)


def test_a_model_of_ours_cannot_run_there(fake):
    with pytest.raises(InputError, match="this one runs on the server"):
        Flow(find(fake)).run("hello", model=object())


async def test_variables_go_by_the_way_that_takes_them(fake):
    run = await ran(
        fake.says(RUN, stream(chunks("04_run_stream_basic"))), variables={"OPENAI_API_KEY": "sk-secret-one"}
    )
    assert whole(run)
    assert fake.asked(RUN)[0].headers["x-langflow-global-var-openai_api_key"] == "sk-secret-one"
    assert fake.asked(POST) == []
    assert "LangFlow takes variables= only by /api/v1/run" in run.remarks("info")


@pytest.mark.parametrize("variables", [{"lower": "x"}, {"A B": "x"}, {"OK": "two\nlines"}, {"OK": 3}])
def test_variables_that_cannot_be_sent(fake, variables):
    with pytest.raises(InputError, match="variables=: the"):
        find(fake).check({}, variables, None)


async def test_each_run_has_a_session_of_its_own(fake):
    fake.in_background(CAPTURED)
    await ran(fake)
    await ran(fake)
    await ran(fake, session_id="mine")
    first, second, third = (request.body["session_id"] for request in fake.asked(POST))
    assert first != second
    assert third == "mine"


async def test_a_flow_that_was_edited_since_is_told(fake):
    runner = find(fake.in_background(CAPTURED))
    edited = basic(stream=False)
    fake.says(READ, Answer(edited))
    run = await ran(fake, runner=runner)
    assert "the flow was changed on the server since it was drawn" in run.remarks("warning")
    assert fake.asked(POST)[0].body["tweaks"] == {MODEL: {"stream": True}}


def numbered(sent):
    """Events as a background run writes them: tokens and logs have the number of the event before them."""
    number = 0
    for chunk in sent:
        number += not any(kind in chunk[:40] for kind in (b'"token"', b'"log"'))
        yield b"data: %b\nid: %d\n\n" % (chunk.strip(), number)


async def test_an_agent_in_the_background():
    with FakeLangFlow(agent()).running() as fake:
        run = await ran(fake.in_background([*numbered(chunks("01_build_direct_agent"))]))
        assert set(run.statuses().values()) == {"finished"}
        assert run.kinds("CalculatorComponent-Awf9O") == ["node.started", "node.finished"]


# What people see of it


def test_it_is_drawn_and_asks_for_text(fake):
    runner = find(fake)
    assert {node["id"] for node in runner.graph["nodes"]} == BASIC
    assert runner.form["kind"] == "text"
    assert KEY in runner.secrets
    assert repr(runner) == f"<ServerRunner 'Basic' at {fake.url}>"


def test_what_is_typed_is_text(fake):
    runner = find(fake)
    assert runner.to_input("hi") == "hi"
    assert runner.to_input(None) == ""
    with pytest.raises(InputError, match="takes text, not list"):
        runner.to_input([1])


def test_a_flow_without_a_chat_input_asks_for_nothing():
    silent = basic()
    del silent["data"]["nodes"][0], silent["data"]["edges"][0]
    with FakeLangFlow(silent).running() as fake:
        runner = find(fake)
        assert runner.form["kind"] == "none"
        with pytest.raises(InputError, match="no Chat Input"):
            runner.to_input("hi")


async def test_a_key_that_a_flow_repeats_is_masked(fake):
    said = {
        "event": "end_vertex",
        "data": {
            "build_data": {"id": "Prompt-t2oaK", "data": {"outputs": {"prompt": {"message": f"my key is {KEY}"}}}}
        },
    }
    run = await ran(fake.in_background([*sse(said), *CAPTURED[-1:]]))
    assert run.state.node("Prompt-t2oaK").output == "my key is •••"


def test_the_flow_of_the_tests_is_the_one_that_was_captured():
    assert FLOW in b"".join(CAPTURED).decode()


async def test_connect_makes_a_flow_of_it(fake):
    fake.in_background(CAPTURED)
    run = lf.connect(fake.url, "basic-end", api_key=KEY).run("hello")
    assert await run == T20
    assert run.nodes["Language Model"].text == T20
    assert KEY not in repr(run.log.since(0))


def test_its_result_can_be_waited_for_inside_a_loop(fake):
    """In a process of its own: a loop that was nested stays so, for the tests to come as well."""
    fake.in_background(CAPTURED)
    code = f"""
import asyncio, lfwidget as lf
async def main():
    flow = lf.connect({fake.url!r}, "Basic", api_key={KEY!r})
    print(flow.run("hello").result(timeout={HANG}))
asyncio.run(main())
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == f"{T20}\n"
