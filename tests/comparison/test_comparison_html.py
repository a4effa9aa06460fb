"""Two finished runs side by side: what a notebook shows of it."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from compared import MODEL, chain_of, compared, error, node, run, two_flows

from lfwidget.comparison.data import compare_states
from lfwidget.comparison.html import compare_html

FASTER = "\N{MINUS SIGN}500 ms (\N{MINUS SIGN}25 %)"
SVG = "{http://www.w3.org/2000/svg}"


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
    assert "A ✕ errorB ✓ done" in page(compare_states(a, b)).text


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
    allowed = {"div", "b", "i", "img", "table", "thead", "tbody", "tr", "th", "td", "del", "ins", "span"}
    assert set(shown.tags) <= allowed
    tags = {element.tag.removeprefix(SVG) for element in picture(comparison).iter()}
    assert tags <= {"svg", "style", "title", "rect", "g", "path", "text"}


def test_empty_flows_are_compared_too():
    empty = run({"nodes": [], "edges": []})
    comparison = compare_states(empty, empty)
    assert (comparison["nodes"], comparison["output_diff"]) == ({}, [])
    assert "whole run" in page(comparison).words
