"""Watching a flow: it is drawn, it fills up while the cell has long returned, and nothing of it is lost."""

import asyncio

from flow_view import FlowView
from playwright.async_api import expect

FLOW = """
import lfwidget as lf
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

def flow_of(replies, rate=30):
    model = lf.ScriptedModel(replies, tokens_per_second=rate)
    return lf.Flow(ChatPromptTemplate.from_template("{question}") | model | StrOutputParser(), name="Explain")
"""
SLOW = FLOW + "flow = flow_of(['tick ' * 5000], rate=25)"

# One token each, and each a trap: for HTML, for UTF-16, for white space, for whoever joins what he got.
AWKWARD = [
    " Earth",
    " größer",
    " 地球",
    " 🌍",
    " 👩‍👩‍👧",
    " <b>&amp;</b>",
    "\n\n-",
    "\t`x`",
    " e\u0301",
    "\u3000。",
    "\r\nend",
    " </pre>",
]
FAST = FLOW + f"reply = ''.join(({AWKWARD!r} * 1667)[:20000])\nflow = flow_of([reply], rate=2000)"


async def test_a_flow_is_drawn_before_anything_runs(open_notebook):
    notebook = await open_notebook([FLOW, "flow_of(['Hello'])"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    assert await view.cards() == {"prompt", "model", "parser"}
    await view.node_is("model", "idle")
    await expect(view.stop).to_be_hidden()


async def test_tokens_grow_on_their_card_when_the_cell_has_returned(open_notebook):
    notebook = await open_notebook([SLOW, "run = flow.run('Hm?')\nrun", "run.cancel()"])
    await notebook.run(0)
    await notebook.run(1)
    view = FlowView.under(notebook, 1)
    some = await view.more_tokens_than("model", 0)
    await view.more_tokens_than("model", some)
    assert await notebook.value("run.status") == "running"
    await expect(view.card("model").locator(".lfw-tail")).to_contain_text("tick tick")
    await view.node_is("prompt", "finished")
    await view.node_is("parser", "idle")
    await notebook.run(2)
    await view.node_is("model", "cancelled")
    await view.node_is("parser", "skipped")


async def test_20_000_tokens_at_2_000_a_second_arrive_to_the_byte(open_notebook):
    notebook = await open_notebook([FAST, "lf.options.record = False\nrun = flow.run('Tell me everything.')\nrun"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.open("model")  # the panel is written while it streams, not only at the end
    await view.run_is("finished")
    reply = await notebook.value("reply")
    assert await notebook.value("run.text") == reply
    assert await view.section("Text").text_content() == reply
    assert await view.tokens("model") == 20_000
    cuts = "sum(len(event['cuts']) for event in run.log.since(0) if event['kind'] == 'node.delta')"
    assert await notebook.value(cuts) == 20_000


async def test_a_reload_in_the_middle_loses_nothing(open_notebook):
    notebook = await open_notebook([FAST, "run = flow.run('Tell me everything.')\nrun"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.more_tokens_than("model", 1000)
    await notebook.save()
    await notebook.reload()
    await view.more_tokens_than("model", 0)
    assert await notebook.value("run.status") == "running"
    await view.run_is("finished")
    assert await view.text("model") == await notebook.value("reply")


async def test_a_second_tab_opened_in_the_middle_shows_the_same(open_notebook):
    first = await open_notebook([FAST, "run = flow.run('Tell me everything.')\nrun"])
    await first.run_all()
    await FlowView.under(first, 1).more_tokens_than("model", 1000)
    await first.save()
    second = await open_notebook(name=first.name)
    assert await first.value("run.status") == "running"
    for tab in (first, second):
        view = FlowView.under(tab, 1)
        await view.run_is("finished")
        assert await view.text("model") == await tab.value("reply")


async def test_two_views_of_one_flow_show_the_same_run(open_notebook):
    notebook = await open_notebook([FLOW, "flow = flow_of(['Blue, mostly.'])\nflow", "flow.widget"])
    await notebook.run_all()
    views = [FlowView.under(notebook, 1), FlowView.under(notebook, 2)]
    await views[0].run("Which colour has the sky?")
    for view in views:
        await view.run_is("finished")
        assert await view.text("model") == "Blue, mostly."


async def test_an_error_is_on_the_card_it_comes_from(open_notebook):
    source = """
from lfwidget.scripted import Reply
run = flow_of([Reply(text="one two three", error="no more", error_at=2)]).run("?")
run"""
    notebook = await open_notebook([FLOW, source])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.node_is("model", "failed")
    await expect(view.card("model")).to_contain_text("RuntimeError: no more")
    await view.node_is("parser", "skipped")
    await view.run_is("failed")
    assert await view.text("model") == "one two"
    await expect(view.section("Error")).to_have_text("RuntimeError: no more")


async def test_what_a_flow_prints_is_in_its_log_not_in_another_cell(open_notebook):
    source = """
from langchain_core.runnables import RunnableLambda
def speak(text):
    print("heard", text)
    return text
run = lf.Flow(RunnableLambda(speak)).run("this")
run"""
    notebook = await open_notebook([FLOW, source, "1 + 1"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.run_is("finished")
    await view.root.get_by_role("button", name="Log of the run").click()
    await expect(view.root.get_by_role("log")).to_contain_text("heard this")
    assert [output["output_type"] for output in await notebook.outputs(2)] == ["execute_result"]


async def test_result_waits_inside_the_running_loop(open_notebook):
    notebook = await open_notebook([FLOW, "answer = flow_of(['Blue.']).run('?').result()", "answer"])
    await notebook.run_all()
    assert await notebook.value("answer") == "Blue."


async def test_awaiting_a_run_leaves_the_page_alive(open_notebook):
    notebook = await open_notebook([SLOW, "run = flow.run('?')\nawait run.show()"])
    await notebook.run(0)
    await notebook.start(1)
    view = FlowView.under(notebook, 1)
    await view.more_tokens_than("model", 0)
    await view.stop.click()
    await view.run_is("cancelled")
    await notebook.done(1)
    (error,) = [output for output in await notebook.outputs(1) if output["output_type"] == "error"]
    assert error["ename"] == "RunCancelledError"


async def test_three_tabs_may_watch_at_once(open_notebook):
    first = await open_notebook([FLOW, "run = flow_of(['a b c ' * 300], rate=300).run('?')\nrun"])
    await first.run_all()
    await first.save()
    others = [await open_notebook(name=first.name) for _ in range(2)]
    texts = []
    for tab in (first, *others):
        view = FlowView.under(tab, 1)
        await view.run_is("finished")
        texts.append(await view.text("model"))
    assert len(set(texts)) == 1
    assert len(texts[0]) == len("a b c " * 300)


async def test_the_kernel_is_free_while_a_flow_runs(open_notebook):
    notebook = await open_notebook([SLOW, "run = flow.run('?')\nrun", "6 * 7"])
    await notebook.run_all()
    assert await notebook.value("run.status") == "running"
    assert (await notebook.outputs(2))[0]["data"]["text/plain"] == "42"
    await asyncio.wait_for(FlowView.under(notebook, 1).stop.click(), 60)
    await FlowView.under(notebook, 1).run_is("cancelled")
