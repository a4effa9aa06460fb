"""Two finished runs side by side: what is said to differ, and what a notebook shows of it."""

import json
import random
import re
import time
from html.parser import HTMLParser
from itertools import combinations, pairwise
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfwidget.model.layout import layout
from lfwidget.model.state import RunState
from lfwidget.record.compare import compare_html, compare_states, diff_words
from lfwidget.record.compare_svg import CARD

HANG = 10.0
"""Seconds: a bound on hanging, no budget."""
FASTER = "\N{MINUS SIGN}500 ms (\N{MINUS SIGN}25 %)"
SVG = "{http://www.w3.org/2000/svg}"


def node(name, kind="model", **more):
    return {"id": name, "title": name.title(), "type": kind, **more}


def chain_of(*nodes):
    edges = [{"source": a["id"], "target": b["id"]} for a, b in pairwise(nodes) if not b.get("parent")]
    return {"nodes": list(nodes), "edges": edges}


def run(graph, says=(), *, end="run.finished", name=None, **fields):
    """The state of a run of `graph`; `says` are the nodes with their seconds and what ends them or what they say."""
    events = [
        {
            "kind": "run.started",
            "run_id": "r",
            "flow": "tutor",
            "name": name,
            "input": "x",
            "started_at": "2026-01-01",
            "graph": layout(graph),
        }
    ]
    t = 0.0
    for who, seconds, said in says:
        span = {"node": who, "span": f"{who}#1"}
        events.append({"kind": "node.started", "t": t, "attempt": 1, **span})
        if isinstance(said, str):
            delta = {"channel": "text", "text": said, "cuts": [len(said)], "dts": [0]}
            events.append({"kind": "node.delta", "t": t + seconds / 2, **span, **delta})
        ending = said if isinstance(said, dict) else {"usage": usage(len(said.split()))}
        t += seconds
        events.append({"kind": "node.finished", "t": t, "duration": seconds, **span, **ending})
    events.append({"kind": end, "t": t, **fields})
    return RunState({"seq": i, "t": 0.0, **event} for i, event in enumerate(events, 1)).to_json()


def usage(tokens):
    return {"input_tokens": 10, "output_tokens": tokens, "total_tokens": tokens + 10}


def error(words):
    return {"kind": "node.failed", "error": {"type": "ValueError", "message": words}}


MODEL = chain_of(node("prompt", "prompt"), node("model"))


def compared(a="The Earth is big.", b="The Earth is small.", costs=(None, None)):
    return compare_states(run(MODEL, [("model", 2.0, a)]), run(MODEL, [("model", 1.5, b)]), costs=costs)


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.attributes = [], [], {}
        self.marked, self.open = {"del": "", "ins": ""}, ""
        self.feed(html)
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open = tag
        self.attributes.update({f"{tag}.{name}": value for name, value in attrs})

    def handle_data(self, data):
        self.words.append(data)
        if self.open in self.marked:
            self.marked[self.open] += data

    def handle_endtag(self, tag):
        self.open = ""


def page(comparison, title="Tutor"):
    return Tags(compare_html(comparison, title))


def picture(comparison):
    src = page(comparison).attributes["img.src"]
    return ET.fromstring(unquote(src.removeprefix("data:image/svg+xml,")))


def drawn(comparison):
    return [element.text for element in picture(comparison).iter(f"{SVG}text")]


def sides(pieces):
    return tuple("".join(words for op, words in pieces if op in ("=", own)) for own in "-+")


# Words


TEXTS = st.lists(st.sampled_from(["the", "Earth", " ", "  ", "\n", ".", ",", "地", "球", "हिन्दी", "é", "\u2028"])).map(
    "".join
)


@settings(deadline=None)
@given(a=st.one_of(TEXTS, st.text()), b=st.one_of(TEXTS, st.text()))
def test_what_stays_and_what_goes_is_a_and_what_stays_and_what_comes_is_b(a, b):
    pieces = diff_words(a, b)
    assert sides(pieces) == (a, b)
    assert all(words for _, words in pieces)
    assert all(before != after for (before, _), (after, _) in pairwise(pieces))


@settings(deadline=None)
@given(text=TEXTS)
def test_a_text_is_the_same_as_itself(text):
    assert diff_words(text, text) == ([["=", text]] if text else [])


@pytest.mark.parametrize(
    ("a", "b", "pieces"),
    [
        ("The Earth is big", "The Earth is small", [["=", "The Earth is "], ["-", "big"], ["+", "small"]]),
        ("The Earth", "The Earth is big", [["=", "The Earth"], ["+", " is big"]]),
        ("Hello", "Well, Hello", [["+", "Well, "], ["=", "Hello"]]),
        ("one two six", "one 2 3 six", [["=", "one "], ["-", "two"], ["+", "2 3"], ["=", " six"]]),
        ("a big red ball", "a tiny blue ball", [["=", "a "], ["-", "big red"], ["+", "tiny blue"], ["=", " ball"]]),
        ("It is big.", "It is big!", [["=", "It is big"], ["-", "."], ["+", "!"]]),
        ("地球很大。", "地球不大。", [["=", "地球"], ["-", "很"], ["+", "不"], ["=", "大。"]]),
        ("हिन्दी है", "हिन्दू है", [["-", "हिन्दी"], ["+", "हिन्दू"], ["=", " है"]]),
        ("", "new", [["+", "new"]]),
    ],
)
def test_texts_are_compared_by_words_by_signs_and_by_chinese_characters(a, b, pieces):
    assert diff_words(a, b) == pieces


def many(count, words=5_000, seed=1, between=" "):
    chosen = random.Random(seed)
    return between.join(f"w{chosen.randrange(words)}" for _ in range(count))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (many(100_000), many(100_000, seed=2)),
        (many(100_000, between="\n"), many(100_000, seed=2, between="\n")),
        (many(100_000, words=2), many(100_000, words=2, seed=2)),
        ("是否" * 50_000, "否是" * 50_000),
        (many(4_000, words=2, between="\n"), many(4_000, words=2, seed=2, between="\n")),
        ("ab " * 50_000, "ab " * 49_999),
        (" \n" * 50_000, "\n " * 50_000),
        ("a " * 999 + "b", "c " + "a " * 999),
        (" ".join(f"x{i} k" for i in range(1_000)), " ".join(f"y{i} k" for i in range(1_000))),
    ],
    ids=["words", "lines", "two words", "characters", "two lines", "one word", "spaces", "shifted", "every other"],
)
def test_long_texts_are_compared_without_hanging(a, b):
    begun = time.monotonic()
    assert sides(diff_words(a, b)) == (a, b)
    assert time.monotonic() - begun < HANG


def test_a_word_that_changed_in_a_long_text_is_found():
    words = many(100_000).split()
    other = [*words[:50_000], "NEW", *words[50_001:]]
    assert [op for op, _ in diff_words(" ".join(words), " ".join(other))] == ["=", "-", "+", "="]


def test_words_that_changed_far_apart_in_a_long_text_are_found_by_its_lines():
    lines = [many(10, seed=i) for i in range(2_000)]
    other = [line.replace(" ", " NEW ", 1) if i in (5, 1_990) else line for i, line in enumerate(lines)]
    added = [words for op, words in diff_words("\n".join(lines), "\n".join(other)) if op == "+"]
    assert [words.strip() for words in added] == ["NEW", "NEW"]


# Data


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


def two_flows():
    a = chain_of(node("prompt", "prompt"), node("old"), node("model", subtitle="small"))
    b = chain_of(node("prompt", "prompt"), node("new"), node("model", subtitle="large"))
    return run(a, [("old", 1.0, "Old")]), run(b, [("new", 1.0, "New")])


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


# What a notebook shows


def test_both_runs_stand_in_the_head_with_what_changed():
    shown = page(compared(costs=({"model": 0.25}, {"model": 0.5}))).words
    assert {"Tutor", "A: tutor · ✓ done · 2.00 s · 14 tokens · cost 0.250000"} <= set(shown)
    assert f"Δ (B less A): {FASTER} · cost +0.250000" in shown


def test_the_table_has_a_row_for_the_run_and_for_each_card():
    shown = page(compared()).words
    assert {"whole run", "prompt", "model", "2.00 s", "1.50 s", FASTER} <= set(shown)


def test_there_are_columns_for_costs_only_where_one_is_known():
    assert "cost A" not in page(compared()).words
    assert {"cost A", "cost B"} <= set(page(compared(costs=({"model": 0.25}, None))).words)


def test_deleted_and_inserted_words_are_marked_by_more_than_colour():
    shown = page(compared())
    assert shown.marked == {"del": "bigbig", "ins": "smallsmall"}  # of the run, and of the node
    assert "line-through" in shown.attributes["del.style"]
    assert "underline" in shown.attributes["ins.style"]
    assert "rgba(" in shown.attributes["del.style"]


def test_a_node_of_one_run_says_so():
    comparison = compare_states(*two_flows())
    assert {"only in A", "only in B"} <= set(page(comparison).words)
    assert {"only in A", "only in B", "not in A", "not in B"} <= set(drawn(comparison))


def test_parameters_that_differ_are_shown_with_both_values():
    a, b = (run(chain_of(node("model", params=params))) for params in ({"top_p": 0.5, "stop": ["x"]}, {"top_p": 0.7}))
    shown = page(compare_states(a, b))
    assert "top_p: " in shown.words
    assert shown.marked == {"del": '0.5["x"]', "ins": "0.7"}
    assert "0.5 → 0.7" in shown.text


def test_long_parameters_are_compared_by_words():
    a, b = (run(chain_of(node("p", "prompt", params={"template": f"Be {how}."}))) for how in ("brief", "kind"))
    assert page(compare_states(a, b)).marked == {"del": "brief", "ins": "kind"}


def test_a_call_inside_a_function_has_a_row_where_another_parameter_was_chosen():
    def state(temperature):
        inner = node("f/model", parent="f", card=False, params={"temperature": temperature})
        return run(chain_of(node("f", "function"), inner))

    assert "f/model" in page(compare_states(state(0), state(1))).words
    assert "f/model" not in page(compare_states(state(0), state(0))).words


def test_a_long_stretch_that_is_the_same_is_shortened():
    same = " ".join(["word"] * 140)
    shown = page(compared(f"{same} big", f"{same} small")).text
    assert "… 130 words the same …" in shown
    assert shown.count("word ") < 50


def test_a_text_that_is_the_same_in_both_says_so():
    assert "the same: Hello" in page(compared("Hello", "Hello")).text


def test_a_long_comparison_is_cut_and_says_how_much_is_missing():
    shown = page(compared("", "x" * 4_500)).text
    assert "(500 more characters)" in shown
    assert shown.count("x") < 9_000


def test_a_status_other_than_done_is_told_in_the_row():
    a, b = run(MODEL, [("model", 1.0, error("no key"))]), run(MODEL, [("model", 1.0, "Hi")])
    assert {"A ✕ error", "B ✓ done"} <= set(page(compare_states(a, b)).words)


def test_a_frame_that_only_one_run_has_says_so_in_the_picture():
    inner = node("a", parent="frame")
    framed = {"nodes": [node("frame", "graph"), inner], "edges": []}
    shown = drawn(compare_states(run(framed), run({"nodes": [], "edges": []})))
    assert shown.count("only in A") == 2


def test_what_neither_run_came_to_says_nothing_of_it():
    assert "ready" not in page(compare_states(run(MODEL), run(MODEL))).text


def test_the_error_of_a_run_stands_in_its_head():
    a = run(MODEL, end="run.failed", error={"type": "GraphRecursionError", "message": "too many rounds"})
    assert "GraphRecursionError: too many rounds" in page(compare_states(a, run(MODEL))).text


def test_the_picture_has_both_runs_on_each_card():
    shown = drawn(compared())
    assert {"Model", f"Δ {FASTER}", "2.0 s", "1.5 s", "4 tok"} <= set(shown)
    assert {"The Earth is big.", "The Earth is small."} <= set(shown)
    assert shown.count("✓ done") == 2
    assert shown.count("A") == shown.count("B") == 2


def test_the_words_of_a_column_stay_in_it():
    shown = drawn(compared("word " * 200, "地球有多大" * 100))
    lines = [line for line in shown if line.startswith(("word", "地", "球", "有", "多", "大"))]
    assert max(len(line) for line in lines if line.startswith("word")) < 32
    assert max(len(line) for line in lines if not line.startswith("word")) <= 18
    assert len(lines) == 12


def test_the_picture_has_words_for_who_does_not_see_it():
    assert page(compared()).attributes["img.alt"].startswith("Tutor · A: tutor · ✓ done")


def test_nothing_needs_a_script_a_style_element_or_an_id():
    html = compare_html(compared(), "Tutor")
    assert not set(Tags(html).tags) & {"script", "style", "svg", "link"}
    assert not re.search(r"\sid=", html)


PAYLOADS = ["</td><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><b>', "a\x00b\ud800"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_model_or_a_user_says_stays_text(payload):
    graph = chain_of(node(payload, params={payload: payload}), node("other"))
    a = run(graph, [(payload, 1.0, payload)], name=payload)
    b = run(chain_of(node(payload, params={payload: 1})), [(payload, 1.0, error(payload))], name=payload)
    comparison = compare_states(a, b)
    shown = page(comparison, payload)
    allowed = {"div", "b", "i", "img", "table", "thead", "tbody", "tr", "th", "td", "del", "ins"}
    assert set(shown.tags) <= allowed
    tags = {element.tag.removeprefix(SVG) for element in picture(comparison).iter()}
    assert tags <= {"svg", "style", "title", "rect", "g", "path", "text"}


def test_empty_flows_are_compared_too():
    empty = run({"nodes": [], "edges": []})
    comparison = compare_states(empty, empty)
    assert (comparison["nodes"], comparison["output_diff"]) == ({}, [])
    assert "whole run" in page(comparison).words
