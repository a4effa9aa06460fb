"""Keys that somebody used are found nowhere: not in what is saved, not in what is shown, not in what is logged."""

import logging
import re

import pytest
from doubles import within
from langchain.agents import create_agent
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from servers.openai_server import Script

import lfwidget as lf
from lfwidget.keeper import record_bundle
from lfwidget.model.redact import MASK
from lfwidget.record.pack import unpack

CONSTRUCTED = "constructed-with-this-one"
HEADER = "sent-in-a-header-0815"
ENVIRONMENT = "from-the-environment-42"
TYPED = "typed-into-the-form-77"
PASSWORD = "hunter2-and-then-some"
SHORT = "short1"
URL = "ann:correct-horse"
PLANTED = [CONSTRUCTED, HEADER, ENVIRONMENT, TYPED, PASSWORD, URL]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("MY_PROVIDER_API_KEY", ENVIRONMENT)


def everything_kept(run, folder):
    """All that a run leaves, as one text: without the page's own code, which knows the mask."""
    saved = run.save(folder / "x.lfrun").read_text()
    page = run.to_html(folder / "x.html")
    cell = record_bundle(run)
    logs = re.findall(r'x-lfwidget-log">([^<]*)<', page + cell["text/html"])
    assert len(logs) == 2
    unpacked = [str(unpack(log)) for log in logs]
    shown = [repr(run), repr(run.nodes), repr(run.table()), run.to_svg(), *map(str, run.log.since(0))]
    state = {name: value for name, value in run.widget.get_state().items() if name not in ("_esm", "_css")}
    return "\n".join([saved, page, *cell.values(), *unpacked, *shown, str(state)])


def check(run, folder, *, masked=True):
    kept = everything_kept(run, folder)
    assert [secret for secret in PLANTED if secret in kept] == []
    assert (MASK in kept) == masked
    return kept


def model(server, **more):
    return ChatOpenAI(model="gpt-x", api_key=CONSTRUCTED, base_url=server.url, max_retries=0, **more)


async def test_what_a_model_was_made_with(openai_server, tmp_path):
    headers = {"x-api-key": HEADER}
    said = (f"My key is {CONSTRUCTED[:9]}", CONSTRUCTED[9:], ", I was sent ", HEADER, " and ", ENVIRONMENT, ".")
    openai_server.script = Script(tokens=said)
    run = lf.Flow(model(openai_server, default_headers=headers) | StrOutputParser()).run("hi")
    await within(run)
    assert run.nodes["model"].text == f"My key is {MASK}, I was sent {MASK} and {MASK}."
    check(run, tmp_path)


async def test_a_key_that_an_error_repeats(openai_server, tmp_path, caplog):
    def fail(_):
        headers = {"Authorization": f"Bearer {SHORT}", "x-api-key": HEADER}
        raise ConnectionError(f"POST https://{URL}@api.example/v1 with {headers} failed, api_key={TYPED}")

    caplog.set_level(logging.DEBUG)
    run = lf.Flow(RunnableLambda(fail)).run("hi")
    with pytest.raises(ConnectionError):
        await within(run)
    kept = check(run, tmp_path)
    assert SHORT not in kept
    assert f"https://{MASK}@api.example/v1" in run.nodes[next(iter(run.nodes))].error["message"]
    assert [secret for secret in PLANTED if secret in caplog.text] == []


async def test_a_variable_of_a_prompt_that_is_called_so(openai_server, tmp_path):
    prompt = ChatPromptTemplate.from_template("Log in with {api_key} and say {word}")
    openai_server.script = Script(tokens=("I used ", TYPED[:7], TYPED[7:]))
    run = lf.Flow(prompt | model(openai_server)).run({"api_key": TYPED, "word": "hello"})
    await within(run)
    assert TYPED not in run.name
    check(run, tmp_path)


async def test_an_argument_of_a_tool_while_it_streams_and_after(tmp_path):
    @tool
    def log_in(user: str, password: str) -> str:
        """Log in."""
        return f"{user} is in, with {password}"

    call = {"name": "log_in", "args": {"user": "ann", "password": PASSWORD}}
    replies = [lf.Reply(tool_calls=[call]), f"You are in with {PASSWORD}."]
    run = lf.Flow(create_agent(lf.ScriptedModel(replies, tokens_per_second=200), [log_in])).run("log me in")
    await within(run)
    kept = check(run, tmp_path)
    assert "ann is in, with " + MASK in kept


async def test_what_is_printed_and_logged(tmp_path, capsys):
    def talk(text):
        print("the key is", ENVIRONMENT)  # noqa: T201 - it is what is tested
        logging.getLogger("provider").warning("GET https://%s@host/", URL)
        return text

    run = lf.Flow(RunnableLambda(talk)).run("hi")
    await within(run)
    assert len([event for event in run.log.since(0) if event["kind"] == "log"]) == 2
    check(run, tmp_path)


async def test_what_is_asked_and_tagged(tmp_path):
    flow = lf.Flow(RunnableLambda(str), name=f"Flow of {ENVIRONMENT}", examples=["hi"])
    run = flow.run(f"use {ENVIRONMENT}", name=f"with {ENVIRONMENT}", tags=[ENVIRONMENT])
    run.note(f"never write {ENVIRONMENT}")
    await within(run)
    check(run, tmp_path)


def test_a_flow_tells_no_keys_before_it_runs(openai_server):
    speaks = model(openai_server, default_headers={"x-api-key": HEADER})
    flow = lf.Flow(ChatPromptTemplate.from_template("{x}") | speaks)
    shown = [repr(flow), str(flow.graph.to_json()), str(flow.picture()), str(flow.widget.get_state())]
    assert [secret for secret in PLANTED if secret in "".join(shown)] == []


async def test_prose_that_speaks_of_keys_stays_as_it_is(tmp_path):
    said = "An api_key=... goes into api_key: the password: field of https://example.org/a:b@c and 3//4."
    run = lf.Flow(lf.ScriptedModel([said], tokens_per_second=None)).run("hi")
    await within(run)
    assert run.text == said
    check(run, tmp_path, masked=False)
