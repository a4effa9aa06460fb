"""LangFlow's starter projects as Python: the code runs, and gives what the flow gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from servers.openai_server import Script
from starters import starters

import lfwidget as lf

CHOSEN = [
    {
        "name": "gpt-4o-mini",
        "provider": "OpenAI",
        "metadata": {"model_class": "ChatOpenAI", "model_name_param": "model", "api_key_param": "api_key"},
    }
]
SAID = ("forty ", "thousand ", "kilometres")
PROJECTS = ["Basic Prompting", "Blog Writer", "Memory Chatbot", "SEO Keyword Generator", "Simple Agent"]
"""Chains and agents with tools; all of those that run give the same, at five seconds each."""


def chosen(name):
    """A starter project in which somebody has chosen a model."""
    flow = json.loads(starters()[name].read_text())
    for node in flow["data"]["nodes"]:
        template = node["data"].get("node", {}).get("template", {})
        if "model" in template:
            template["model"]["value"] = CHOSEN
    return flow


def said_by(program, server):
    address = server.url.replace("127.0.0.1", "127.1")  # LangFlow itself replaces the usual names of this machine
    given = {"OPENAI_API_KEY": "sk-of-a-test", "OPENAI_BASE_URL": address, "OPENAI_API_BASE": address}
    environment = {**os.environ, **given, "LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.0/8"}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROJECTS)
def test_the_code_gives_what_the_flow_gives(name, openai_server, tmp_path):
    openai_server.script = Script(tokens=SAID)
    program = tmp_path / "flow.py"
    flow = lf.load_flow(chosen(name))
    program.write_text(flow.to_python())
    model = lf.ScriptedModel(["".join(SAID)], tokens_per_second=None)
    assert said_by(program, openai_server) == f"{flow.run(model=model).result(120)}\n"
