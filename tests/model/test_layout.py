import copy
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfwidget.model.layout import CARD, PILL, layout
from lfwidget.model.measure import text_width


def node(node_id, **more):
    return {"id": node_id, "title": node_id, "type": "function", **more}


def edges(text):
    return [dict(zip(("source", "target"), pair.split(">"), strict=True)) for pair in text.split()]


def flow(names, lines, **parents):
    nodes = [node(name, **({"parent": parents[name]} if name in parents else {})) for name in names.split()]
    return {"nodes": nodes, "edges": edges(lines)}


def placed(graph):
    return {one["id"]: one for one in layout(graph)["nodes"]}


def middle(one):
    return one["y"] + one["height"] / 2


def overlap(a, b):
    return (
        a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
        and a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
    )


def inside(a, frame):
    return (
        a["x"] >= frame["x"]
        and a["y"] >= frame["y"] + 34
        and a["x"] + a["width"] <= frame["x"] + frame["width"]
        and a["y"] + a["height"] <= frame["y"] + frame["height"]
    )


def holds(one, x, y):
    return one["x"] < x < one["x"] + one["width"] and one["y"] < y < one["y"] + one["height"]


@st.composite
def flows(draw):
    """Graphs with frames in frames, loops, self loops, parts that nothing joins, and nodes without a card."""
    count = draw(st.integers(1, 14))
    nodes = []
    for i in range(count):
        more = {}
        if i and draw(st.booleans()):
            more["parent"] = f"n{draw(st.integers(0, i - 1))}"
        if draw(st.integers(0, 9)) == 0:
            more["card"] = False
        if draw(st.integers(0, 5)) == 0:
            more["type"] = "start"
        nodes.append(node(f"n{i}", **more))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=20))
    lines = [{"source": f"n{a}", "target": f"n{b}"} for a, b in pairs]
    return {"nodes": nodes, "edges": lines}


@settings(max_examples=200, deadline=None)
@given(graph=flows())
def test_cards_do_not_overlap_and_stay_in_their_frames(graph):
    cards = {one["id"]: one for one in layout(graph)["nodes"] if one.get("card", True)}
    parents = {one["id"]: one.get("parent") if one.get("parent") in cards else None for one in cards.values()}
    for a, b in combinations(cards.values(), 2):
        if parents[a["id"]] == parents[b["id"]]:
            assert not overlap(a, b), (a, b)
    for one in cards.values():
        if parents[one["id"]] is not None:
            assert inside(one, cards[parents[one["id"]]])


@settings(max_examples=200, deadline=None)
@given(graph=flows())
def test_lines_pass_between_the_cards(graph):
    drawn = layout(graph)
    cards = {one["id"]: one for one in drawn["nodes"] if one.get("card", True)}
    for edge in drawn["edges"]:
        parent = cards.get(edge["source"], {}).get("parent")
        beside = [one for one in cards.values() if one.get("parent") == parent]
        for x, y in edge.get("points", []):
            assert not any(holds(one, x, y) for one in beside), (edge, x, y)


@settings(deadline=None)
@given(graph=flows())
def test_the_same_flow_is_always_drawn_the_same(graph):
    before = copy.deepcopy(graph)
    assert layout(graph) == layout(before)
    assert graph == before


@settings(deadline=None)
@given(graph=flows())
def test_what_has_its_positions_is_left_alone(graph):
    drawn = layout(graph)
    assert layout(drawn) is drawn


@settings(deadline=None)
@given(graph=flows())
def test_nothing_is_lost(graph):
    drawn = layout(graph)
    assert [one["id"] for one in drawn["nodes"]] == [one["id"] for one in graph["nodes"]]
    assert [(e["source"], e["target"]) for e in drawn["edges"]] == [(e["source"], e["target"]) for e in graph["edges"]]


def test_an_empty_flow_stays_empty():
    assert layout({"nodes": [], "edges": []}) == {"nodes": [], "edges": []}


def test_a_chain_is_a_straight_line_from_left_to_right():
    cards = placed(flow("a b c", "a>b b>c"))
    assert {one["y"] for one in cards.values()} == {0}
    assert [one["x"] for one in cards.values()] == sorted({one["x"] for one in cards.values()})


def test_cards_and_pills_have_their_sizes():
    graph = flow("a b", "a>b")
    graph["nodes"][0]["type"] = "start"
    cards = placed(graph)
    assert (cards["a"]["width"], cards["a"]["height"]) == PILL
    assert (cards["b"]["width"], cards["b"]["height"]) == CARD
    assert middle(cards["a"]) == middle(cards["b"])


def test_the_ways_of_a_branch_stand_symmetrically():
    cards = placed(flow("ask a b c join", "ask>a ask>b ask>c a>join b>join c>join"))
    assert middle(cards["ask"]) == middle(cards["b"]) == middle(cards["join"])
    assert cards["a"]["x"] == cards["b"]["x"] == cards["c"]["x"]


def test_parallel_chains_are_straight_however_long_they_are():
    cards = placed(flow("in a a2 a3 b b2 c join", "in>a a>a2 a2>a3 a3>join in>b b>b2 b2>join in>c c>join"))
    assert cards["a"]["y"] == cards["a2"]["y"] == cards["a3"]["y"]
    assert cards["b"]["y"] == cards["b2"]["y"]


@pytest.mark.parametrize("where", ["label", "target_port"])
def test_words_at_an_edge_have_room(where):
    def gap(words):
        graph = {"nodes": [node("a"), node("b")], "edges": [{"source": "a", "target": "b", where: words}]}
        a, b = layout(graph)["nodes"]
        return b["x"] - a["x"] - a["width"]

    assert gap("joke") == gap("")
    assert gap("retrieved_documents") > text_width("retrieved_documents", 11)
    assert gap("x" * 500) < 200


def test_a_fallback_stands_before_what_comes_next():
    drawn = layout(flow("model model-2 parser", "model>model-2 model>parser model-2>parser"))
    first, second, third = (one["x"] for one in drawn["nodes"])
    assert first < second < third
    assert drawn["edges"][1]["points"]


def test_a_loop_goes_back_under_the_cards():
    drawn = layout(flow("agent tools", "agent>tools tools>agent"))
    below = max(one["y"] + one["height"] for one in drawn["nodes"])
    assert "points" not in drawn["edges"][0]
    assert all(y > below for _, y in drawn["edges"][1]["points"])


def test_a_step_that_feeds_itself_is_drawn_once():
    drawn = layout(flow("a", "a>a"))
    assert all(y > CARD[1] for _, y in drawn["edges"][0]["points"])


def test_what_no_line_joins_stands_in_rows():
    cards = placed(flow("tools " + " ".join(f"t{i}" for i in range(9)), "", **{f"t{i}": "tools" for i in range(9)}))
    assert len({one["x"] for name, one in cards.items() if name != "tools"}) == 3


def test_a_node_without_a_card_has_no_place():
    graph = flow("a b", "a>b", b="a")
    graph["nodes"][1]["card"] = False
    assert "x" not in placed(graph)["b"]


def test_a_node_whose_parent_is_unknown_stands_on_the_canvas():
    assert placed(flow("a b", "", b="nowhere"))["b"]["width"] == CARD[0]


@pytest.mark.parametrize("count", [1000])
def test_a_long_chain_needs_no_deep_stack(count):
    graph = flow(" ".join(f"n{i}" for i in range(count)), " ".join(f"n{i}>n{i + 1}" for i in range(count - 1)))
    assert len({one["x"] for one in layout(graph)["nodes"]}) == count
