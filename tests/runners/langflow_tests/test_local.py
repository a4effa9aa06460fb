"""Run LangFlow exports in this process: what the widget is told, and what the process is left with."""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import subprocess
import sys
import threading

import pytest
from doubles import HANG, until, within
from lfx_flows import chat, flow, group, node, tool
from servers.openai_server import Script

import lfwidget as lf
from lfwidget.errors import InputError, MissingExtraError, UnknownNameError
from lfwidget.loading import load_flow

pytestmark = [
    # lfx and what it imports warn of their own pasts.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::SyntaxWarning"),
]

LONG = 120.0
"""Seconds: the first run imports lfx."""


def says(text="All is well."):
    """A model that always says the same, at once."""
    return lf.ScriptedModel([text], tokens_per_second=None)


def events(run, *kinds, node=None):
    return [e for e in run.log.since(0) if e["kind"] in kinds and (node is None or e.get("node") == node)]


def openai(server, **more):
    """The fields of a node that make it ask the server on loopback."""
    model = [{"name": "gpt-4o-mini", "provider": "OpenAI", "icon": "OpenAI", "metadata": {}}]
    return {"model": model, "api_key": "sk-not-a-key-0123456789", **more}


@pytest.fixture
def at_server(openai_server, monkeypatch):
    """LangFlow's OpenAI models ask the server on loopback."""
    monkeypatch.setenv("OPENAI_API_BASE", openai_server.url)
    return openai_server


# A flow


def test_a_flow_with_a_model_runs_and_its_output_is_the_last_answer():
    run = load_flow(chat()).run("How are you?", model=says())
    assert run.result(timeout=LONG) == "All is well."
    assert run.nodes["Chat Input"].output.text == "How are you?"
    assert run.nodes["Model-a"].text == "All is well."
    assert {node.status for node in run.nodes.values()} == {"finished"}


def test_every_node_tells_what_went_in_and_out_as_text():
    run = load_flow(chat()).run("Hi", model=says())
    run.result(timeout=LONG)
    started = {e["node"]: e["input"] for e in events(run, "node.started")}
    finished = {e["node"]: e["output"] for e in events(run, "node.finished")}
    assert started == {"ChatInput-a": "Hi", "Model-a": "Hi", "ChatOutput-a": "All is well."}
    assert finished == {"ChatInput-a": "Hi", "Model-a": "All is well.", "ChatOutput-a": "All is well."}


def test_the_tokens_come_one_by_one_under_the_models_node():
    run = load_flow(chat()).run("Hi", model=says("one two three"))
    run.result(timeout=LONG)
    deltas = events(run, "node.delta")
    assert {delta["node"] for delta in deltas} == {"Model-a"}
    assert "".join(delta["text"] for delta in deltas) == "one two three"
    assert [cut for delta in deltas for cut in delta["cuts"]] == [3, 4, 6]


def test_usage_and_reasoning_are_told():
    model = lf.ScriptedModel([lf.Reply("Done.", reasoning="Let me think.")], tokens_per_second=None)
    run = load_flow(chat()).run("Hi", model=model)
    run.result(timeout=LONG)
    assert run.nodes["Model-a"].reasoning == "Let me think."
    assert run.nodes["Model-a"].usage["output_tokens"] > 0
    assert run.usage == run.nodes["Model-a"].usage


def test_a_model_on_the_network_streams_though_lfx_tells_it_not_to(at_server):
    run = load_flow(chat(**openai(at_server))).run("Hi")
    assert run.result(timeout=LONG) == "Hello, world"
    assert at_server.requests[0]["stream"] is True
    assert [cut for e in events(run, "node.delta") for cut in e["cuts"]] == [5, 2, 5]
    assert run.usage == {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}


def test_only_the_nodes_that_were_named_stream():
    run = load_flow(chat()).run("Hi", model=says("one two"), stream_nodes=["Chat Output"])
    run.result(timeout=LONG)
    assert [e["cuts"] for e in events(run, "node.delta")] == [[7]]
    assert run.nodes["Model-a"].text == "one two"


def test_no_model_streams_where_no_node_is_named(at_server):
    run = load_flow(chat(**openai(at_server))).run("Hi", stream_nodes=[])
    assert run.result(timeout=LONG) == "Hello, world"
    assert not at_server.requests[0].get("stream")
    assert run.nodes["Model-a"].text == "Hello, world"


def test_a_flow_without_a_chat_output_returns_what_its_last_nodes_gave():
    run = load_flow(flow([node("TextInput", "TextInput-a", input_value="Hello")])).run()
    assert run.result(timeout=LONG) == {"TextInput-a": "Hello"}


def test_the_box_shows_the_stored_question_and_nothing_typed_asks_it():
    stored = chat()
    stored["data"]["nodes"][0]["data"]["node"]["template"]["input_value"]["value"] = "Stored?"
    loaded = load_flow(stored)
    assert loaded.form == {"kind": "text", "fields": [], "examples": [], "placeholder": "Stored?"}
    run = loaded.run(model=says())
    run.result(timeout=LONG)
    assert run.nodes["Chat Input"].input == "Stored?"


def test_a_flow_without_a_chat_input_takes_no_text():
    loaded = load_flow(flow([node("TextInput", "TextInput-a")]))
    assert loaded.form["kind"] == "none"
    with pytest.raises(InputError, match="tweaks="):
        loaded.run("Hi")
    with pytest.raises(InputError, match="takes text, not list"):
        load_flow(chat()).run([1])


# More models than one


def chain():
    """The first model's answer goes to the second, and only that one's to the chat."""
    nodes = [node("ChatInput", "In-a"), node("LanguageModelComponent", "First-a")]
    nodes += [node("LanguageModelComponent", "Second-a"), node("ChatOutput", "Out-a")]
    return flow(
        nodes,
        ("In-a", "message", "First-a", "input_value"),
        ("First-a", "text_output", "Second-a", "input_value"),
        ("Second-a", "text_output", "Out-a", "input_value"),
    )


def test_a_model_that_is_not_wired_to_the_chat_streams_too():
    run = load_flow(chain()).run("Hi", model=lf.ScriptedModel(lambda q: f"re {q}", tokens_per_second=None))
    assert run.result(timeout=LONG) == "re re Hi"
    assert {e["node"] for e in events(run, "node.delta")} == {"First-a", "Second-a"}
    assert (run.nodes["First-a"].text, run.nodes["Second-a"].text) == ("re Hi", "re re Hi")


def branches():
    """Two models side by side."""
    nodes = [node("ChatInput", "In-a")]
    wires = []
    for side in ("Left", "Right"):
        nodes += [node("LanguageModelComponent", f"{side}-a"), node("ChatOutput", f"{side}Out-a")]
        wires += [("In-a", "message", f"{side}-a", "input_value")]
        wires += [(f"{side}-a", "text_output", f"{side}Out-a", "input_value")]
    return flow(nodes, *wires)


def test_branches_run_side_by_side():
    both = threading.Barrier(2, timeout=HANG)

    def answer(question):
        both.wait()  # neither answers until both are asked
        return "ok"

    run = load_flow(branches()).run("Hi", model=Threaded(answer, tokens_per_second=None))
    assert run.result(timeout=LONG) == "ok"


class Threaded(lf.ScriptedModel):
    """Asked in a thread of its own, so that it may wait."""

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        reply = await asyncio.to_thread(self._reply, messages)
        async for chunk in lf.ScriptedModel([reply], tokens_per_second=None)._astream(messages, stop, run_manager):
            yield chunk


def test_a_branch_that_fails_stops_its_sibling_and_is_the_error():
    begun, over = threading.Event(), threading.Event()

    def answer(question, messages):
        if messages[0].text == "left":
            begun.set()
            over.wait(HANG)
            return "too late"
        begun.wait(HANG)
        raise RuntimeError("the right one fails")

    tweaks = {"Left-a": {"system_message": "left"}, "Right-a": {"system_message": "right"}}
    run = load_flow(branches()).run("Hi", model=Threaded(answer, tokens_per_second=None), tweaks=tweaks)
    with pytest.raises(RuntimeError, match="the right one fails"):
        run.result(timeout=LONG)
    over.set()
    assert run.nodes["Left-a"].status == "cancelled"
    assert events(run, "run.failed")[0]["node"] == "Right-a"
    assert [e["reason"] for e in events(run, "node.skipped")] == ["an earlier node failed"] * 2


def batch():
    """A model is asked for each row of a table."""
    rows = [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    nodes = [node("CreateList", "List-a", texts=[row["text"] for row in rows])]
    nodes += [node("BatchRunComponent", "Batch-a", column_name="text")]
    return flow(nodes, ("List-a", "dataframe", "Batch-a", "df"))


def test_a_batch_streams_each_row_in_a_span_of_its_own():
    run = load_flow(batch()).run(model=lf.ScriptedModel(lambda q: f"is {q}", tokens_per_second=None))
    run.result(timeout=LONG)
    spans = run.nodes["Batch-a/model"].spans
    assert [(span.index, span.text, span.parent) for span in spans] == [
        (0, "is a", "Batch-a#1"),
        (1, "is b", "Batch-a#1"),
        (2, "is c", "Batch-a#1"),
    ]
    assert [row["model_response"] for row in events(run, "node.finished", node="Batch-a")[0]["output"]] == [
        "is a",
        "is b",
        "is c",
    ]


# Agents


def agent(*tools):
    """An agent with tools."""
    nodes = [node("ChatInput", "In-a"), node("Agent", "Agent-a"), node("ChatOutput", "Out-a"), *tools]
    wires = [(each["id"], "component_as_tool", "Agent-a", "tools") for each in tools]
    return flow(
        nodes, ("In-a", "message", "Agent-a", "input_value"), ("Agent-a", "response", "Out-a", "input_value"), *wires
    )


def calculates(question, messages):
    if messages[-1].type == "tool":
        return f"It is {messages[-1].text}."
    return lf.Reply("Wait.", tool_calls=[{"name": "evaluate_expression", "args": {"expression": "6*9"}}])


def test_a_tool_of_an_agent_lights_up_when_it_is_called():
    loaded = load_flow(agent(tool("CalculatorComponent", "Calculator-a")))
    run = loaded.run("6*9?", model=lf.ScriptedModel(calculates, tokens_per_second=None))
    assert "54" in run.result(timeout=LONG)
    (started,) = events(run, "node.started", node="Calculator-a")
    assert (started["parent"], started["input"]) == ("Agent-a#1", {"expression": "6*9"})
    assert "54" in str(events(run, "node.finished", node="Calculator-a")[0]["output"])
    assert run.nodes["Agent-a"].tool_calls[0]["name"] == "evaluate_expression"
    assert run.nodes["Agent-a"].text.startswith("Wait.\n\nIt is ")
    assert run.nodes["Agent-a"].usage["output_tokens"] > 0


def test_two_tools_of_one_kind_are_told_apart():
    def answer(question, messages):
        if messages[-1].type == "tool":
            return "Done."
        name = next(each for each in names if "two" in each)
        return lf.Reply(tool_calls=[{"name": name, "args": {"expression": "1"}}])

    names = []

    class Listens(lf.ScriptedModel):
        def bind_tools(self, tools, **kwargs):
            names[:] = [each.name for each in tools if "evaluate" in each.name]
            return super().bind_tools(tools, **kwargs)

    loaded = load_flow(agent(tool("CalculatorComponent", "Calc-one"), tool("CalculatorComponent", "Calc-two")))
    run = loaded.run("?", model=Listens(answer, tokens_per_second=None))
    run.result(timeout=LONG)
    called = [e["node"] for e in events(run, "node.started") if e["node"].startswith("Calc-")]
    assert called == ["Calc-two"]
    assert run.nodes["Calc-one"].status == "skipped"


def test_a_tool_that_nobody_calls_says_so():
    run = load_flow(agent(tool("CalculatorComponent", "Calculator-a"))).run("Hi", model=says())
    run.result(timeout=LONG)
    assert events(run, "node.skipped")[0] == {
        **events(run, "node.skipped")[0],
        "node": "Calculator-a",
        "reason": "no agent called it",
    }


def test_a_tool_without_a_node_is_found():
    wired = agent()
    model = lf.ScriptedModel(calculates, tokens_per_second=None)
    run = load_flow(wired).run("6*9?", model=model)
    run.result(timeout=LONG)
    (found,) = [each for e in events(run, "graph.changed") for each in e["nodes"]]
    assert (found["title"], found["parent"], found["card"]) == ("evaluate_expression", "Agent-a", False)


# Ways through a flow


def router(text="yes"):
    """Left where the question is "yes"."""
    nodes = [node("ChatInput", "In-a")]
    nodes += [node("ConditionalRouter", "Router-a", match_text=text, operator="equals")]
    nodes += [node("ChatOutput", "Yes-a"), node("ChatOutput", "No-a")]
    return flow(
        nodes,
        ("In-a", "message", "Router-a", "input_text"),
        ("In-a", "message", "Router-a", "true_case_message"),
        ("In-a", "message", "Router-a", "false_case_message"),
        ("Router-a", "true_result", "Yes-a", "input_value"),
        ("Router-a", "false_result", "No-a", "input_value"),
    )


@pytest.mark.parametrize(("typed", "taken", "passed"), [("yes", "Yes-a", "No-a"), ("no", "No-a", "Yes-a")])
def test_a_router_goes_one_way_and_says_which_it_did_not(typed, taken, passed):
    run = load_flow(router()).run(typed)
    assert run.result(timeout=LONG) == typed
    assert run.nodes[taken].status == "finished"
    (skipped,) = events(run, "node.skipped")
    assert (skipped["node"], skipped["reason"]) == (passed, "If-Else went another way")


def loop():
    """A model for each item of a list, one after the other."""
    nodes = [node("CreateList", "List-a", texts=["a", "b", "c"]), node("LoopComponent", "Loop-a")]
    nodes += [node("ParserComponent", "Parser-a", pattern="{text}", mode="Parser")]
    nodes += [node("LanguageModelComponent", "Model-a"), node("ParserComponent", "All-a", pattern="{text}")]
    nodes += [node("ChatOutput", "Out-a")]
    return flow(
        nodes,
        ("List-a", "dataframe", "Loop-a", "data"),
        ("Loop-a", "item", "Parser-a", "input_data"),
        ("Parser-a", "parsed_text", "Model-a", "input_value"),
        ("Model-a", "text_output", "Loop-a", "item"),
        ("Loop-a", "done", "All-a", "input_data"),
        ("All-a", "parsed_text", "Out-a", "input_value"),
    )


def test_each_turn_of_a_loop_is_a_span_within_the_loop():
    run = load_flow(loop()).run(model=lf.ScriptedModel(lambda q: f"<{q}>", tokens_per_second=None))
    assert run.result(timeout=LONG) == "<a>\n<b>\n<c>"
    spans = run.nodes["Model-a"].spans
    assert [span.text for span in spans] == ["<a>", "<b>", "<c>"]
    assert {span.parent for span in spans} <= {span.id for span in run.nodes["Loop-a"].spans}
    assert [span.input for span in run.nodes["Parser-a"].spans] == [{"text": "a"}, {"text": "b"}, {"text": "c"}]


def test_nodes_in_a_group_run_and_have_the_model_too():
    inner = flow([node("LanguageModelComponent", "Model-a")])
    outer = group(inner, "Group-a", question=("Model-a", "input_value", "Hi"))
    run = load_flow({"name": "Grouped", "data": {"nodes": [outer], "edges": []}}).run(
        model=lf.ScriptedModel(lambda q: f"re {q}", tokens_per_second=None)
    )
    run.result(timeout=LONG)
    assert run.nodes["Model-a"].text == "re Hi"


def grouped():
    inner = flow([node("LanguageModelComponent", "Model-a")])
    outer = group(inner, "Group-a", question=("Model-a", "input_value", "Hi"))
    return {"name": "Grouped", "data": {"nodes": [outer], "edges": []}}


def test_a_group_has_a_status_and_a_time_of_its_own():
    run = load_flow(grouped()).run(model=says())
    run.result(timeout=LONG)
    (span,) = run.nodes["Group-a"].spans
    assert (run.nodes["Group-a"].status, run.nodes["Model-a"].spans[0].parent) == ("finished", span.id)
    assert run.nodes["Group-a"].duration >= run.nodes["Model-a"].duration
    assert run.nodes["Group-a"].output["text_output"] == "All is well."


def test_a_group_fails_with_its_node():
    def refuse(_):
        raise ValueError("no answer")

    run = load_flow(grouped()).run(model=lf.ScriptedModel(refuse))
    with pytest.raises(ValueError, match="no answer"):
        run.result(timeout=LONG)
    (inner, outer) = events(run, "node.failed")
    assert [(each["node"], each["error"]["message"]) for each in (inner, outer)] == [
        ("Model-a", "no answer"),
        ("Group-a", "no answer"),
    ]
    assert "traceback" not in outer["error"]


async def test_a_group_is_stopped_with_its_run():
    run = load_flow(grouped()).run(model=lf.ScriptedModel(["word " * 999], tokens_per_second=20))
    await until(run, "node.delta")
    run.cancel()
    with pytest.raises(lf.RunCancelledError):
        await within(run)
    assert run.nodes["Group-a"].status == "cancelled"


def test_a_node_in_a_group_is_tweaked_through_the_group():
    inner = flow([node("LanguageModelComponent", "Model-a")])
    outer = group(inner, "Group-a", question=("Model-a", "input_value", "Hi"))
    loaded = load_flow({"name": "Grouped", "data": {"nodes": [outer], "edges": []}})
    model = lf.ScriptedModel(lambda q: f"re {q}", tokens_per_second=None)
    run = loaded.run(model=model, tweaks={"Model-a": {"input_value": "Ho"}})
    run.result(timeout=LONG)
    assert run.nodes["Model-a"].text == "re Ho"


# Failures and Stop


@pytest.mark.parametrize("kind", ["LanguageModelComponent", "Agent"])
def test_a_provider_that_refuses_is_the_error_as_it_was_raised(kind, at_server):
    from openai import AuthenticationError

    at_server.script = Script(status=401)
    wired = chat() if kind == "LanguageModelComponent" else agent()
    place = "Model-a" if kind == "LanguageModelComponent" else "Agent-a"
    run = load_flow(wired).run("Hi", tweaks={place: openai(at_server)})
    with pytest.raises(AuthenticationError, match="scripted 401"):
        run.result(timeout=LONG)
    (failed,) = events(run, "node.failed")
    assert failed["node"] == place
    assert "scripted 401" in failed["error"]["message"]
    assert "traceback" in failed["error"]
    assert events(run, "run.failed")[0]["node"] == place


def test_a_component_that_fails_raises_its_own_error():
    run = load_flow(flow([node("ChatOutput", "Out-a", input_value=None)])).run()
    with pytest.raises(ValueError, match="cannot be None"):
        run.result(timeout=LONG)


@pytest.mark.parametrize("kind", ["LanguageModelComponent", "Agent"])
async def test_stop_ends_the_models_request(kind, at_server):
    at_server.script = Script(tokens=["a ", "b ", "c "], hold_at=2)
    wired = chat() if kind == "LanguageModelComponent" else agent()
    place = "Model-a" if kind == "LanguageModelComponent" else "Agent-a"
    run = load_flow(wired).run("Hi", tweaks={place: openai(at_server)})
    assert await asyncio.to_thread(at_server.holding.wait, LONG)
    run.cancel()
    with pytest.raises(lf.RunCancelledError):
        await within(run)
    assert await asyncio.to_thread(at_server.disconnected.wait, HANG)
    assert run.nodes[place].status == "cancelled"
    assert events(run, "node.skipped")[0]["reason"] == "the run was cancelled"


# Questions


def asks():
    """A person decides which way it goes."""
    nodes = [node("HumanInput", "Human-a", prompt="Shall I?"), node("ChatOutput", "Yes-a"), node("ChatOutput", "No-a")]
    return flow(
        nodes,
        ("Human-a", "branch_approve", "Yes-a", "input_value"),
        ("Human-a", "branch_reject", "No-a", "input_value"),
    )


@pytest.mark.parametrize(("typed", "taken", "passed"), [("Approve", "Yes-a", "No-a"), ("reject", "No-a", "Yes-a")])
async def test_a_human_input_waits_for_an_answer_and_goes_that_way(typed, taken, passed):
    run = load_flow(asks()).run()
    asked = await asyncio.wait_for(until(run, "input.requested"), LONG)
    assert (asked["node"], asked["span"], asked["prompt"]) == ("Human-a", "Human-a#1", "Shall I?")
    assert [choice["title"] for choice in asked["choices"]] == ["Approve", "Reject"]
    assert run.nodes["Human-a"].status == "waiting"
    with pytest.raises(InputError, match="approve"):
        run.answer("perhaps")
    run.answer(typed)
    assert await within(run) == "Shall I?"
    assert run.nodes[taken].status == "finished"
    assert [(e["node"], e["reason"]) for e in events(run, "node.skipped")] == [(passed, "Human Input went another way")]


@pytest.mark.parametrize(("typed", "ran"), [("approve", True), ("not today", False)])
async def test_an_agent_asks_before_it_calls_a_tool_that_wants_approval(typed, ran):
    calculator = tool("CalculatorComponent", "Calculator-a")
    row = {"name": "evaluate_expression", "description": "Calculates.", "tags": ["evaluate_expression"], "status": True}
    field = {"type": "tools", "name": "tools_metadata", "show": True, "list": True, "advanced": False}
    rows = [{**row, "display_name": "Calculator", "approval_actions": ["approve", "reject"], "args": {}}]
    calculator["data"]["node"]["template"]["tools_metadata"] = {**field, "value": rows}
    run = load_flow(agent(calculator)).run("6*9?", model=lf.ScriptedModel(calculates, tokens_per_second=None))
    asked = await asyncio.wait_for(until(run, "input.requested"), LONG)
    assert asked["node"] == "Agent-a"
    run.answer(typed)
    assert "It is" in await within(run)
    assert bool(events(run, "node.started", node="Calculator-a")) is ran
    assert ("not today" in run.nodes["Agent-a"].text) is not ran


# Sessions


def remembers():
    """The messages of the session, as text."""
    nodes = [node("ChatInput", "In-a"), node("Memory", "Memory-a"), node("Prompt Template", "Prompt-a", past="")]
    nodes[2]["data"]["node"]["template"]["template"]["value"] = "{past}"
    nodes[2]["data"]["node"]["custom_fields"] = {"template": ["past"]}
    nodes += [node("LanguageModelComponent", "Model-a"), node("ChatOutput", "Out-a")]
    return flow(
        nodes,
        ("Memory-a", "messages_text", "Prompt-a", "past"),
        ("Prompt-a", "prompt", "Model-a", "system_message"),
        ("In-a", "message", "Model-a", "input_value"),
        ("Model-a", "text_output", "Out-a", "input_value"),
    )


def test_a_session_remembers_and_another_does_not():
    asked = []

    def answer(question, messages):
        asked.append(str(messages[0].text))
        return f"re {question}"

    loaded, model = load_flow(remembers()), lf.ScriptedModel(answer, tokens_per_second=None)
    for text, session in (("one", "a"), ("two", "a"), ("three", "b"), ("four", None)):
        loaded.run(text, session_id=session, model=model).result(timeout=LONG)
    assert "one" in asked[1]
    assert "re one" in asked[1]
    assert "one" not in asked[2]
    assert "one" not in asked[3]
    assert "three" not in asked[3]


def test_a_model_may_be_given_once_for_all_runs():
    loaded = load_flow(chat(), model=lf.ScriptedModel(["mine"], tokens_per_second=None))
    assert loaded.run("Hi").result(timeout=LONG) == "mine"
    other = lf.ScriptedModel(["another"], tokens_per_second=None)
    assert loaded.run("Hi", model=other).result(timeout=LONG) == "another"
    with pytest.raises(InputError, match="is a LangChain chat model"):
        load_flow(chat(), model="gpt-4o")


def test_a_session_goes_on_another_day_where_its_messages_are_in_a_file(tmp_path):
    asked = []

    def answer(question, messages):
        asked.append(str(messages[0].text))
        return f"re {question}"

    for text in ("one", "two"):
        model = lf.ScriptedModel(answer, tokens_per_second=None)
        again = load_flow(remembers(), history=tmp_path / "chat.db")
        again.run(text, session_id="s", model=model).result(timeout=LONG)
    assert "one" in asked[1]
    assert "re one" in asked[1]


def test_another_file_is_not_overwritten_with_messages(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(InputError, match="is no SQLite file"):
        load_flow(remembers(), history=tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_text().startswith("Dear Sir")


def test_an_agent_remembers_its_session():
    heard = []

    def answer(question, messages):
        heard.append([str(message.text) for message in messages])
        return f"re {question}"

    loaded, model = load_flow(agent()), lf.ScriptedModel(answer, tokens_per_second=None)
    loaded.run("one", session_id="s", model=model).result(timeout=LONG)
    loaded.run("two", session_id="s", model=model).result(timeout=LONG)
    assert "one" in heard[1]
    assert "re one" in heard[1]


def test_two_flows_do_not_share_a_session():
    asked = []

    def answer(question, messages):
        asked.append(str(messages[0].text))
        return "ok"

    for _ in range(2):
        model = lf.ScriptedModel(answer, tokens_per_second=None)
        load_flow(remembers()).run("mine", session_id="same", model=model).result(timeout=LONG)
    assert asked[0] == asked[1]


async def test_runs_that_overlap_do_not_mix():
    loaded = load_flow(chat())
    model = lf.ScriptedModel(lambda q: f"re {q} " * 50, tokens_per_second=2_000)
    runs = [loaded.run(f"q{i}", model=model) for i in range(3)]
    for i, run in enumerate(runs):
        assert (await asyncio.wait_for(run, LONG)).startswith(f"re q{i} ")
        assert {e["text"].count("re q") for e in events(run, "node.delta")} != {0}
        assert all(f"q{j}" not in run.text for j in range(3) if j != i)


async def test_others_who_use_lfx_meanwhile_are_left_alone():
    import lfx.memory
    from lfx.graph.graph.base import Graph

    build, impl = Graph.build_vertex, lfx.memory._impl
    model = lf.ScriptedModel(["word " * 200], tokens_per_second=400)
    run = load_flow(chat()).run("Hi", model=model)
    await asyncio.wait_for(until(run, "node.delta"), LONG)
    assert await lfx.memory.aget_messages(session_id=run.id) == []
    run.cancel()
    with pytest.raises(lf.RunCancelledError):
        await within(run)
    assert Graph.build_vertex is build
    assert lfx.memory._impl is impl


# Tweaks, variables, model


def test_a_tweak_sets_a_field_for_one_run():
    loaded = load_flow(flow([node("TextInput", "TextInput-a", input_value="one")]))
    tweaked = loaded.run(tweaks={"Text Input": {"input_value": "two"}})
    assert tweaked.result(timeout=LONG) == {"TextInput-a": "two"}
    assert loaded.run().result(timeout=LONG) == {"TextInput-a": "one"}


def test_a_misspelt_field_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'temperature'") as caught:
        load_flow(chat()).run("Hi", tweaks={"Model-a": {"temprature": 0}})
    assert caught.value.what == "field of 'Language Model'"


@pytest.mark.parametrize("field", ["code", "python_code"])
def test_a_tweak_of_code_is_refused(field):
    loaded = load_flow(flow([node("PythonREPLComponent", "Python-a")]), trust=True)
    with pytest.raises(InputError, match="run as code"):
        loaded.run(tweaks={"Python-a": {field: "1"}})


def test_a_variable_reaches_the_field_that_names_it_and_no_log(at_server):
    key = "sk-a-variable-0123456789"
    wired = chat(**openai(at_server, api_key="MY_OWN_KEY"))
    wired["data"]["nodes"][1]["data"]["node"]["template"]["api_key"]["load_from_db"] = True
    run = load_flow(wired).run(f"Say {key}", variables={"MY_OWN_KEY": key})
    run.result(timeout=LONG)
    assert key not in str(run.log.since(0))
    assert "MY_OWN_KEY" not in os.environ


def test_a_variable_is_the_key_that_a_provider_looks_for(at_server):
    run = load_flow(chat(**openai(at_server, api_key=""))).run("Hi", variables={"OPENAI_API_KEY": "sk-0123456789"})
    assert run.result(timeout=LONG) == "Hello, world"
    assert "OPENAI_API_KEY" not in os.environ


def test_without_a_key_the_error_names_the_variable(at_server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    run = load_flow(chat(**openai(at_server, api_key=""))).run("Hi")
    with pytest.raises(ValueError, match="OPENAI_API_KEY"):
        run.result(timeout=LONG)


def test_what_stands_in_a_password_field_is_masked(at_server):
    key = "sk-stored-0123456789abcdef"
    run = load_flow(chat(**openai(at_server, api_key=key))).run(f"My key is {key}")
    run.result(timeout=LONG)
    assert key not in str(run.log.since(0))


def test_a_model_is_a_chat_model_and_a_variable_is_a_text():
    with pytest.raises(InputError, match="LangChain chat model, not str"):
        load_flow(chat()).run("Hi", model="gpt-4o")
    with pytest.raises(InputError, match="'KEY' is int"):
        load_flow(chat()).run("Hi", variables={"KEY": 1})


def test_a_missing_package_is_named_before_the_run_starts():
    wired = chat()
    code = wired["data"]["nodes"][1]["data"]["node"]["template"]["code"]
    code["value"] = "import no_such_package\nfrom no_such.other import x\n" + code["value"]
    with pytest.raises(MissingExtraError, match="pip install no-such no-such-package") as caught:
        load_flow(wired, trust=True).run("Hi")
    assert "Language Model" in str(caught.value)


def test_a_package_that_is_installed_meanwhile_is_found(tmp_path, monkeypatch):
    wired = chat()
    code = wired["data"]["nodes"][1]["data"]["node"]["template"]["code"]
    code["value"] = "import installed_later\n" + code["value"]
    loaded = load_flow(wired, trust=True)
    with pytest.raises(MissingExtraError, match="installed-later"):
        loaded.run("Hi", model=says())
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "installed_later.py").write_text("")
    assert loaded.run("Hi", model=says("ok")).result(timeout=LONG) == "ok"


def test_what_stands_under_a_secret_name_is_masked():
    wired = flow([node("TextInput", "Text-a")])
    field = {"type": "str", "name": "auth_token", "value": "hunter2hunter2", "show": True, "advanced": False}
    template = wired["data"]["nodes"][0]["data"]["node"]["template"]
    template["auth_token"] = field
    template["input_value"]["value"] = "I am told hunter2hunter2"
    run = load_flow(wired).run()
    run.result(timeout=LONG)
    assert "hunter2" not in repr(run.log.since(0))


def test_an_export_is_not_changed_by_its_runs():
    wired = chat()
    before = copy.deepcopy(wired)
    load_flow(wired).run("Hi", model=says(), tweaks={"Model-a": {"temperature": 0.5}}).result(timeout=LONG)
    assert wired == before


def reads(path=""):
    """A file, as text."""
    return flow([node("File", "File-a")])


def test_a_file_that_the_user_names_is_read(tmp_path):
    (tmp_path / "notes.txt").write_text("Read me.")
    run = load_flow(reads()).run(tweaks={"File-a": {"path": [str(tmp_path / "notes.txt")]}})
    assert "Read me." in str(run.result(timeout=LONG))


def test_a_file_that_only_the_flow_names_is_not(tmp_path):
    (tmp_path / "notes.txt").write_text("Read me.")
    wired = reads()
    wired["data"]["nodes"][0]["data"]["node"]["template"]["path"]["file_path"] = [str(tmp_path / "notes.txt")]
    with pytest.raises(ValueError, match="local file paths"):
        load_flow(wired).run().result(timeout=LONG)


def test_code_that_fails_as_it_is_loaded_fails_on_its_node():
    wired = flow([node("TextInput", "One-a"), node("TextInput", "Two-a")])
    code = "from lfx.custom.custom_component.component import Component\nclass Mine(Component):\n    1 / 0\n"
    wired["data"]["nodes"][1]["data"]["node"]["template"]["code"]["value"] = code
    run = load_flow(wired, trust=True).run()
    with pytest.raises(ValueError, match="division by zero"):
        run.result(timeout=LONG)
    assert [e["node"] for e in events(run, "node.failed")] == ["Two-a"]
    assert events(run, "run.failed")[0]["node"] == "Two-a"


# What the process is left with

SURROUNDINGS = """
import logging, os, sys
import structlog, loguru
logging.basicConfig(level=logging.INFO)
logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
loguru.logger.add(sys.stderr, level="INFO")

def surroundings():
    return {
        "environ": dict(os.environ),
        "streams": (id(sys.stdout), id(sys.stderr), sys.stdout.errors, sys.stderr.errors),
        "root": (list(logging.root.handlers), logging.root.level, logging.getLogRecordFactory()),
        "uvicorn": list(logging.getLogger("uvicorn.error").handlers),
        "loguru": sorted(loguru.logger._core.handlers),
        "structlog": (structlog.is_configured(), str(structlog.get_config()["processors"])),
    }

before = surroundings()
import lfwidget as lf
from lfwidget.loading import load_flow
from lfx_flows import chat
run = load_flow(chat()).run("Hi", model=lf.ScriptedModel(["ok"], tokens_per_second=None))
assert run.result(timeout=120) == "ok"
after = surroundings()
for name in before:
    assert before[name] == after[name], (name, before[name], after[name])
logs = [event["message"] for event in run.log.since(0) if event["kind"] == "log"]
assert logs[0].startswith("loading LangFlow's engine, lfx 1.13"), logs
assert logs[1:] == ["LangFlow's engine is loaded"], logs
print("as it was")
"""


def test_a_run_leaves_the_process_as_it_was():
    # A process of its own: the first import is what changes most.
    folders = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", SURROUNDINGS],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        env={**os.environ, "PYTHONPATH": folders},
    )
    assert done.stdout.strip().endswith("as it was"), done.stdout + done.stderr


def test_what_a_component_prints_is_a_log_of_the_run(capsys):
    code = (
        "from lfx.custom.custom_component.component import Component\nfrom lfx.io import Output\n"
        "import logging\n"
        "class Says(Component):\n    outputs = [Output(name='o', display_name='O', method='m')]\n"
        "    def m(self) -> str:\n        print('printed')\n        logging.getLogger('x').warning('logged')\n"
        "        return 'x'\n"
    )
    wired = flow([node("TextInput", "Says-a")])
    wired["data"]["nodes"][0]["data"]["node"]["template"] = {
        "_type": "Component",
        "code": {"type": "code", "value": code},
    }
    wired["data"]["nodes"][0]["data"]["node"]["outputs"] = [
        {"name": "o", "display_name": "O", "method": "m", "types": ["Text"], "selected": "Text"}
    ]
    run = load_flow(wired, trust=True).run()
    run.result(timeout=LONG)
    assert {"printed", "logged"} <= {e["message"] for e in events(run, "log")}
    assert "printed" in capsys.readouterr().out
    assert logging.getLogger("x").level == logging.NOTSET
