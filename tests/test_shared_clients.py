"""Provider packages share one async client, bound to the loop that used it first: a run must not be on another one."""

import pytest
from kernels import Kernel

ROUNDS = 20
SETUP = """
import lfwidget as lf
from langchain_openai import ChatOpenAI
from langchain_core.output_parsers import StrOutputParser
def new_model():
    return ChatOpenAI(model="test-model", api_key="not-a-key", base_url={url!r}, max_retries=0)
model = new_model()
flow = lf.Flow(model | StrOutputParser())
"""


@pytest.fixture
def kernel(openai_server):
    openai_server.keep_alive = True
    kernel = Kernel()
    kernel.run(SETUP.format(url=openai_server.url))
    yield kernel
    kernel.close()
    assert kernel.stderr == ""


def test_awaiting_a_model_before_during_and_after_its_runs(kernel):
    for _ in range(ROUNDS):
        assert kernel.run("(await model.ainvoke('before')).content").value == "Hello, world"
        kernel.run("run = flow.run('hi')")
        assert kernel.run("(await model.ainvoke('during')).content").value == "Hello, world"
        assert kernel.run("await run").value == "Hello, world"
        assert kernel.run("(await new_model().ainvoke('after')).content").value == "Hello, world"


def test_running_it_before_anything_else_uses_it(kernel):
    for _ in range(ROUNDS):
        kernel.run("run = flow.run('hi')")
        assert kernel.run("run.result()").value == "Hello, world"
        assert kernel.run("(await model.ainvoke('after')).content").value == "Hello, world"
        assert kernel.run("model.invoke('and without await').content").value == "Hello, world"


def test_on_a_loop_of_its_own_a_run_would_break_the_client(kernel):
    """What the two above would meet, were runs on another loop: without it they could not fail."""
    kernel.run("await model.ainvoke('before'); lf.options.loop = 'thread'")
    assert "different event loop" in kernel.run("await flow.run('hi')").error
