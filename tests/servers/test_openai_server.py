import subprocess
import sys
from pathlib import Path

import httpx
import openai
import pytest
from servers.openai_server import HANG, Script


def text_of(chunks):
    return "".join(chunk.content for chunk in chunks)


async def test_it_streams_the_tokens_of_its_script_and_their_usage(openai_server):
    openai_server.script = Script(tokens=["a", "b", "c"])
    chunks = [chunk async for chunk in openai_server.chat().astream("hi")]
    assert text_of(chunks) == "abc"
    assert sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata) == 3
    assert openai_server.requests[0]["messages"] == [{"role": "user", "content": "hi"}]


async def test_a_request_may_say_what_it_wants(openai_server):
    chunks = [chunk async for chunk in openai_server.chat().astream("[tokens=4 delay=0.001] please")]
    assert text_of(chunks) == "t0 t1 t2 t3 "


def test_it_answers_whole_where_no_stream_is_asked_for(openai_server):
    assert openai_server.chat(disable_streaming=True).invoke("hi").content == "Hello, world"


def test_it_sends_the_fragments_of_two_tool_calls_in_turns(openai_server):
    calls = [{"id": "1", "name": "add", "args": ['{"x"', ": 1}"]}, {"id": "2", "name": "mul", "args": ['{"x": 2}']}]
    openai_server.script = Script(tool_calls=calls)
    fragments = [f["index"] for chunk in openai_server.chat().stream("hi") for f in chunk.tool_call_chunks]
    assert fragments == [0, 1, 0]


def test_an_error_status_is_raised_by_the_client(openai_server):
    openai_server.script = Script(status=429)
    with pytest.raises(openai.RateLimitError, match="scripted 429"):
        openai_server.chat().invoke("hi")


def test_a_cut_socket_ends_the_stream_with_an_error(openai_server):
    openai_server.script = Script(tokens=["a", "b"], cut_at=1)
    heard = []
    with pytest.raises((httpx.HTTPError, openai.APIError)):
        heard.extend(openai_server.chat().stream("hi"))
    assert openai_server.sent == 1


def test_a_client_that_goes_is_noticed(openai_server):
    openai_server.script = Script(tokens=["a", "b"], hold_at=1)
    request = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    with httpx.stream("POST", f"{openai_server.url}/chat/completions", json=request):
        assert openai_server.holding.wait(HANG)
        assert not openai_server.disconnected.is_set()
    assert openai_server.disconnected.wait(HANG)


def test_it_runs_as_a_program_that_prints_its_address():
    program = Path(__file__).with_name("openai_server.py")
    with subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        url = run.stdout.readline().strip()
        assert httpx.get(f"{url}/models").json()["data"][0]["id"] == "test-model"
        run.stdin.close()
        assert run.wait(HANG) == 0
