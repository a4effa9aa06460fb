"""Two finished runs side by side: what is said to differ."""

import json
from itertools import combinations

import pytest
from compared import MODEL, chain_of, compared, error, node, run, two_flows, usage

from lfwidget.comparison.data import CARD, compare_states


def test_a_comparison_is_plain_json():
    comparison = compared(costs=({"model": 0.25}, None))
    assert json.loads(json.dumps(comparison)) == comparison


def test_the_heads_of_both_runs_are_in_it():
    a, b = (run(MODEL, [("model", 2.0, "Hi")], name=name) for name in ("first", None))
    heads = compare_states(a, b)["runs"]
    assert [head["name"] for head in heads] == ["first", None]
    assert heads[0]["usage"] == usage(1)
    assert (heads[0]["flow"], heads[0]["status"], heads[0]["duration"]) == ("tutor", "finished", 2.0)
    assert (heads[0]["input"], heads[0]["started_at"], heads[0]["error"]) == ("x", "2026-01-01", None)


def test_a_node_has_both_sides_and_what_is_between_them():
    found = compared(costs=({"model": 0.25}, {"model": 0.5}))["nodes"]["model"]
    assert found["in"] == [True, True]
    assert found["a"] == {
        "status": "finished",
        "duration": 2.0,
        "first_token": 1.0,
        "tokens": 4,
        "cost": 0.25,
        "text": "The Earth is big.",
    }
    assert found["delta"] == {"duration": -0.5, "first_token": -0.25, "tokens": 0, "cost": 0.25}
    assert found["text_diff"] == [["=", "The Earth is "], ["-", "big"], ["+", "small"], ["=", "."]]


def test_what_is_not_known_of_both_has_no_difference():
    found = compared(costs=({"model": 0.25}, None))["nodes"]
    assert found["model"]["delta"]["cost"] is None
    assert found["prompt"]["delta"] == {"duration": None, "first_token": None, "tokens": 0, "cost": None}


def test_differences_have_no_digits_that_no_clock_gave():
    a, b = (run(MODEL, [("model", seconds, "Hi")]) for seconds in (0.1, 0.3))
    assert compare_states(a, b)["nodes"]["model"]["delta"]["duration"] == 0.2


def test_a_node_without_text_is_compared_by_its_output_and_a_failed_one_by_its_error():
    a = run(MODEL, [("model", 1.0, {"output": {"type": "ai", "content": "from its output"}})])
    b = run(MODEL, [("model", 1.0, error("no key"))])
    found = compare_states(a, b)["nodes"]["model"]
    assert (found["a"]["text"], found["b"]["text"]) == ("from its output", "ValueError: no key")


def test_an_output_is_compared_to_its_end():
    a, b = (run(MODEL, [("model", 1.0, {"output": "x " * 5_000 + last})]) for last in ("big", "small"))
    assert compare_states(a, b)["nodes"]["model"]["text_diff"][1:] == [["-", "big"], ["+", "small"]]


def test_the_texts_of_the_runs_are_compared_and_else_their_outputs():
    assert compared()["output_diff"][1:3] == [["-", "big"], ["+", "small"]]
    a, b = run(MODEL, output="4"), run(MODEL, output="5")
    assert compare_states(a, b)["output_diff"] == [["-", "4"], ["+", "5"]]


def test_a_run_costs_what_its_known_cards_cost():
    graph = chain_of(node("f", "function"), node("g", "function"), node("f/model", parent="f", card=False))
    a = run(graph)
    costs = {"f": 1.0, "g": None, "f/model": 1.0, "stranger": 1.0}
    assert [head["cost"] for head in compare_states(a, a, costs=(costs, {}))["runs"]] == [1.0, None]


def changed(a, b):
    states = [run(chain_of(node("model", **more))) for more in (a, b)]
    return [(item["name"], item["a"], item["b"]) for item in compare_states(*states)["nodes"]["model"]["params"]]


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ({"temperature": 0}, {"temperature": 1}, [("temperature", 0, 1)]),
        ({"temperature": 0, "seed": 1}, {"seed": 1}, [("temperature", 0, None)]),
        ({"extra": {"top": {"k": 1, "p": 2}}}, {"extra": {"top": {"k": 1, "p": 3}}}, [("extra.top.p", 2, 3)]),
        ({"extra": {"k": 1}}, {}, [("extra.k", 1, None)]),
        ({"extra": {"k": 1}}, {"extra": 1}, [("extra", {"k": 1}, 1)]),
        ({"stop": ["a"]}, {"stop": ["a", "b"]}, [("stop", ["a"], ["a", "b"])]),
        ({"stream": True}, {"stream": 1}, [("stream", True, 1)]),
        ({"seed": None, "extra": {}}, {}, []),
    ],
)
def test_only_parameters_that_differ_are_listed_by_their_paths(a, b, found):
    assert changed({"params": a}, {"params": b}) == found


def test_another_model_is_a_difference_though_only_its_subtitle_says_so():
    assert changed({"subtitle": "gpt-4o"}, {"subtitle": "gpt-4o-mini"}) == [("subtitle", "gpt-4o", "gpt-4o-mini")]


# The graph of both


def test_the_graph_holds_the_nodes_of_both_and_b_says_what_they_are():
    graph = compare_states(*two_flows())["graph"]
    assert {one["id"]: one.get("subtitle") for one in graph["nodes"]} == {
        "prompt": None,
        "old": None,
        "new": None,
        "model": "large",
    }
    lines = {(edge["source"], edge["target"]) for edge in graph["edges"]}
    assert lines == {("prompt", "old"), ("old", "model"), ("prompt", "new"), ("new", "model")}


def test_a_node_of_one_run_has_no_other_side():
    nodes = compare_states(*two_flows())["nodes"]
    assert (nodes["old"]["in"], nodes["old"]["b"], nodes["old"]["params"]) == ([True, False], None, [])
    assert nodes["new"]["text_diff"] == [["+", "New"]]


def test_cards_have_room_for_two_columns_and_stand_apart():
    inner = [node("a", parent="frame"), node("b", parent="frame")]
    graph = chain_of(node("start", "start"), node("frame", "graph"), *inner, node("model"))
    state = run({**graph, "edges": [*graph["edges"], {"source": "frame", "target": "model"}]})
    cards = {one["id"]: one for one in compare_states(state, state)["graph"]["nodes"]}
    assert (cards["a"]["width"], cards["a"]["height"]) == CARD
    assert cards["frame"]["width"] > CARD[0]
    assert cards["model"]["x"] > cards["frame"]["x"] + cards["frame"]["width"]
    for one, other in combinations([cards["a"], cards["b"]], 2):
        assert abs(one["y"] - other["y"]) >= CARD[1]


def test_lines_that_went_round_smaller_cards_are_drawn_anew():
    loop = {"nodes": [node("agent"), node("tools", "tool")], "edges": [{"source": "agent", "target": "tools"}]}
    loop["edges"].append({"source": "tools", "target": "agent", "kind": "conditional"})
    state = run(loop)
    back = compare_states(state, state)["graph"]["edges"][1]
    assert all(y > CARD[1] for _, y in back["points"])
    assert back["points"] != state["graph"]["edges"][1]["points"]
