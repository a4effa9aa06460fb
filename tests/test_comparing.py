"""Two runs side by side."""

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

import lfwidget as lf


def run_of(template, answer, name):
    model = lf.ScriptedModel([answer], tokens_per_second=None)
    chain = ChatPromptTemplate.from_template(template) | model | StrOutputParser()
    run = lf.Flow(chain, name="Tutor").run("How big is the Earth?", name=name)
    run.result()
    return run


@pytest.fixture
def both():
    first = run_of("Answer: {q}", "The Earth is big.", "plain")
    return first, run_of("Sing: {q}", "The Earth is very big.", "song")


def test_it_says_what_was_changed_and_what_came_of_it(both):
    compared = lf.compare(*both)
    assert "prompt: changed: template" in repr(compared)
    diff = compared.data["nodes"]["model"]["text_diff"]
    assert [words for op, words in diff if op == "+"] == ["very "] or ["+", " very"] in [list(piece) for piece in diff]


def test_it_is_a_page_without_a_script(both, tmp_path):
    html = lf.compare(*both).to_html(tmp_path / "both.html")
    assert (tmp_path / "both.html").read_text() == html
    assert "<script" not in html
    assert "<ins" in html


def test_an_opened_record_is_compared_as_any_run(both, tmp_path):
    opened = lf.open(both[0].save(tmp_path / "a.lfrun"))
    assert lf.compare(opened, both[1]).data["nodes"] == lf.compare(*both).data["nodes"]


def test_costs_are_compared_where_prices_are_known(both, monkeypatch):
    assert both[0].cost is None
    monkeypatch.setattr(lf.options, "prices", {"scripted": (1.0, 2.0)})
    assert both[0].cost > 0
    assert lf.compare(*both).data["nodes"]["model"]["delta"]["cost"] > 0
