import ast
import hashlib
import re
import subprocess
import sys

import pytest
from exports import chat, component, edge, export, field, output
from hypothesis import given
from hypothesis import strategies as st
from servers.openai_server import Script

import lfwidget as lf
from lfwidget.runners.langflow.export import read_export
from lfwidget.runners.langflow.to_python import to_python

GPT = [{"name": "gpt-4o-mini", "provider": "OpenAI"}]


def written(made):
    return to_python(read_export(made))


@pytest.fixture
def server(openai_server, monkeypatch):
    openai_server.script = Script(tokens=["forty ", "thousand"])
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_BASE", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    return openai_server


def test_a_chat_becomes_langchain_code_that_gives_the_models_answer(server, tmp_path):
    program = tmp_path / "short_answers.py"
    program.write_text(written(chat(GPT)))
    said = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert said.stdout == "forty thousand\n"
    asked = server.requests[0]
    assert [message["content"] for message in asked["messages"]] == ["Answer shortly, in ten words.", "Hello"]
    assert (asked["model"], asked["temperature"]) == ("gpt-4o-mini", 0.5)


def test_the_code_is_a_flow_itself(server):
    names = {}
    exec(written(chat(GPT)), names)
    run = lf.Flow(names["short_answers"]).run("How far is it around?")
    assert run.result() == "forty thousand"
    assert any(node.text == "forty thousand" for node in run.nodes.values())


def test_a_model_that_is_not_chosen_is_left_to_the_reader():
    assert 'init_chat_model("gpt-4o-mini"' in written(chat())
    assert "# the flow leaves the choice to you" in written(chat())


def test_no_key_is_written():
    made = chat(GPT)
    template = made["data"]["nodes"][3]["data"]["node"]["template"]
    template["api_key"]["value"] = "sk-a-secret-of-mine"
    assert "sk-a-secret" not in written(made)
    assert 'os.environ["LANGUAGE_MODEL_API_KEY"]' in written(made)
    template["api_key"] |= {"value": "MY_KEY", "load_from_db": True}
    assert 'os.environ["MY_KEY"]' in written(made)


def test_a_key_that_stands_elsewhere_is_masked():
    made = chat(GPT)
    key = "sk-abcdefghijklmnopqrstuvwxyz012345"
    made["data"]["nodes"][2]["data"]["node"]["template"]["tone"]["value"] = f"as {key} says"
    node = component("Mine-b", "Mine", [], auth_token=field("hunter2hunter2"), code=field(f"KEY = {key!r}\n"))
    made["data"]["nodes"].append(node)
    code = written(made)
    assert "graph.add_component" in code
    assert key not in code
    assert "hunter2" not in code
    assert 'auth_token=os.environ["MINE_AUTH_TOKEN"]' in code


def test_no_variable_hides_another_or_what_python_has():
    made = chat(GPT)
    made["name"] = "Class"
    for node, title in zip(made["data"]["nodes"], ["Input", "Style text", "Style", "Print", "Run"], strict=True):
        node["data"]["node"]["display_name"] = title
    names = {node.id for node in ast.walk(ast.parse(written(made))) if isinstance(node, ast.Name)}
    stored = [
        node.id
        for node in ast.walk(ast.parse(written(made)))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    assert len(stored) == len(set(stored))
    assert not {"input", "class", "run"} & names


def test_several_outputs_are_given_by_title():
    made = chat(GPT)
    made["data"]["nodes"].append(component("ChatOutput-z", "The style", [], input_value=field()))
    made["data"]["edges"].append(edge("Prompt-b", "prompt", "ChatOutput-z", "input_value"))
    assert 'return {"Chat Output": chat_output, "The style": the_style}' in written(made)


def test_anything_else_becomes_a_graph_of_lfx():
    made = export(
        [
            component("ChatInput-a", "Chat Input", [output("message", "message_response")], input_value=field("Hi")),
            component("Mine-b", "Mine", [output("said", "say")], words=field(), code=field("class Mine: ...\n")),
        ],
        [edge("ChatInput-a", "message", "Mine-b", "words")],
    )
    code = written(made)
    assert "MINE_CODE = r'''class Mine: ...\n'''" in code
    assert "words=chat_input.message_response," in code
    assert "graph.add_component(mine)" in code
    ast.parse(code)


def test_a_group_has_no_python():
    grouped = component("Group-a", "Group", [])
    grouped["data"]["node"]["flow"] = {"data": chat()["data"]}
    with pytest.raises(lf.FlowFormatError, match="ungroup it"):
        written(export([grouped], []))


PAYLOADS = [
    "x import y\nimport os  # .Z",
    "lfx.a\nopen('canary', 'w')\nimport lfx.B",
    "a=open('canary', 'w'), b",
    "a)\nopen('canary', 'w')\n(",
    "message_response() or open('canary', 'w')",
    "class",
    '"""\nopen("canary", "w")\n"""',
    "'''+open('canary', 'w')+'''",
]
words = st.one_of(st.text(), st.sampled_from(PAYLOADS))


@given(words, words, words)
def test_whatever_a_flow_says_the_code_is_python_and_says_the_same(name, template, title):
    made = chat(GPT)
    made["name"] = name
    style = made["data"]["nodes"][2]["data"]["node"]
    style["template"]["tone"]["value"] = template
    style["display_name"] = title
    tree = ast.parse(written(made))
    assert template in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


@given(st.fixed_dictionaries(dict.fromkeys(("module", "field", "method", "output", "title", "value", "id"), words)))
def test_nothing_of_a_strangers_flow_becomes_code(said):
    """Every call in what is written is one that we write, and every import one of ours or of lfx."""
    source, target = f"A-{said['id']}", "B-1"
    first = component(source, said["title"], [output(said["output"], said["method"])], code=field("x = 1"))
    digest = hashlib.sha256(b"x = 1").hexdigest()[:12]
    first["data"]["node"]["metadata"] = {"module": said["module"], "code_hash": digest}
    second = component(target, "B", [], **{f"f{said['field']}": field(said["value"])}, code=field(said["value"]))
    made = export([first, second], [edge(source, said["output"], target, said["field"])], said["title"])
    try:
        code = written(made)
    except lf.FlowFormatError:
        return
    tree = ast.parse(code)
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert plain <= {"asyncio", "os"}
    assert all(re.fullmatch(r"lfx(\.\w+)+|collections\.abc", module) for module in modules)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {each.id if isinstance(each, ast.Name) else each.attr for each in called if not isinstance(each, ast.Call)}
    assert called <= {"set", "build", "run", "print", "getattr", "values", "get", "as_tool", *imported} | {
        *("add_component", "async_start", "_append_tool_to_outputs_map")
    }
