"""What a LangFlow server tells becomes what we tell: each node, each token, once."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langflow_double import MODEL, OUT, SECOND, agent, basic, chained, chunks, flow, node

from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import read_export
from lfwidget.runners.langflow.server.fold import Fold
from lfwidget.runners.langflow.server.wire import Parser

T20 = "".join(f"t{i} " for i in range(20))
CHAT_IN, PROMPT = "ChatInput-b6UCc", "Prompt-t2oaK"
AGENT, TOOL = "Agent-EXpSZ", "CalculatorComponent-Awf9O"


class Folded:
    """A fold with a log whose clock stands still."""

    def __init__(self, saved=None, **options):
        self.export = read_export(saved or basic())
        self.log = RunLog(clock=lambda: 0.0)
        self.log.append(
            "run.started", run_id="r", flow="f", input=None, started_at="", graph=draw(self.export), format=1
        )
        self.kept = {}
        self.fold = Fold(self.export, self.log, self.kept.__setitem__, clock=lambda: 0.0, **options)

    def feed(self, *pieces):
        parser = Parser()
        for frame in [frame for piece in pieces for frame in parser.feed(piece)] + parser.close():
            self.fold.take(frame.data or {})
        return self

    def take(self, event, **data):
        self.fold.take({"event": event, "data": data})
        return self

    def message(self, message, source=None, text="", state="partial", **more):
        properties = {"source": {"id": source}, "state": state, "usage": more.pop("usage", None)}
        return self.take("add_message", id=message, sender="Machine", text=text, properties=properties, **more)

    def tokens(self, message, *tokens):
        for token in tokens:
            self.take("token", id=message, chunk=token)
        return self

    def ends(self, node, *after, outputs=None, valid=True, **more):
        data = {"outputs": outputs or {}, "timedelta": 0.5}
        build = {"id": node, "valid": valid, "next_vertices_ids": list(after), "data": data, **more}
        return self.take("end_vertex", build_data=build)

    def close(self, reason="", **options):
        self.fold.close(reason, **options)
        return self

    @property
    def events(self):
        return self.log.since(1)

    @property
    def state(self):
        self.log.merge()
        return RunState(self.log.since(0))

    def statuses(self):
        return {node.id: node.status for node in self.state.nodes.values()}

    def streamed(self, node):
        self.log.merge()
        found = [event for event in self.events if event["kind"] == "node.delta" and event["node"] == node]
        return "".join(event["text"] for event in found), sum(len(event["cuts"]) for event in found)


def text(words):
    return {"text_output": {"message": words, "type": "text"}, "model_output": {"message": "", "type": "unknown"}}


def test_a_streamed_run():
    run = Folded().feed(*chunks("07_v2_stream_langflow_basic")).close()
    assert set(run.statuses().values()) == {"finished"}
    assert run.streamed(MODEL) == (T20, 20)
    assert "node.text" not in [event["kind"] for event in run.events]
    assert run.state.node(MODEL).text == run.fold.output == T20
    assert run.state.usage == {"input_tokens": 5, "output_tokens": 20, "total_tokens": 25}
    assert run.state.node(MODEL).duration == 1.959328
    assert run.kept[f"{MODEL}#1"] == T20


@pytest.mark.parametrize("capture", ["01_build_direct_basic", "10_v2_bg_langflow_basic_attach"])
def test_the_other_ways_tell_the_same(capture):
    run = Folded().feed(*chunks(capture)).close()
    assert run.streamed(MODEL) == (T20, 20)
    assert set(run.statuses().values()) == {"finished"}
    assert run.fold.output == T20


def test_a_replay_has_no_tokens_but_the_text():
    run = Folded().feed(*chunks("10_v2_bg_langflow_basic_replay_after_end")).close()
    assert run.streamed(MODEL) == ("", 0)
    assert run.state.node(MODEL).text == T20


def test_nodes_begin_when_those_before_them_end():
    run = Folded().feed(*chunks("07_v2_stream_langflow_basic"))
    told = [
        (event["kind"], event["node"])
        for event in run.events
        if event["kind"].startswith("node.") and "delta" not in event["kind"]
    ]
    order = [CHAT_IN, PROMPT, MODEL, OUT]
    assert told == [(kind, node) for node in order for kind in ("node.started", "node.finished")]


def test_a_model_that_does_not_stream_shows_its_text_at_the_end():
    run = Folded(chained()).feed(*chunks("07_v2_stream_langflow_chain2")).close()
    assert run.streamed(MODEL) == ("", 0)
    assert run.state.node(MODEL).text == T20
    assert run.streamed(SECOND) == (T20, 20)


def test_a_tapped_run_shows_each_model_and_no_tap():
    run = Folded(chained(), hidden=frozenset({"ChatOutput-TAP01"})).feed(*chunks("18_chain2_tap_v2")).close()
    assert run.streamed(MODEL) == ("t0 t1 t2 t3 t4 t5 t6 t7 ", 8)
    assert run.streamed(SECOND) == (T20, 20)
    assert "TAP" not in json.dumps(run.events)
    assert run.fold.output == T20


def test_tokens_of_nodes_that_shall_not_stream_come_as_text_at_the_end():
    run = Folded(stream_nodes=frozenset({"other"})).feed(*chunks("07_v2_stream_langflow_basic")).close()
    assert run.streamed(MODEL) == ("", 0)
    assert run.state.node(MODEL).text == T20


def test_an_agent_its_tool_and_its_text():
    run = Folded(agent()).feed(*chunks("01_build_direct_agent")).close()
    assert set(run.statuses().values()) == {"finished"}
    said = "".join(f"t{i} " for i in range(12))
    assert run.streamed(AGENT) == (said, 12)
    (tool,) = run.state.node(TOOL).spans
    assert tool.parent == f"{AGENT}#1"
    assert tool.input == {"expression": "6*7"}
    assert tool.output == '{"result": "42"}'
    (call,) = run.state.node(AGENT).tool_calls
    assert (call["id"], call["name"], call["args"]) == ("call_44", "evaluate_expression", '{"expression": "6*7"}')
    assert run.state.usage == {"input_tokens": 10, "output_tokens": 24, "total_tokens": 34}


def test_tokens_and_outputs_are_all_that_run_tells():
    run = Folded().feed(*chunks("04_run_stream_basic")).close(untold=True)
    assert run.streamed(MODEL) == (T20, 20)
    assert run.statuses() == {CHAT_IN: "finished", PROMPT: "idle", MODEL: "finished", OUT: "finished"}
    assert run.fold.output == T20
    assert run.state.usage == {"input_tokens": 5, "output_tokens": 20, "total_tokens": 25}


def test_a_result_alone():
    run = Folded()
    run.fold.take_result(json.loads(b"".join(chunks("05_run_sync_basic"))))
    run.close(untold=True)
    assert run.state.node(MODEL).text == run.fold.output == T20


WHOLE = b"".join(chunks("01_build_direct_agent")[:24])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_log(cuts):
    places = [0, *sorted(cuts), len(WHOLE)]
    split = Folded(agent()).feed(*(WHOLE[a:b] for a, b in pairwise(places))).close("cut")
    whole = Folded(agent()).feed(WHOLE).close("cut")
    assert split.events == whole.events


def test_the_servers_text_replaces_ours_where_it_differs():
    run = Folded().take("vertices_sorted", ids=[MODEL], to_run=[MODEL])
    run.message("m", MODEL).tokens("m", "a", "", "c").message("m", MODEL, "abc", "complete").ends(
        MODEL, outputs=text("abc")
    )
    replaced = [event["text"] for event in run.events if event["kind"] == "node.text"]
    assert replaced == ["abc"]
    assert run.state.node(MODEL).text == "abc"


def test_a_long_text_that_the_server_cuts_off_is_not_cut_off_here():
    long = "word " * 2_000
    run = Folded(saved=basic()).take("vertices_sorted", ids=[MODEL], to_run=[MODEL, OUT])
    run.message("m1", MODEL).tokens("m1", *["word "] * 2_000)
    cut = f"{long[:6_000]}..."
    run.ends(MODEL, OUT, outputs=text(cut)).ends(OUT, outputs={"message": {"message": cut, "type": "message"}}).close()
    assert "node.text" not in [event["kind"] for event in run.events]
    assert run.state.node(MODEL).text == run.fold.output == long


def test_a_long_text_that_was_not_streamed_is_said_to_be_cut_off():
    cut = f"{'word ' * 1_200}..."
    run = Folded(saved=basic()).take("vertices_sorted", ids=[MODEL], to_run=[MODEL])
    run.ends(MODEL, outputs=text(cut)).close()
    assert run.state.node(MODEL).text == cut
    (told,) = [event for event in run.events if event["kind"] == "log"]
    assert (told["node"], told["level"]) == (MODEL, "warning")


def test_a_partial_text_is_not_the_text_yet():
    run = Folded().take("vertices_sorted", ids=[MODEL], to_run=[MODEL])
    run.message("m", MODEL, "a").tokens("m", "a", "b").message("m", MODEL, "ab", "complete")
    assert "node.text" not in [event["kind"] for event in run.events]
    assert run.streamed(MODEL) == ("ab", 2)


def test_tokens_without_a_known_message_are_those_of_the_only_model_that_runs():
    run = Folded().take("vertices_sorted", ids=[PROMPT, MODEL], to_run=[]).tokens("m", "a", "b")
    assert run.streamed(MODEL) == ("ab", 2)


def two_agents():
    return flow([node("Agent-A", "response", model="x"), node("Agent-B", "response", model="x")], [])


def test_two_agents_at_once_are_told_apart_by_their_logs():
    run = Folded(two_agents()).take("vertices_sorted", ids=["Agent-A", "Agent-B"], to_run=[])
    chain = {"type": "chain_start"}
    run.message("b").take("log", component_id="Agent-B", name="Chain Start", message=chain)
    run.message("a").take("log", component_id="Agent-A", name="Chain Start", message=chain)
    run.tokens("a", "1").tokens("b", "2").tokens("a", "3")
    assert (run.streamed("Agent-A"), run.streamed("Agent-B")) == (("13", 2), ("2", 1))


def test_agents_that_were_mixed_up_are_set_right_when_they_end():
    run = Folded(two_agents()).take("vertices_sorted", ids=["Agent-A", "Agent-B"], to_run=[])
    chain = {"type": "chain_start"}
    run.message("a").message("b")
    run.take("log", component_id="Agent-B", message=chain).take("log", component_id="Agent-A", message=chain)
    run.tokens("a", "from A").tokens("b", "from B")
    for name in "AB":
        run.ends(f"Agent-{name}", outputs={"response": {"message": f"from {name}", "type": "text"}})
    assert [run.state.node(f"Agent-{name}").text for name in "AB"] == ["from A", "from B"]


def error(node, words="boom", kind="ValueError"):
    content = {"type": "error", "reason": f"**{kind}**\n - **{words}**", "traceback": "Traceback: here"}
    blocks = [{"title": "Error", "contents": [content]}]
    return {"category": "error", "text": f"{words}\n", "properties": {"source": {"id": node}}, "content_blocks": blocks}


def test_a_failure_is_on_its_node_and_ends_what_runs():
    run = Folded().take("vertices_sorted", ids=[CHAT_IN, MODEL], to_run=[]).message("m", MODEL).tokens("m", "half")
    run.take("error", **error(MODEL)).ends(MODEL, valid=False).take("end").close()
    assert run.statuses() == {CHAT_IN: "cancelled", PROMPT: "skipped", MODEL: "failed", OUT: "skipped"}
    found = run.state.node(MODEL)
    assert found.error == {"type": "ValueError", "message": "boom", "traceback": "Traceback: here"}
    assert found.text == "half"
    failure = run.fold.failure
    assert (failure.node, failure.type, failure.message) == (MODEL, "ValueError", "boom")
    assert len(found.spans) == 1


def test_a_failure_told_only_by_the_end_of_its_node():
    run = Folded().take("vertices_sorted", ids=[MODEL], to_run=[])
    wrong = {"text_output": {"type": "error", "message": {"errorMessage": "no key", "stackTrace": "T"}}}
    run.ends(MODEL, valid=False, outputs=wrong)
    assert run.state.node(MODEL).error == {"type": "Exception", "message": "no key", "traceback": "T"}
    assert run.fold.failure.node == MODEL


def test_an_error_of_no_node_is_the_runs():
    run = Folded().take("error", error="the graph has a hole").close()
    assert (run.fold.failure.node, run.fold.failure.message) == ("", "the graph has a hole")


def test_a_message_taken_back_stays_until_the_node_says_something_else():
    run = Folded(agent()).take("vertices_sorted", ids=[AGENT], to_run=[])
    run.message("m", AGENT).tokens("m", "wrong").take("remove_message", id="m")
    assert run.state.node(AGENT).text == "wrong"
    run.message("n", AGENT).tokens("n", "ri", "ght")
    assert run.state.node(AGENT).text == "right"
    run.ends(AGENT, outputs={"response": {"message": "right", "type": "text"}})
    assert run.state.node(AGENT).text == "right"


def test_branches_that_were_not_taken_are_skipped():
    run = Folded().take("vertices_sorted", ids=[CHAT_IN], to_run=[])
    run.ends(CHAT_IN, PROMPT, inactivated_vertices=[MODEL, OUT]).ends(PROMPT, inactivated_vertices=[MODEL]).take(
        "end"
    ).close()
    assert run.statuses() == {CHAT_IN: "finished", PROMPT: "finished", MODEL: "skipped", OUT: "skipped"}
    assert [event["reason"] for event in run.events if event["kind"] == "node.skipped"] == [
        "another branch was taken"
    ] * 2


def test_a_node_in_a_loop_has_a_span_for_each_turn():
    run = Folded().take("vertices_sorted", ids=[PROMPT], to_run=[])
    run.ends(PROMPT, MODEL).ends(MODEL, PROMPT, outputs=text("1")).ends(PROMPT, MODEL).ends(MODEL, outputs=text("2"))
    assert [span.text for span in run.state.node(MODEL).spans] == ["1", "2"]


def test_a_tool_that_fails_says_so_in_the_agents_message():
    run = Folded(agent()).take("vertices_sorted", ids=[AGENT], to_run=[])
    about = {
        "type": "tool_start",
        "run_id": "r",
        "serialized": {"name": "evaluate_expression"},
        "inputs": {"expression": "1/0"},
    }
    run.take("log", component_id=AGENT, name="Tool Start", message=about)
    steps = [{"contents": [{"type": "tool_use", "name": "evaluate_expression", "error": "division by zero"}]}]
    run.message("m", AGENT, content_blocks=steps)
    assert run.state.node(TOOL).error == {"type": "ToolError", "message": "division by zero"}


def test_a_call_that_nobody_heard_of_is_told_by_the_whole_message():
    run = Folded(agent()).take("vertices_sorted", ids=[AGENT], to_run=[])
    step = {"type": "tool_use", "name": "evaluate_expression", "tool_input": {"expression": "6*7"}}
    run.message("m", AGENT, content_blocks=[{"contents": [step]}])
    assert run.statuses()[TOOL] == "idle"
    steps = [{"contents": [{**step, "output": {"content": "42"}}]}]
    run.message("m", AGENT, "42", "complete", content_blocks=steps).message(
        "m", AGENT, "42", "complete", content_blocks=steps
    )
    (tool,) = run.state.node(TOOL).spans
    assert (tool.status, tool.input, tool.output) == ("finished", {"expression": "6*7"}, "42")


def test_a_tool_that_never_answered_ends_with_its_agent():
    run = Folded(agent()).take("vertices_sorted", ids=[AGENT], to_run=[])
    about = {"type": "tool_start", "run_id": "r", "serialized": {"name": "evaluate_expression"}}
    run.take("log", component_id=AGENT, message=about).ends(AGENT)
    assert run.statuses()[TOOL] == "cancelled"


def test_a_tool_without_a_node_is_only_a_call():
    run = Folded(agent()).take("vertices_sorted", ids=[AGENT], to_run=[])
    for kind in ("tool_start", "tool_end"):
        run.take(
            "log",
            component_id=AGENT,
            message={"type": kind, "run_id": "r", "serialized": {"name": "else"}, "output": "x"},
        )
    run.ends(AGENT).close()
    assert [call["name"] for call in run.state.node(AGENT).tool_calls] == ["else"]
    assert run.statuses()[TOOL] == "skipped"


def test_words_that_a_component_logs_are_shown():
    run = Folded().take("log", component_id=MODEL, name="Note", message="looking it up")
    assert [(e["node"], e["message"]) for e in run.events if e["kind"] == "log"] == [(MODEL, "looking it up")]


def test_a_node_that_the_flow_did_not_have_is_drawn():
    run = Folded().take("vertices_sorted", ids=["Parser-New"], to_run=[]).ends("Parser-New").close()
    assert run.statuses()["Parser-New"] == "finished"


def test_a_cancelled_run_leaves_nothing_open():
    run = Folded().feed(*chunks("14_stop_v2_bg_langflow")).close("the run was cancelled")
    assert run.statuses() == {CHAT_IN: "finished", PROMPT: "finished", MODEL: "cancelled", OUT: "skipped"}


@pytest.mark.parametrize(
    "kind",
    [
        "vertices_sorted",
        "end_vertex",
        "add_message",
        "token",
        "log",
        "error",
        "end",
        "output",
        "remove_message",
        "new_kind",
    ],
)
@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "text",
        7,
        {},
        {"build_data": 3},
        {"message": 5},
        {"properties": [], "content_blocks": [1, {"contents": [2]}]},
    ],
)
def test_whatever_is_odd_in_an_event_breaks_nothing(kind, odd):
    run = Folded()
    run.fold.take({"event": kind, "data": odd})
    run.close()


def test_unknown_events_are_remembered():
    run = Folded().take("brand_new").take("build_start")
    assert run.fold.unknown == {"brand_new"}


def in_a_group():
    """A question, a group with two models of which the second hears the first, and an answer."""
    group = node("Group-g")
    inner = chained()["data"]
    group["data"]["node"]["flow"] = {"data": {"nodes": [n for n in inner["nodes"] if n["id"] in (MODEL, SECOND)]}}
    return flow([node(CHAT_IN, "message", input_value=""), group, node(OUT, "message", input_value="")], [])


def test_a_group_runs_while_its_nodes_do():
    run = Folded(in_a_group()).take("vertices_sorted", ids=[CHAT_IN], to_run=[CHAT_IN, MODEL, SECOND, OUT])
    assert run.state.node("Group-g").status == "idle"
    run.ends(CHAT_IN, MODEL)
    assert (run.state.node("Group-g").status, run.state.node(MODEL).spans[0].parent) == ("running", "Group-g#1")
    run.ends(MODEL, SECOND, outputs=text("first"))
    assert run.state.node("Group-g").status == "running"
    run.ends(SECOND, OUT, outputs=text("second"))
    assert (run.state.node("Group-g").status, run.state.node("Group-g").output) == ("finished", "second")
    run.ends(OUT).close()
    assert set(run.statuses().values()) == {"finished"}


def test_a_group_of_which_nothing_ran_was_not_taken():
    run = Folded(in_a_group()).take("vertices_sorted", ids=[CHAT_IN], to_run=[CHAT_IN]).ends(CHAT_IN).close()
    group = run.state.node("Group-g")
    assert (group.status, group.reason) == ("skipped", run.state.node(MODEL).reason)


@pytest.mark.parametrize(("reason", "status"), [("the run was cancelled", "cancelled"), ("", "failed")])
def test_a_group_ends_as_its_run_does(reason, status):
    run = Folded(in_a_group()).take("vertices_sorted", ids=[MODEL], to_run=[MODEL, SECOND])
    if not reason:
        run.ends(MODEL, valid=False)
    run.close(reason)
    assert run.state.node("Group-g").status == status
    assert [event["kind"] for event in run.events if event.get("node") == "Group-g"] == [
        "node.started",
        f"node.{status}",
    ]
