"""Runs on a real LangFlow server: what its models said, token for token, is what we show."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from servers.openai_server import Script

from lfwidget.errors import ComponentError, RunCancelledError, ServerError, UnknownNameError
from lfwidget.flow import Flow
from lfwidget.runners.langflow.server.runner import ServerRunner
from lfwidget.runners.langflow.server.ways import WAYS

HANG = 120.0
"""Seconds. The first run of a server imports its components."""

LIVE = ("background", "stream", "build")
"""The ways that tell of nodes."""

MODEL, SECOND, OUT = "LanguageModelComponent-FLeYF", "LanguageModelComponent-BBBBB", "ChatOutput-yK0AU"
AGENT, TOOL = "Agent-EXpSZ", "CalculatorComponent-Awf9O"
WORDS = ["Der ", "Bär ", "sagt: ", "„日本語 ", "😀 ", "ja“", "\n", "  x"]


@dataclass(frozen=True)
class Cast(Script):
    """Who says what: the first script whose word stands in what was asked, else this one."""

    parts: Mapping[str, Script] = field(default_factory=dict)

    def ordered_by(self, request):
        asked = json.dumps(request["messages"])
        return next((script for word, script in self.parts.items() if word in asked), self)


@pytest.fixture
def flow(langflow, flows):
    """Makes a flow of the server."""

    def make(name, url=None, **options):
        runner = ServerRunner.find(url or langflow.url, flows[name], api_key=langflow.api_key, **options)
        return Flow(runner)

    return make


async def ended(run):
    async with asyncio.timeout(HANG):
        try:
            return await run
        finally:
            assert not [event for event in run.log.since(0) if "lfwidget0" in json.dumps(event)]


async def heard(run, kind, words=""):
    """Follow the run until it tells of this."""
    async with asyncio.timeout(HANG):
        async for event in run:
            if event["kind"] == kind and words in json.dumps(event, ensure_ascii=False):
                return event
    raise AssertionError(f"the run ended without {kind} {words}")


def streamed(run, node):
    """The tokens of a node, as they came."""
    tokens = []
    for event in run.log.since(0):
        if event["kind"] == "node.delta" and event["node"] == node:
            text = event["text"]
            for cut in event["cuts"]:
                tokens.append(text[:cut])
                text = text[cut:]
    return tokens


def remarks(run):
    return "\n".join(event["message"] for event in run.log.since(0) if event["kind"] == "log")


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_shows_what_the_model_said(flow, models, way):
    models.script = Script(tokens=WORDS)
    run = flow("Basic", ways=[way]).run("hello")
    assert await ended(run) == "".join(WORDS)
    assert run.nodes[MODEL].text == "".join(WORDS)
    if way != "run":
        assert streamed(run, MODEL) == WORDS
    if way in LIVE:
        assert [run.nodes[node].status for node in run.nodes] == ["finished"] * 4
        assert run.usage == {"input_tokens": 10, "output_tokens": 8, "total_tokens": 18}


@pytest.mark.parametrize("way", LIVE)
async def test_an_agent_calls_its_tool(flow, models, way):
    call = {"id": "call_1", "name": "evaluate_expression", "args": ['{"expression":', ' "6*7"}']}
    answer = Script(tokens=["It ", "is ", "42."])
    models.script = Cast(tool_calls=[call], parts={'"role": "tool"': answer})
    run = flow("Agent", ways=[way]).run("What is 6*7?")
    assert await ended(run) == "It is 42."
    assert streamed(run, AGENT) == ["It ", "is ", "42."]
    tool = run.nodes[TOOL]
    assert (tool.status, tool.input) == ("finished", {"expression": "6*7"})
    assert "42" in str(tool.output)
    assert [each["name"] for each in run.nodes[AGENT].tool_calls] == ["evaluate_expression"]


async def test_an_agent_that_needs_no_tool(flow, models):
    models.script = Script(tokens=["Just ", "words."])
    run = flow("Agent").run("Hello")
    assert await ended(run) == "Just words."
    assert run.nodes[TOOL].status == "skipped"


@pytest.mark.parametrize("way", LIVE)
async def test_two_models_side_by_side(flow, models, way):
    said = {"A": [f"a{i} " for i in range(12)], "B": [f"b{i} " for i in range(9)]}
    models.script = Cast(parts={f"You are {name}.": Script(tokens=tokens) for name, tokens in said.items()})
    run = flow("Parallel", ways=[way]).run("hello")
    assert await ended(run) in {"".join(tokens) for tokens in said.values()}
    assert streamed(run, MODEL) == said["A"]
    assert streamed(run, SECOND) == said["B"]


@pytest.mark.parametrize("way", LIVE)
async def test_a_model_without_a_chat_output_streams_too(flow, models, way):
    first, second = [f"a{i} " for i in range(7)], [f"b{i} " for i in range(5)]
    models.script = Cast(parts={"You are A.": Script(tokens=first), "You are B.": Script(tokens=second)})
    run = flow("Chained", ways=[way]).run("hello")
    assert await ended(run) == "".join(second)
    assert streamed(run, MODEL) == first
    assert streamed(run, SECOND) == second
    assert models.requests[-1]["messages"][-1]["content"] == "".join(first)
    assert len(models.requests) == 2


async def test_watching_does_not_change_what_the_models_are_asked(flow, models):
    said = {name: [f"{name}1 ", f"{name}2"] for name in "ABC"}
    models.script = Cast(parts={f"You are {name}.": Script(tokens=tokens) for name, tokens in said.items()})
    asked = []
    for tap in (True, False):
        models.requests.clear()
        run = flow("Agents", tap=tap).run("hello")
        assert await ended(run) == "C1 C2"
        asked.append([request["messages"] for request in models.requests])
        assert [run.nodes[node].text for node in (AGENT, "Agent-BBBBB", "Agent-CCCCC")] == ["A1 A2", "B1 B2", "C1 C2"]
        assert streamed(run, "Agent-BBBBB") == (said["B"] if tap else [])
        assert ("Agent shows its text only when it is done" in remarks(run)) == tap
    assert asked[0] == asked[1]


async def test_a_model_that_is_asked_for_by_name_streams_though_others_read_it(flow, models):
    said = {name: [f"{name}1 ", f"{name}2"] for name in "ABC"}
    models.script = Cast(parts={f"You are {name}.": Script(tokens=tokens) for name, tokens in said.items()})
    run = flow("Agents").run("hello", stream_nodes=[AGENT])
    assert await ended(run) == "C1 C2"
    assert streamed(run, AGENT) == said["A"]
    assert "where Agent may read it" in remarks(run)
    last = [message["content"] for message in models.requests[-1]["messages"]]
    assert last == ["You are C.", "hello", "A1 A2", "B1 B2"]


async def test_without_a_tap_its_text_comes_at_the_end(flow, models):
    models.script = Cast(tokens=["b"], parts={"You are A.": Script(tokens=["a1", "a2"])})
    run = flow("Chained", tap=False).run("hello")
    assert await ended(run) == "b"
    assert streamed(run, MODEL) == []
    assert run.nodes[MODEL].text == "a1a2"


async def test_only_the_nodes_that_are_named_stream(flow, models):
    models.script = Cast(tokens=["b1", "b2"], parts={"You are A.": Script(tokens=["a1", "a2"])})
    run = flow("Chained").run("hello", stream_nodes=[SECOND])
    await ended(run)
    assert (streamed(run, MODEL), run.nodes[MODEL].text) == ([], "a1a2")
    assert streamed(run, SECOND) == ["b1", "b2"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_failure_is_raised(flow, models, way):
    models.script = Script(status=401)
    run = flow("Basic", ways=[way]).run("hello")
    with pytest.raises(ComponentError, match="scripted 401") as caught:
        await ended(run)
    if way != "run":
        assert caught.value.node == MODEL
        assert run.nodes[MODEL].status == "failed"
        assert run.log.since(0)[-1]["node"] == MODEL
    if way in LIVE:
        assert run.nodes[OUT].status == "skipped"


@pytest.mark.parametrize("name", ["Basic", "Agent"])
async def test_a_model_that_breaks_off_keeps_what_it_said(flow, models, name):
    models.script = Script(tokens=WORDS, cut_at=3)
    run = flow(name).run("hello")
    with pytest.raises(ComponentError):
        await ended(run)
    node = MODEL if name == "Basic" else AGENT
    assert run.nodes[node].status == "failed"
    assert run.nodes[node].text.startswith("".join(WORDS[:3]))


async def test_a_line_that_is_cut_and_comes_back(flow, models, line):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = flow("Basic", line.url).run("hello")
    await heard(run, "node.delta", WORDS[3].strip())
    line.cut()
    await heard(run, "log", "the connection to the server was lost: reconnecting")
    line.restore()
    await heard(run, "log", "connected again")
    models.release()
    assert await ended(run) == "".join(WORDS)
    assert run.nodes[MODEL].text == "".join(WORDS)
    assert streamed(run, MODEL)[:4] == WORDS[:4]
    assert [run.nodes[node].status for node in run.nodes] == ["finished"] * 4
    assert len(models.requests) == 1


async def test_a_run_that_ends_while_the_line_is_cut(flow, models, line, langflow):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = flow("Basic", line.url).run("hello")
    await heard(run, "node.delta", WORDS[3].strip())
    line.cut()
    models.release()
    await until_idle(langflow)
    line.restore()
    assert await ended(run) == "".join(WORDS)
    assert run.nodes[MODEL].text == "".join(WORDS)
    assert [run.nodes[node].status for node in run.nodes] == ["finished"] * 4


async def until_idle(langflow):
    """Wait until the newest job of the server is over, by what the server says of its messages."""
    headers = {"x-api-key": langflow.api_key}
    async with httpx.AsyncClient(base_url=langflow.url, headers=headers) as client, asyncio.timeout(HANG):
        while True:
            messages = (await client.get("/api/v1/monitor/messages")).raise_for_status().json()
            if messages and messages[-1]["text"] == "".join(WORDS):
                return


async def test_a_line_that_passes_a_few_bytes_at_a_time(flow, models, line):
    line.piece = 7
    models.script = Script(tokens=WORDS)
    run = flow("Basic", line.url).run("hello")
    assert await ended(run) == "".join(WORDS)
    assert streamed(run, MODEL) == WORDS


@pytest.mark.parametrize("way", ["stream", "build", "run_stream"])
async def test_a_cut_ends_a_run_that_has_only_its_line(flow, models, line, way):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = flow("Basic", line.url, ways=[way]).run("hello")
    await heard(run, "node.delta", WORDS[3].strip())
    line.cut()
    with pytest.raises(ServerError):
        await ended(run)
    assert await asyncio.to_thread(models.disconnected.wait, HANG)
    assert streamed(run, MODEL) == WORDS[:4]


@pytest.mark.parametrize("way", ["background", "stream", "build", "run_stream"])
async def test_cancelling_reaches_the_model(flow, models, way):
    models.script = Script(tokens=WORDS, hold_at=4)
    run = flow("Basic", ways=[way]).run("hello")
    await heard(run, "node.delta", WORDS[3].strip())
    run.cancel()
    with pytest.raises(RunCancelledError):
        await ended(run)
    assert await asyncio.to_thread(models.disconnected.wait, HANG)
    assert run.nodes[MODEL].status == "cancelled"
    assert run.nodes[MODEL].text == "".join(WORDS[:4])


async def test_two_runs_at_once_are_not_mixed(flow, models):
    first, second = [f"a{i} " for i in range(20)], [f"b{i} " for i in range(20)]
    models.script = Cast(parts={"say a": Script(tokens=first), "say b": Script(tokens=second)})
    basic = flow("Basic")
    runs = [basic.run("say a"), basic.run("say b")]
    assert [await ended(run) for run in runs] == ["".join(first), "".join(second)]
    assert [streamed(run, MODEL) for run in runs] == [first, second]


async def test_tweaks_reach_the_model(flow, models):
    models.script = Script(tokens=["ok"])
    await ended(flow("Chained").run("hello", tweaks={MODEL: {"system_message": "You are brief."}}))
    assert models.requests[0]["messages"][0]["content"] == "You are brief."


async def test_variables_reach_the_flow(flow, models):
    models.script = Script(tokens=["Arr"])
    run = flow("Persona").run("hello", variables={"PERSONA": "You are a pirate of the seven seas."})
    assert await ended(run) == "Arr"
    assert models.requests[0]["messages"][0]["content"] == "You are a pirate of the seven seas."
    assert "pirate" not in json.dumps(run.log.since(0))


def test_a_wrong_key_is_refused(langflow):
    with pytest.raises(ServerError, match="Make a new API key") as caught:
        ServerRunner.find(langflow.url, "Basic", api_key="sk-wrong-key-of-nobody")
    assert caught.value.status in (401, 403)
    assert "sk-wrong" not in str(caught.value)


def test_a_wrong_name_names_the_nearest(langflow, flows):
    with pytest.raises(UnknownNameError, match="Did you mean 'Chained'"):
        ServerRunner.find(langflow.url, "Chaned", api_key=langflow.api_key)


def test_it_is_found_by_its_name(langflow, flows):
    assert ServerRunner.find(langflow.url, "Parallel", api_key=langflow.api_key).name == "Parallel"


async def test_the_key_is_in_no_event(flow, models, langflow):
    run = flow("Basic").run("hello")
    await ended(run)
    assert langflow.api_key not in json.dumps(run.log.since(0))
