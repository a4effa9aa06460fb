"""What a notebook shows of a run where no widget can live."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from lfwidget.model.layout import layout
from lfwidget.model.state import RunState
from lfwidget.record.html import flow_html, run_html

GRAPH = layout(
    {
        "nodes": [
            {"id": "start", "title": "start", "type": "start"},
            {"id": "model", "title": "Model", "type": "model"},
            {"id": "parser", "title": "Parser", "type": "parser"},
        ],
        "edges": [{"source": "start", "target": "model"}, {"source": "model", "target": "parser"}],
    }
)


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.attributes = [], [], {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.update({f"{tag}.{name}": value for name, value in attrs})

    def handle_data(self, data):
        self.words.append(data)


def run_state(text="Hello", end="run.finished", **fields):
    events = [
        {
            "kind": "run.started",
            "run_id": "r",
            "flow": "f",
            "input": "x",
            "started_at": "",
            "graph": GRAPH,
            "format": 1,
        },
        {"kind": "node.started", "node": "model", "span": "model#1", "attempt": 1},
        {
            "kind": "node.delta",
            "node": "model",
            "span": "model#1",
            "channel": "text",
            "text": text,
            "cuts": [len(text)],
            "dts": [0],
        },
        {"kind": "node.finished", "node": "model", "span": "model#1", "duration": 2.0, "usage": {"output_tokens": 4}},
        {"kind": end, **fields},
    ]
    return RunState({"seq": i, "t": i / 2, **event} for i, event in enumerate(events, 1)).to_json()


def test_a_run_is_a_picture_and_a_table():
    page = Tags(run_html(run_state(), "Tutor"))
    assert {"img", "table"} <= set(page.tags)
    assert {"Tutor", "model", "✓", " done", "Hello"} <= set(page.words)
    assert page.attributes["img.alt"].startswith("Tutor · ✓ done")


def test_a_mask_says_what_it_is_to_whoever_points_at_it():
    page = Tags(run_html(run_state("your key is •••"), "Tutor"))
    assert page.attributes["span.title"] == "••• stands for a secret"
    assert "your key is •••" in "".join(page.words)


def test_what_is_asked_stands_above_the_picture():
    asked = run_state(end="input.requested", node="model", span="model#1", request="q", prompt="Shall <b>I</b>?")
    assert "model asks: Shall <b>I</b>?" in Tags(run_html(asked, "Tutor")).words


def test_an_error_that_belongs_to_no_node_stands_above_the_picture():
    error = {"type": "GraphRecursionError", "message": "too many rounds"}
    failed = run_state(end="run.failed", error=error)
    assert "GraphRecursionError: too many rounds" in Tags(run_html(failed, "Tutor")).words


def test_the_pills_of_a_graph_have_no_row():
    assert "start" not in Tags(run_html(run_state(), "Tutor")).words


def test_the_picture_is_an_svg_that_carries_the_text():
    src = Tags(run_html(run_state("Hello there"), "Tutor")).attributes["img.src"]
    assert "Hello there" in unquote(src.removeprefix("data:image/svg+xml,"))


def test_nothing_needs_a_script_a_style_element_or_an_id():
    html = run_html(run_state(), "Tutor")
    assert not set(Tags(html).tags) & {"script", "style", "svg", "link"}
    assert not re.search(r"\sid=", html)


@pytest.mark.parametrize("payload", ["</td><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><b>'])
def test_what_a_model_or_a_user_says_stays_text(payload):
    page = Tags(run_html(run_state(payload), payload))
    assert set(page.tags) <= {"div", "b", "img", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert payload in "".join(page.words)


def test_long_text_is_cut_and_says_how_much_is_missing():
    assert "(500 more characters)" in run_html(run_state("x" * 2500), "Tutor")


def test_a_flow_is_a_picture_that_names_its_nodes():
    assert Tags(flow_html(GRAPH, "Tutor")).attributes["img.alt"] == "Tutor: start, Model, Parser"
