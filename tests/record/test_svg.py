"""The picture of a flow and of a run."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from lfwidget.record.svg import to_svg

SVG = "{http://www.w3.org/2000/svg}"


def graph(*titles):
    nodes = [
        {"id": title, "title": title, "type": "model", "x": 300.0 * i, "y": 0.0, "width": 230.0, "height": 132.0}
        for i, title in enumerate(titles)
    ]
    edges = [{"source": a, "target": b} for a, b in pairwise(titles)]
    return {"nodes": nodes, "edges": edges}


def words(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_flow_is_drawn_before_any_run():
    svg = to_svg(graph("prompt", "model"))
    assert {"prompt", "model", "○ ready"} <= set(words(svg))


def test_a_finished_node_shows_its_word_time_tokens_and_text():
    state = {"model": {"status": "finished", "duration": 1.25, "tokens": 7, "text": "The Earth is big."}}
    assert {"✓ done", "1.2 s", "7 tok", "The Earth is big."} <= set(words(to_svg(graph("model"), state)))


def test_a_failed_node_shows_its_error_instead_of_its_text():
    state = {"model": {"status": "failed", "text": "partial", "error": {"type": "ValueError", "message": "boom"}}}
    shown = words(to_svg(graph("model"), state))
    assert "boom" in shown
    assert "partial" not in shown


def test_text_wraps_into_the_card_and_says_that_more_follows():
    state = {"model": {"status": "finished", "text": "word " * 200}}
    lines = [line for line in words(to_svg(graph("model"), state)) if line.startswith("word")]
    assert 3 <= len(lines) <= 5
    assert lines[-1].endswith("…")
    assert max(map(len, lines)) < 40


def test_wide_characters_take_the_room_of_two():
    state = {"model": {"status": "finished", "text": "地球有多大" * 40}}
    lines = [line for line in words(to_svg(graph("model"), state)) if line.startswith(("地", "球", "有", "多", "大"))]
    assert max(map(len, lines)) <= 20


@pytest.mark.parametrize("length", range(12, 24))
def test_no_line_begins_with_a_sign_that_ends_one(length):
    state = {"model": {"status": "finished", "text": ("天" * length + "。") * 2}}
    assert not [line for line in words(to_svg(graph("model"), state)) if line.startswith("。")]


DRAWN = {"svg", "style", "title", "rect", "g", "path", "text"}
PAYLOADS = ["</svg><script>alert(1)</script>", '"><img src=x onerror=1>', "a\x00b\ud800\u2028"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_model_says_stays_text(payload):
    svg = to_svg(graph(payload), {payload: {"status": "finished", "text": payload}}, title=payload)
    tree = ET.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= DRAWN


def test_an_edge_starts_and_ends_at_the_cards():
    tree = ET.fromstring(to_svg(graph("a", "b")))
    (edge,) = (path for path in tree.iter(f"{SVG}path") if path.get("class") == "l")
    assert edge.get("d").startswith("M230 66")
    assert edge.get("d").endswith("300 66")


def test_a_call_without_a_card_is_not_drawn():
    drawn = graph("a")
    drawn["nodes"].append({"id": "a/model", "title": "inner", "type": "model", "parent": "a", "card": False})
    assert "inner" not in words(to_svg(drawn))
