"""A run as AG-UI events: valid by the official types, in an order that the specification allows, and resumable."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from agui_client import AguiClient
from doubles import HANG
from hypothesis import given
from hypothesis import strategies as st
from watching import SECRET, token

from lfwidget.gateway.agui.stream import Telling
from lfwidget.gateway.agui.translator import Translator
from lfwidget.gateway.shared_log import encode
from lfwidget.gateway.store import Batch
from lfwidget.model.state import RunState

GOLDEN = sorted((Path(__file__).resolve().parent.parent / "golden").glob("*.jsonl"))


def golden(name):
    return [json.loads(line) for line in (GOLDEN[0].parent / f"{name}.jsonl").read_text().splitlines()]


def told(events):
    translator = Translator("r1")
    return [made for event in events for made in translator.take(event)]


def types(events):
    return [event["type"] for event in told(events)]


def log(*events):
    """A log of these, after the event that starts it."""
    nodes = [{"id": name, "title": name.title(), "type": "model"} for name in ("left", "right")]
    nodes.append({"id": "tools/search", "title": "search", "type": "tool"})
    begin = {
        "kind": "run.started",
        "run_id": "r1",
        "flow": "flow",
        "input": "hi",
        "started_at": "2026-01-01T10:00:00+01:00",
        "graph": {"nodes": nodes, "edges": [{"source": "left", "target": "right"}]},
        "format": 1,
    }
    return [{"seq": seq, "t": seq / 10, **event} for seq, event in enumerate([begin, *events], 1)]


def on(kind, span, **fields):
    return {"kind": f"node.{kind}", "node": span.partition("#")[0], "span": span, **fields}


def start(span, **fields):
    return on("started", span, attempt=1, **fields)


def finish(span, **fields):
    return on("finished", span, duration=0.1, **fields)


def delta(span, text, channel="text", **fields):
    return on("delta", span, channel=channel, text=text, cuts=[len(text)], dts=[0], **fields)


def end(kind="finished", **fields):
    return {"kind": f"run.{kind}", **fields}


def statuses(state):
    return {name: node["status"] for name, node in state["nodes"].items()}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_log_is_told_as_the_protocol_wants_it(path):
    events = golden(path.stem)
    client, run = AguiClient(told(events)), RunState(events)
    assert statuses(client.state) == {node.id: node.status for node in run.nodes.values()}
    assert client.state["run"]["status"] == run.status
    assert (client.last is not None) == run.ended
    for span in run.spans.values():
        assert client.text(span.id) == span.text
        assert client.text(span.id, "reasoning") == span.reasoning


def test_two_nodes_that_speak_at_once_are_two_messages():
    events = told(log(start("left"), start("right"), delta("left", "a"), delta("right", "b"), delta("left", "c")))
    said = [(event["messageId"], event["delta"]) for event in events if event["type"] == "TEXT_MESSAGE_CONTENT"]
    assert said == [("r1/left", "a"), ("r1/right", "b"), ("r1/left", "c")]


def test_what_was_asked_is_the_message_of_a_user():
    assert AguiClient(told(log())).messages["r1/input"]["content"] == "hi"


def test_reasoning_ends_before_the_answer_begins():
    events = log(start("left"), delta("left", "Hm", "reasoning"), delta("left", "Yes"), finish("left"))
    assert [kind for kind in types(events) if kind.startswith(("REASONING", "TEXT"))] == [
        "REASONING_START",
        "REASONING_MESSAGE_START",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]


def test_a_call_begins_when_its_id_and_its_name_are_known():
    call = {"index": 0, "name": "search"}
    events = log(
        start("left"),
        delta("left", '{"q":', "tool_call", call=call),
        delta("left", "1}", "tool_call", call={"index": 0, "id": "c1"}),
        finish("left"),
    )
    made = [event for event in told(events) if event["type"].startswith("TOOL")]
    assert [event["type"] for event in made] == ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END"]
    assert (made[0]["toolCallId"], made[0]["toolCallName"], made[1]["delta"]) == ("c1", "search", '{"q":1}')


def test_a_tool_answers_the_call_that_has_its_arguments():
    calls = [{"index": i, "id": f"c{i}", "name": "search", "args": json.dumps({"q": i})} for i in range(2)]
    events = log(
        start("left"),
        finish("left", tool_calls=calls),
        start("tools/search", input={"q": 1}),
        finish("tools/search", output={"type": "tool", "content": "one"}),
        start("tools/search#2", input={"q": 0}),
        on("failed", "tools/search#2", error={"type": "OSError", "message": "away"}),
    )
    assert AguiClient(told(events)).answers == {"c1": "one", "c0": "OSError: away"}


def test_a_text_that_replaces_what_was_streamed_is_what_a_client_has_then():
    events = log(
        start("left"),
        delta("left", "Helo"),
        on("text", "left", channel="text", text="Hello"),
        delta("left", " you"),
        finish("left"),
    )
    assert AguiClient(told(events)).text("left") == "Hello you"


def test_a_text_that_goes_on_where_the_stream_broke_is_just_more_of_it():
    events = log(start("left"), delta("left", "Hel"), on("text", "left", channel="text", text="Hello"))
    assert "MESSAGES_SNAPSHOT" not in types(events)
    assert AguiClient(told(events)).text("left") == "Hello"


def test_calls_that_replace_what_was_streamed_are_what_a_client_has_then():
    streamed = [delta("left", "{", "tool_call", call={"index": i, "id": f"c{i}", "name": "search"}) for i in range(2)]
    whole = [{"index": 0, "id": "c0", "name": "search", "args": "{}"}]
    client = AguiClient(told(log(start("left"), *streamed, finish("left", tool_calls=whole))))
    assert client.args("left") == ["{}"]


def test_what_does_not_count_is_named():
    events = log(start("left"), delta("left", "no"), finish("left"), on("retracted", "left", reason="retry"))
    name, value = AguiClient(told(events)).custom[-1]
    assert (name, value["messages"], value["reason"]) == ("lfwidget.node.retracted", ["r1/left"], "retry")


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "log", "level": "info", "message": "so"},
        {"kind": "note", "text": "look"},
        {"kind": "graph.changed", "nodes": [{"id": "new", "title": "New", "type": "tool"}], "edges": []},
        on("asked.something.new", "left"),
        {"kind": "input.requested", "node": "left", "span": "left", "request": "q", "prompt": "Send?"},
    ],
    ids=lambda event: event["kind"],
)
def test_what_the_protocol_has_no_word_for_is_custom(event):
    client = AguiClient(told(log(start("left"), event)))
    assert [(name, value["kind"]) for name, value in client.custom] == [(f"lfwidget.{event['kind']}", event["kind"])]


def test_a_cancelled_run_is_neither_a_success_nor_an_error():
    client = AguiClient(told(log(start("left"), delta("left", "Half"), end("cancelled"))))
    assert (client.last["type"], client.last["outcome"]) == ("RUN_FINISHED", {"type": "cancelled"})
    assert statuses(client.state)["left"] == "cancelled"


def test_a_run_that_failed_says_why():
    client = AguiClient(told(log(start("left"), end("failed", error={"type": "KeyError", "message": "'x'"}))))
    assert (client.last["type"], client.last["message"], client.last["code"]) == ("RUN_ERROR", "'x'", "KeyError")


def test_nothing_follows_the_end():
    assert types([*log(end()), {"seq": 3, "t": 9, "kind": "note", "text": "later"}])[-1] == "RUN_FINISHED"


def test_usage_is_a_sum_of_what_is_known():
    client = AguiClient(told(log(end(usage={"input_tokens": 2, "output_tokens": 3, "total_tokens": 9}))))
    assert client.last["usage"] == [{"inputTokens": 2, "outputTokens": 3, "totalTokens": 5}]


# In any order

SPANS = st.sampled_from(["left", "left#2", "right", "tools/search", "new"])
TEXT = st.text(st.sampled_from("ab{}\u2028猫"), max_size=4)
CHANNEL = st.sampled_from(["text", "reasoning", "tool_call"])
CALL = st.fixed_dictionaries(
    {"index": st.integers(0, 2)}, optional={"id": st.sampled_from(["c1", "c2"]), "name": st.just("search")}
)
WHOLE = st.builds(lambda call, args: {**call, "args": args}, CALL, TEXT)
ERROR = {"type": "E", "message": "m"}
ANY = st.one_of(
    st.builds(start, SPANS, input=TEXT),
    st.builds(delta, SPANS, TEXT, CHANNEL, call=CALL),
    st.builds(lambda span, channel, text: on("text", span, channel=channel, text=text), SPANS, CHANNEL, TEXT).filter(
        lambda event: event["channel"] != "tool_call"
    ),
    st.builds(finish, SPANS, output=TEXT, tool_calls=st.lists(WHOLE, max_size=3)),
    st.builds(lambda span: on("failed", span, error=ERROR), SPANS),
    st.builds(lambda span: on("cancelled", span, reason="so"), SPANS),
    st.builds(lambda span: on("retracted", span), SPANS),
    st.builds(lambda span: {**on("skipped", span, reason="so")}, SPANS),
    st.builds(lambda text: {"kind": "note", "text": text}, TEXT),
    st.builds(
        lambda name: {"kind": "graph.changed", "nodes": [{"id": name, "title": "~", "type": "tool"}], "edges": []},
        st.sampled_from(["left", "a~/b"]),
    ),
)
END = st.sampled_from([end(), end("cancelled"), end("failed", error=ERROR), {"kind": "note", "text": "on"}])


@given(st.lists(ANY, max_size=40), END)
def test_whatever_happens_the_order_is_one_the_protocol_allows(events, last):
    events = log(*events, last)
    client, run = AguiClient(told(events)), RunState(events)
    assert statuses(client.state) == {node.id: node.status for node in run.nodes.values()}
    assert (client.last is not None) == run.ended


@st.composite
def lives(draw):
    """Spans that start once, speak while they are open, and end once, side by side."""
    waiting = {
        f"{name}#{i}": [
            start(f"{name}#{i}"),
            *draw(st.lists(st.builds(delta, st.just(f"{name}#{i}"), TEXT, CHANNEL, call=CALL), max_size=5)),
            finish(f"{name}#{i}", tool_calls=draw(st.lists(WHOLE, max_size=2, unique_by=lambda call: call["index"]))),
        ]
        for i, name in enumerate(draw(st.lists(st.sampled_from(["left", "right"]), max_size=4)))
    }
    events = []
    while waiting:
        span = draw(st.sampled_from(sorted(waiting)))
        events.append(waiting[span].pop(0))
        waiting = {name: rest for name, rest in waiting.items() if rest}
    return log(*events, end())


@given(lives())
def test_a_client_has_in_the_end_what_every_span_said(events):
    client, run = AguiClient(told(events)), RunState(events)
    for span in run.spans.values():
        assert client.text(span.id) == span.text
        assert client.text(span.id, "reasoning") == span.reasoning
        assert sorted(client.args(span.id)) == sorted(call["args"] for call in span.tool_calls)


# The stream


def frame(events):
    return json.dumps({"kind": "frame", "run": "r1", "seq": events[-1]["seq"], "events": events})


def blocks(events, since=""):
    telling = Telling("r1", "e1", since)
    return [block for event in events for block in telling.blocks(frame([event]))]


def identity(block):
    return block.partition("\n")[0].removeprefix("id: ")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_who_comes_back_gets_the_rest_wherever_he_was(path):
    events = golden(path.stem)
    whole = blocks(events)
    for number, block in enumerate(whole[:-1], 1):
        assert blocks(events, identity(block)) == whole[number:]


def test_the_id_of_the_last_event_says_that_it_is_the_last():
    assert identity(blocks(log(end()))[-1]) == "e1:end"


def test_a_position_in_another_log_begins_anew():
    assert blocks(log(), "e0:7.1") == blocks(log())


def test_a_gap_is_told():
    telling = Telling("r1", "e1", "")
    gap = {"kind": "gap", "from": 1, "to": 4, "reason": "gone"}
    made = [*telling.blocks(json.dumps(gap)), *telling.blocks(frame([{**delta("left", "a"), "seq": 5, "t": 1}]))]
    client = AguiClient(json.loads(block.partition("data: ")[2]) for block in made)
    assert client.custom == [("lfwidget.gap", {"from": 1, "to": 4, "reason": "gone"})]
    assert client.text("left") == "a"


@pytest.mark.parametrize(("since", "first", "last"), [("e1:3.1", 1, 4), ("", 1, 0)])
def test_what_cannot_be_told_ends_with_an_error(since, first, last):
    telling = Telling("r1", "e1", since)
    gap = json.dumps({"kind": "gap", "from": first, "to": last, "reason": "gone"})
    made = [json.loads(block.partition("data: ")[2]) for block in telling.blocks(gap)]
    assert made[-1]["type"] == "RUN_ERROR"
    assert telling.over


# Over HTTP


class Served:
    """A gateway with a run, and a client of AG-UI."""

    def __init__(self, server):
        self.server = server
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=HANG)

    def publish(self, events, epoch="e1"):
        first = events[0]["seq"]
        batch = Batch("r1", epoch, first, encode(events), owner="teacher")
        self.server.wait_for(self.server.gateway.store.publish(batch))

    def ask(self, method="GET", **headers):
        headers = {"Authorization": f"Bearer {token('run:r1', secret=SECRET)}", **headers}
        return self.client.stream(method, "/runs/r1/agui", headers=headers)


@pytest.fixture
async def served(serve):
    made = Served(serve())
    yield made
    await made.client.aclose()


async def read(response, enough=lambda _data: False):
    """Pairs of id and event, until `enough(event)` or the end."""
    found, identity = [], ""
    async with asyncio.timeout(HANG):
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                identity = line[4:]
            elif line.startswith("data: "):
                found.append((identity, json.loads(line[6:])))
                if enough(found[-1][1]):
                    break
    return found


async def test_a_watcher_who_is_there_and_one_who_comes_late_get_the_same(served):
    events = golden("tool_calls")
    served.publish(events[:8])
    async with served.ask() as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        early = asyncio.create_task(read(response))
        served.publish(events[8:])
        early = await early
    async with served.ask("POST") as response:
        late = await read(response)
    assert early == late
    assert [event for _, event in late] == told(events)
    AguiClient(event for _, event in late)


async def test_who_comes_back_over_http_goes_on_where_he_was(served):
    events = golden("tool_calls")
    served.publish(events[:8])
    async with served.ask() as response:
        before = await read(response, lambda event: event["type"] == "TOOL_CALL_ARGS")
    served.publish(events[8:])
    async with served.ask(**{"Last-Event-ID": before[-1][0]}) as response:
        after = await read(response)
    assert [event for _, event in before + after] == told(events)


async def test_who_has_all_is_told_not_to_come_back(served):
    served.publish(golden("tool_calls"))
    async with served.ask(**{"Last-Event-ID": "e1:end"}) as response:
        assert response.status_code == 204


async def test_a_run_that_is_withdrawn_ends_with_an_error(served):
    served.publish(log(start("left")))
    async with served.ask() as response:
        reading = asyncio.create_task(read(response))
        served.server.wait_for(served.server.gateway.store.withdraw("r1"))
        told = await reading
    client = AguiClient(event for _, event in told)
    assert client.last["code"] == "gone"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": f"Bearer {token('run:other', secret=SECRET)}"}, 403),
        ({"Last-Event-ID": "nonsense"}, 400),
    ],
)
async def test_the_same_guard_stands_there(served, headers, status):
    served.publish(log())
    async with served.ask(**headers) as response:
        assert response.status_code == status
