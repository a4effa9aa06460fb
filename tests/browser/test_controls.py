"""Doing things in the page: typing, running, stopping, answering, all of it by keyboard as well."""

from flow_view import FlowView
from playwright.async_api import expect

SETUP = """
import lfwidget as lf
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

def echo(question):
    return f"You said: {question}"

def flow_of(template="{question}", replies=echo, rate=300, **more):
    model = lf.ScriptedModel(replies, tokens_per_second=rate)
    return lf.Flow(ChatPromptTemplate.from_template(template) | model | StrOutputParser(), **more)
"""
INTERRUPT = """
from typing import TypedDict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

class State(TypedDict):
    plan: str
    verdict: str

def approve(state):
    return {"verdict": interrupt(f"May I {state['plan']}?")}

builder = StateGraph(State)
builder.add_node("approve", approve)
builder.add_node("act", lambda state: {"plan": state["plan"] + ", as you said: " + state["verdict"]})
builder.add_edge(START, "approve")
builder.add_edge("approve", "act")
builder.add_edge("act", END)
flow = lf.Flow(builder.compile(checkpointer=InMemorySaver()), input=lambda text: {"plan": text})
"""


APPROVAL = """
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.memory import InMemorySaver

def send_mail(to: str) -> str:
    "Send a mail."
    return f"sent to {to}"

def decide(question, messages):
    if messages[-1].type == "tool":
        return messages[-1].text
    return lf.Reply(tool_calls=[{"name": "send_mail", "args": {"to": "bob"}}])

approval = HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})
model = lf.ScriptedModel(decide, tokens_per_second=300)
flow = lf.Flow(create_agent(model, [send_mail], middleware=[approval], checkpointer=InMemorySaver()))
"""


async def shown(open_notebook, *cells):
    """The view below the last of these cells, which have been run."""
    notebook = await open_notebook([SETUP, *cells])
    await notebook.run_all()
    return notebook, FlowView.under(notebook, len(cells))


async def test_typed_text_is_run(open_notebook):
    notebook, view = await shown(open_notebook, "flow = flow_of()\nflow")
    await view.run("Wie groß ist die Erde? 🌍")
    await view.run_is("finished")
    assert await view.text("model") == "You said: Wie groß ist die Erde? 🌍"
    assert await notebook.value("flow.runs[0].text") == "You said: Wie groß ist die Erde? 🌍"


async def test_an_example_fills_the_box(open_notebook):
    _, view = await shown(open_notebook, "flow_of(examples=['How big?', 'How far?'])")
    await view.root.get_by_role("button", name="How far?").click()
    await view.send.click()
    await view.run_is("finished")
    assert await view.text("model") == "You said: How far?"


async def test_run_pressed_twice_makes_two_runs_to_choose_from(open_notebook):
    notebook, view = await shown(open_notebook, "flow = flow_of(rate=20)\nflow")
    await view.run("first " * 20)
    await view.node_is("model", "running")
    await view.run("second")
    await expect(view.runs.locator("option")).to_have_count(2)
    await view.run_is("finished")
    assert await view.text("model") == "You said: second"
    await view.runs.select_option(index=0)
    await expect(view.section("Text")).to_contain_text("You said: first")
    await view.run_is("finished")
    assert await view.section("Text").text_content() == "You said: " + "first " * 20
    assert await notebook.value("[run.status for run in flow.runs]") == ["finished", "finished"]


async def test_only_the_last_runs_are_kept(open_notebook):
    notebook, view = await shown(open_notebook, "lf.options.keep_runs = 2", "flow = flow_of()\nflow")
    for text in ("one", "two", "three"):
        await view.run(text)
        await view.run_is("finished")
    await expect(view.runs.locator("option")).to_contain_text(["two", "three"])
    assert await notebook.value("len(flow.runs)") == 2


async def test_several_variables_make_a_form(open_notebook):
    _, view = await shown(open_notebook, "flow_of('Translate {text} into {language}.')")
    await view.type_in("Guten Tag", "text")
    await view.send.click()
    await expect(view.root.get_by_role("alert")).to_contain_text("language")
    await view.type_in("English", "language")
    await view.send.click()
    await view.run_is("finished")
    assert await view.text("model") == "You said: Translate Guten Tag into English."


async def test_an_input_that_the_flow_refuses_is_told_beside_the_box(open_notebook):
    source = "def number(text):\n    return {'question': int(text)}\nflow = flow_of(input=number)\nflow"
    _, view = await shown(open_notebook, source)
    await view.type_in("seven")
    await view.send.click()
    await expect(view.root.get_by_role("alert")).to_contain_text("seven")
    await expect(view.send).to_be_enabled()
    await view.run("7")
    await view.run_is("finished")


async def test_stop_ends_a_run_and_leaves_nothing_running(open_notebook):
    notebook, view = await shown(open_notebook, "flow = flow_of(replies=['tick ' * 5000], rate=50)\nflow")
    await view.run("Go")
    await view.more_tokens_than("model", 3)
    await view.stop.click()
    await view.run_is("cancelled")
    await view.node_is("model", "cancelled")
    await view.node_is("parser", "skipped")
    await expect(view.stop).to_be_hidden()
    assert (
        await notebook.value("[node.status for node in flow.runs[0].nodes.values() if node.status == 'running']") == []
    )


async def test_a_node_asks_on_its_card_and_the_answer_goes_on(open_notebook):
    notebook, view = await shown(open_notebook, INTERRUPT + "flow")
    await view.run("delete the folder")
    await view.node_is("approve", "waiting")
    await view.run_is("waiting")
    await expect(view.card("approve")).to_contain_text("May I delete the folder?")
    await view.answer("approve", "yes, all of it")
    await view.run_is("finished")
    await view.node_is("act", "finished")
    output = await notebook.value("flow.runs[0].output")
    assert output["plan"] == "delete the folder, as you said: yes, all of it"


async def test_a_tool_call_is_approved_by_a_click_or_rejected_by_a_sentence(open_notebook):
    notebook, view = await shown(open_notebook, APPROVAL + "flow")
    node = "HumanInTheLoopMiddleware.after_model"
    for choose, said in (("Approve", "sent to bob"), (None, "Not to him, please")):
        await view.run("mail bob")
        await view.node_is(node, "waiting")
        await expect(view.card(node)).to_contain_text("Tool: send_mail")
        if choose:
            await view.card(node).get_by_role("button", name=choose).click()
        else:
            await view.answer(node, said)
        await view.run_is("finished")
        assert said in await notebook.value("flow.runs[-1].text")


async def test_an_error_that_belongs_to_no_node_is_told(open_notebook):
    _, view = await shown(open_notebook, INTERRUPT + "lf.Flow(builder.compile(), input=lambda text: {'plan': text})")
    await view.run("go")
    await view.run_is("failed")
    await expect(view.notice).to_contain_text("it has no checkpointer")


async def test_a_question_can_be_answered_from_a_cell(open_notebook):
    notebook, view = await shown(open_notebook, INTERRUPT + "run = flow.run('go')\nrun")
    await view.node_is("approve", "waiting")
    assert await notebook.value("run.pending[0].prompt") == "May I go?"
    assert await notebook.value("run.answer('no')") is None
    await view.run_is("finished")
    await expect(view.card("approve").locator(".lfw-question")).to_have_count(0)


async def test_everything_can_be_done_by_keyboard(open_notebook):
    notebook, view = await shown(open_notebook, "flow_of(examples=['How big?'])")
    press = notebook.page.keyboard.press
    box = view.root.locator('.lfw-composer [name="input"]')
    await box.focus()
    await notebook.page.keyboard.type("hello")
    await press("Enter")
    await view.run_is("finished")
    await view.card("prompt").focus()
    await press("ArrowRight")
    await expect(view.card("model")).to_be_focused()
    await press("Enter")
    await expect(view.panel).to_be_visible()
    await expect(view.section("Text")).to_have_text("You said: hello")
    await press("Escape")
    await expect(view.panel).to_be_hidden()
    await expect(view.card("model")).to_be_focused()
    await press("ArrowLeft")
    await expect(view.card("prompt")).to_be_focused()


async def test_keys_in_the_box_are_no_commands_of_jupyterlab(open_notebook):
    notebook, view = await shown(open_notebook, "flow_of()")
    box = view.root.locator('.lfw-composer [name="input"]')
    await box.focus()
    await notebook.page.keyboard.type("add above, below: dd abc")
    await expect(box).to_have_value("add above, below: dd abc")
    await expect(notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)


async def test_a_screen_reader_hears_statuses_never_tokens(open_notebook):
    _, view = await shown(open_notebook, "flow_of(replies=['murmur ' * 40], rate=40)")
    await view.run("Go")
    said = view.root.locator('[aria-live="polite"]')
    await expect(said).to_contain_text("Run done")
    assert "murmur" not in await said.text_content()
