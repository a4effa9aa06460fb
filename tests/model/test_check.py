import copy
import json
import subprocess
import sys

import pytest

from lfwidget.errors import EventError
from lfwidget.model.check import check_event

STAMP = {"seq": 2, "t": 0.5}
SPAN = {**STAMP, "node": "model", "span": "s1"}
GRAPH = {
    "nodes": [{"id": "model", "title": "Model", "type": "model"}],
    "edges": [{"source": "model", "target": "model"}],
}
VALID = [
    {
        "kind": "run.started", "seq": 1, "t": 0, "run_id": "r", "flow": "f", "input": {"a": [1]},
        "started_at": "2026-01-01T00:00:00+00:00", "graph": GRAPH, "format": 1, "tags": ["x"],
    },
    {"kind": "graph.changed", **STAMP, **GRAPH},
    {"kind": "node.started", **SPAN, "attempt": 1, "index": 0, "parent": "s0", "input": None},
    {"kind": "node.delta", **SPAN, "channel": "text", "text": "Ça va", "cuts": [2, 3], "dts": [-4, 0]},
    {
        "kind": "node.delta", **SPAN, "channel": "tool_call", "text": "{}", "cuts": [2], "dts": [0],
        "call": {"index": 0, "id": "c1", "name": "search"},
    },
    {"kind": "node.text", **SPAN, "channel": "reasoning", "text": "hm"},
    {"kind": "node.finished", **SPAN, "duration": 1, "usage": {"output_tokens": 3}, "output": [None]},
    {"kind": "node.failed", **SPAN, "error": {"type": "ValueError", "message": ""}},
    {"kind": "node.skipped", **STAMP, "node": "model", "reason": "not taken"},
    {"kind": "node.cancelled", **SPAN, "reason": "stop"},
    {"kind": "node.retracted", **SPAN},
    {"kind": "log", **STAMP, "level": "info", "message": "hi"},
    {"kind": "note", **STAMP, "text": "look", "moment": 0.2},
    {"kind": "input.requested", **SPAN, "request": "q", "prompt": "sure?", "schema": {"type": "string"}},
    {"kind": "input.given", **SPAN, "request": "q", "value": False},
    {"kind": "run.finished", **STAMP, "output": "x"},
    {"kind": "run.failed", **STAMP, "error": {"type": "E", "message": "m"}, "node": "model"},
    {"kind": "run.cancelled", **STAMP},
]  # fmt: skip
DELTA = VALID[3]


@pytest.mark.parametrize("event", VALID, ids=lambda event: event["kind"])
def test_a_valid_event_comes_back_unchanged(event):
    before = copy.deepcopy(event)
    assert check_event(event) is event
    assert event == before


def test_an_unknown_kind_is_kept():
    event = {"kind": "node.sang", **STAMP, "song": "la"}
    assert check_event(event) is event


def test_unknown_fields_are_kept():
    assert check_event({**DELTA, "mood": "good"})["mood"] == "good"


@pytest.mark.parametrize("value", [None, "x", [], 3])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(EventError, match="JSON object"):
        check_event(value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": 3}, "kind"),
        ({"kind": ""}, "kind"),
        ({"seq": 0}, "seq"),
        ({"seq": True}, "seq"),
        ({"seq": "2"}, "seq"),
        ({"t": -0.1}, "t"),
        ({"t": float("nan")}, "t"),
        ({"t": float("inf")}, "t"),
        ({"span": 7}, "span"),
        ({"channel": "smell"}, "channel"),
        ({"text": None}, "text"),
        ({"cuts": [2, "3"]}, "cuts.1"),
        ({"cuts": [2, 2]}, "cuts"),
        ({"cuts": [6, -1]}, "cuts"),
        ({"dts": [0]}, "dts"),
        ({"dts": [0, 1]}, "dts"),
        ({"call": {"id": "c"}}, "call.index"),
    ],
)
def test_a_wrong_field_is_named(change, field):
    with pytest.raises(EventError) as caught:
        check_event({**DELTA, **change})
    assert caught.value.field == field
    assert field.split(".")[0] in str(caught.value)


@pytest.mark.parametrize("event", VALID, ids=lambda event: event["kind"])
def test_a_missing_seq_is_named(event):
    with pytest.raises(EventError) as caught:
        check_event({key: value for key, value in event.items() if key != "seq"})
    assert caught.value.field == "seq"


def test_a_wrong_node_of_a_graph_is_named_by_its_place():
    graph = {"nodes": [GRAPH["nodes"][0], {"id": "b", "title": "B", "type": "robot"}], "edges": []}
    with pytest.raises(EventError) as caught:
        check_event({"kind": "graph.changed", **STAMP, **graph})
    assert caught.value.field == "nodes.1.type"


def test_the_error_carries_the_event():
    event = {"kind": "log", **STAMP, "level": "loud", "message": ""}
    with pytest.raises(EventError) as caught:
        check_event(event)
    assert caught.value.event is event


def test_importing_the_check_does_not_import_pydantic():
    program = "import sys, json, lfwidget.model.check; print(json.dumps('pydantic' in sys.modules))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(out.stdout) is False
