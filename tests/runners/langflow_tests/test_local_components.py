"""Components that need more than lfx: frozen ones, other flows, MCP servers, models of many providers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lfx_flows import chat, flow, node, tool

import lfwidget as lf
from lfwidget.loading import load_flow
from lfwidget.runners.langflow.local.needs import PROVIDERS

pytestmark = [
    # lfx and what it imports warn of their own pasts.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::SyntaxWarning"),
]

LONG = 120.0
"""Seconds: the first run imports lfx."""


def counts():
    """A model that counts how often it was asked."""
    asked = []

    def answer(question):
        asked.append(question)
        return f"{len(asked)}: {question}"

    return lf.ScriptedModel(answer, tokens_per_second=None)


def says(text="All is well."):
    """A model that always says the same, at once."""
    return lf.ScriptedModel([text], tokens_per_second=None)


def agent(*tools):
    """An agent with tools."""
    nodes = [node("ChatInput", "In-a"), node("Agent", "Agent-a"), node("ChatOutput", "Out-a"), *tools]
    wires = [(each["id"], "component_as_tool", "Agent-a", "tools") for each in tools]
    return flow(
        nodes, ("In-a", "message", "Agent-a", "input_value"), ("Agent-a", "response", "Out-a", "input_value"), *wires
    )


def failed(run):
    """What is told of the node that failed, and of the run."""
    told = {event["kind"]: event for event in run.log.since(0)}
    assert told["run.failed"]["node"] == told["node.failed"]["node"]
    return told["node.failed"]["node"], told["node.failed"]["error"]["message"]


# Frozen nodes


def frozen(wired, *ids):
    for each in wired["data"]["nodes"]:
        each["data"]["node"]["frozen"] = each["id"] in ids
    return wired


def test_a_frozen_node_gives_again_what_it_gave_and_says_so():
    loaded, model = load_flow(frozen(chat(), "Model-a")), counts()
    assert loaded.run("one", model=model, session_id="a").result(timeout=LONG) == "1: one"
    for session in ("a", "b"):
        run = loaded.run("two", model=model, session_id=session)
        assert run.result(timeout=LONG) == "1: one"
        assert run.nodes["Chat Input"].output.text == "two"
        assert run.nodes["Model-a"].status == "finished"
        (remark,) = [e for e in run.log.since(0) if e["kind"] == "log" and e.get("node") == "Model-a"]
        assert remark["message"] == "frozen: it did not run, and gave what it gave in an earlier run"
        assert not [e for e in run.log.since(0) if e["kind"] == "node.delta"]


def test_each_flow_freezes_its_own_and_a_tweaked_node_runs_anew():
    wired, model = frozen(chat(), "Model-a"), counts()
    loaded = load_flow(wired)
    loaded.run("one", model=model).result(timeout=LONG)
    tweaked = loaded.run("two", model=model, tweaks={"Model-a": {"temperature": 0.5}})
    assert tweaked.result(timeout=LONG) == "2: two"
    assert load_flow(wired).run("three", model=model).result(timeout=LONG) == "3: three"
    assert loaded.run("four", model=model).result(timeout=LONG) == "1: one"


def test_a_node_that_failed_is_not_frozen():
    loaded = load_flow(frozen(chat(), "Model-a"))
    with pytest.raises(RuntimeError, match="not today"):
        loaded.run("one", model=lf.ScriptedModel([lf.Reply("", error=RuntimeError("not today"))])).result(timeout=LONG)
    assert loaded.run("two", model=says()).result(timeout=LONG) == "All is well."


def test_a_frozen_tool_works_in_every_run():
    def answer(question, messages):
        if messages[-1].type == "tool":
            return f"It is {messages[-1].text}."
        return lf.Reply(tool_calls=[{"name": "evaluate_expression", "args": {"expression": "6*9"}}])

    loaded = load_flow(frozen(agent(tool("CalculatorComponent", "Calculator-a")), "Calculator-a"))
    for _ in range(2):
        run = loaded.run("6*9?", model=lf.ScriptedModel(answer, tokens_per_second=None))
        assert "54" in run.result(timeout=LONG)
        assert run.nodes["Calculator-a"].status == "finished"


# Other flows


@pytest.mark.parametrize("kind", ["RunFlow", "SubFlow", "FlowTool"])
def test_a_component_that_runs_another_flow_says_where_it_can(kind):
    with pytest.raises(lf.ComponentError, match=r"needs LangFlow itself.*lf\.connect\(\)") as caught:
        load_flow(flow([node(kind, "Other-a")])).run()
    assert caught.value.node == "Other-a"


# MCP servers

MCP_SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("loud", log_level="ERROR")


@server.tool()
def shout(text: str) -> str:
    "Say it loudly."
    return text.upper() + "!"


server.run()
"""


@pytest.fixture
def program(tmp_path):
    """An MCP server that lfx starts, and ends five minutes after its last use."""
    (tmp_path / "loud.py").write_text(MCP_SERVER)
    # lfx starts programs of a few names only, "python" among them.
    python = Path(sys.executable).with_name("python")
    return {"name": "loud", "config": {"command": str(python), "args": [str(tmp_path / "loud.py")]}}


def mcp(server):
    """A tool of an MCP server, called by the flow itself."""
    made = node("MCPTools", "Mcp-a", mcp_server=server, tool="shout", text="hello")
    made["data"]["node"]["template"]["tool"]["show"] = True  # as LangFlow's page does once there are tools
    return flow([made])


def shouts(question, messages):
    if messages[-1].type == "tool":
        return f"It says {messages[-1].text}"
    return lf.Reply(tool_calls=[{"name": "shout", "args": {"text": question}}])


def test_a_program_is_started_for_whoever_trusts_the_flow_or_names_it(program):
    with pytest.raises(lf.UntrustedFlowError, match="starts a program"):
        load_flow(mcp(program)).run()
    trusted = load_flow(mcp(program), trust=True).run()
    assert trusted.result(timeout=LONG)["Mcp-a"]["response"][0]["text"] == "HELLO!"
    named = load_flow(mcp({"name": "loud", "config": {}})).run(tweaks={"Mcp-a": {"mcp_server": program}})
    assert named.result(timeout=LONG)["Mcp-a"]["response"][0]["text"] == "HELLO!"


def test_an_agent_calls_a_tool_of_an_mcp_server(program):
    loaded = load_flow(agent(tool("MCPTools", "Mcp-a", mcp_server=program)), trust=True)
    run = loaded.run("hello", model=lf.ScriptedModel(shouts, tokens_per_second=None))
    assert "HELLO!" in run.result(timeout=LONG)
    (started,) = [e for e in run.log.since(0) if e["kind"] == "node.started" and e["node"] == "Mcp-a"]
    assert started["input"] == {"text": "hello"}


@pytest.mark.parametrize("made", [mcp, lambda server: agent(tool("MCPTools", "Mcp-a", mcp_server=server))])
def test_a_server_that_only_langflows_settings_know_is_asked_for(made):
    run = load_flow(made({"name": "loud", "config": {}})).run(model=says())
    with pytest.raises(lf.ComponentError, match=r'tweaks=\{"Mcp-a": \{"mcp_server"'):
        run.result(timeout=LONG)
    node, words = failed(run)
    assert node == "Mcp-a"
    assert "lf.connect()" in words


def test_a_server_that_does_not_answer_is_named_with_the_reason():
    run = load_flow(mcp({"name": "loud", "config": {"url": "http://127.0.0.1:1/mcp"}})).run()
    with pytest.raises(lf.ComponentError, match=r"'loud' at http://127\.0\.0\.1:1/mcp failed.*ConnectError"):
        run.result(timeout=LONG)
    assert failed(run)[0] == "Mcp-a"


# Models of many providers


def chosen(provider):
    """A model, as LangFlow's page stores it."""
    return [{"name": "a-model", "provider": provider, "icon": provider, "metadata": {}}]


@pytest.mark.parametrize(
    ("provider", "package"),
    [
        ("Anthropic", "langchain-anthropic"),
        ("Google Generative AI", "langchain-google-genai"),
        ("Groq", "langchain-groq"),
        ("Ollama", "langchain-ollama"),
    ],
)
def test_the_package_of_a_provider_is_named_before_the_run_and_not_needed_with_a_model(provider, package):
    loaded = load_flow(chat(model=chosen(provider)))
    with pytest.raises(lf.MissingExtraError, match=f"'Language Model'.* Run: pip install {package}$"):
        loaded.run("Hi")
    assert loaded.run("Hi", model=says()).result(timeout=LONG) == "All is well."
    assert load_flow(chat(model=chosen(provider)), model=says()).run("Hi").result(timeout=LONG) == "All is well."


def test_the_provider_that_a_tweak_chooses_counts():
    loaded = load_flow(chat(model=chosen("OpenAI"), api_key="sk-not-a-key-0123456789"))
    with pytest.raises(lf.MissingExtraError, match="pip install langchain-groq"):
        loaded.run("Hi", tweaks={"Model-a": {"model": chosen("Groq")}})


def test_a_model_of_embeddings_is_not_replaced_by_a_chat_model():
    embeds = node("EmbeddingModel", "Embed-a", model=chosen("OpenAI"), api_key="sk-not-a-key-0123456789")
    run = load_flow(flow([embeds])).run(model=says())
    run.result(timeout=LONG)
    assert "OpenAIEmbeddings" in str(run.nodes["Embed-a"].output) + type(run.nodes["Embed-a"].output).__name__
    embeds["data"]["node"]["template"]["model"]["value"] = chosen("Ollama")
    with pytest.raises(lf.MissingExtraError, match="pip install langchain-ollama"):
        load_flow(flow([embeds])).run(model=says())


def test_the_packages_of_providers_are_those_that_lfx_imports():
    from lfx.base.models.model_metadata import MODEL_PROVIDER_METADATA
    from lfx.base.models.unified_models.class_registry import _MODEL_CLASS_IMPORTS

    def package(provider):
        module, _, hint = _MODEL_CLASS_IMPORTS[MODEL_PROVIDER_METADATA[provider]["mapping"]["model_class"]]
        return hint.replace("-", "_") if module.startswith("lfx.") else module.partition(".")[0]

    assert {provider: package(provider) for provider in MODEL_PROVIDER_METADATA} == PROVIDERS
