"""LangFlow's own starter projects, each run in this process as far as it can be, without a network."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from starters import starters

import lfwidget as lf
from lfwidget.loading import load_flow

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::SyntaxWarning"),
]

LONG = 120.0

RUN = (
    "Basic Prompting",
    "Blog Writer",
    "Custom Component Generator",
    "Deep Research Agent",
    "Image Sentiment Analysis",
    "Instagram Copywriter",
    "Memory Chatbot",
    "Multi Agent Flow",
    "Price Deal Finder",
    "SEO Keyword Generator",
    "Sequential Tasks Agents",
    "Simple Agent",
    "Social Media Agent",
    "Travel Planning Agents",
    "Twitter Thread Generator",
)

REASONS = {
    "Content Aggregator": (lf.ComponentError, "needs LangFlow itself"),
    "Document Q&A": (RuntimeError, "requires Langflow's application services"),
    "Financial Report Parser": (ValueError, "No files to process"),
    "Hybrid Search RAG": (lf.UntrustedFlowError, "AstraDB"),
    "Knowledge Retrieval": (RuntimeError, "requires Langflow's application services"),
    "Market Research": (lf.MissingExtraError, "pip install trustcall"),
    "Meeting Summary": (lf.UntrustedFlowError, "AssemblyAITranscriber"),
    "Portfolio Website Code Generator": (ValueError, "No files to process"),
    "Research Translation Loop": (lf.UntrustedFlowError, "ArXivComponent"),
    "SaaS Pricing": (lf.MissingExtraError, "pip install langchain-community"),
    "Text Sentiment Analysis": (ValueError, "No files to process"),
    "Vector Store RAG": (RuntimeError, "requires Langflow's application services"),
}

WITH_A_FILE = [name for name, (_, words) in REASONS.items() if "files" in words]

FOREIGN = {"Hybrid Search RAG", "Meeting Summary", "Research Translation Loop"}
"""These have components of bundles that are not installed here."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing leaves this machine."""
    real = socket.socket.connect

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            raise OSError(f"no network in tests: {address}")
        return real(self, address)

    def look_up(host, *_, **__):
        raise socket.gaierror(f"no network in tests: {host}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def load(name, **options):
    return load_flow(starters()[name], **options)


def start(flow, text="Hello"):
    model = lf.ScriptedModel(["One two three."], tokens_per_second=None)
    return flow.run(text if flow.form["kind"] == "text" else None, model=model)


def test_every_starter_is_known_here():
    assert set(starters()) == {*RUN, *REASONS}


@pytest.mark.parametrize("name", RUN)
def test_a_starter_runs_to_its_end_and_every_model_in_it_streams(name):
    flow = load(name)
    run = start(flow)
    assert "One two three." in str(run.result(timeout=LONG))
    models = {key for key, kind in components(name).items() if kind in ("Agent", "LanguageModelComponent")}
    spoke = {e["node"] for e in run.log.since(0) if e["kind"] == "node.delta"}
    assert models == spoke
    assert all(node.tokens == 3 for key, node in run.nodes.items() if key in models)
    told = {e["node"] for e in run.log.since(0) if e["kind"] in ("node.finished", "node.skipped")}
    assert told == set(components(name))


@pytest.mark.parametrize("name", REASONS)
def test_a_starter_that_cannot_run_says_why(name):
    kind, words = REASONS[name]
    with pytest.raises(kind, match=words):
        start(load(name)).result(timeout=LONG)


@pytest.mark.parametrize("name", WITH_A_FILE)
def test_a_starter_that_wants_a_file_runs_with_one(name, tmp_path):
    (tmp_path / "notes.txt").write_text("A small text.")
    flow = load(name)
    given = {key: {"path": [str(tmp_path / "notes.txt")]} for key, kind in components(name).items() if kind == "File"}
    run = flow.run(model=lf.ScriptedModel(["One two three."], tokens_per_second=None), tweaks=given)
    run.result(timeout=LONG)
    assert run.text == "One two three."


@pytest.mark.parametrize("name", sorted({*RUN, *REASONS} - FOREIGN))
def test_a_starter_has_no_code_but_langflows(name):
    from lfwidget.runners.langflow.local.trust import trusted_flow

    assert trusted_flow(json.loads(starters()[name].read_text()), False)


def test_the_loop_of_the_translation_starter_runs_with_papers_that_are_here():
    from lfx_flows import node, wire

    raw = json.loads(starters()["Research Translation Loop"].read_text())
    nodes = raw["data"]["nodes"]
    arxiv = next(each for each in nodes if each["data"].get("type") == "ArXivComponent")
    papers = node("SplitText", arxiv["id"], separator="; ", chunk_size=5, chunk_overlap=0)
    arxiv["data"].update(papers["data"])
    question = next(each["id"] for each in nodes if each["data"].get("type") == "ChatInput")
    theirs = [edge for edge in raw["data"]["edges"] if arxiv["id"] not in (edge["source"], edge["target"])]
    loop = next(each["id"] for each in nodes if each["data"].get("type") == "LoopComponent")
    ours = [(question, "message", arxiv["id"], "data_inputs"), (arxiv["id"], "dataframe", loop, "data")]
    raw["data"]["edges"] = theirs + [wire([each for each in nodes if each["type"] != "noteNode"], *it) for it in ours]
    run = start(load_flow(raw), "First; Second")
    assert "One two three." in str(run.result(timeout=LONG))
    turns = [span for key, each in run.nodes.items() if key.startswith("LanguageModel") for span in each.spans]
    assert [span.text for span in turns] == ["One two three."] * 2


def components(name):
    nodes = json.loads(starters()[name].read_text())["data"]["nodes"]
    return {node["id"]: node["data"].get("type") for node in nodes if node["type"] != "noteNode"}


def test_the_table_in_the_readme_says_the_same():
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    rows = {row.split(" | ")[0].strip("| "): row for row in readme.splitlines() if row.count(" | ") == 4}
    ran = {name for name, row in rows.items() if row.split(" | ")[3] == "✓"}
    assert set(rows) >= set(starters()) == {*RUN, *REASONS}
    assert ran == {*RUN, *WITH_A_FILE}
