"""How it looks: screenshots in tests/browser/shots/ for people, and what of it a program can check."""

import pytest
from flow_view import FlowView
from player_view import PlayerView
from playwright.async_api import expect

RAG = """
import lfwidget as lf
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from lfwidget.scripted import Reply

TEXT = "The Earth is a ball of rock and water, 12,742 km across at the equator. " * 8
model = lf.ScriptedModel([Reply(text=TEXT, reasoning="They want a number. " * 5)], tokens_per_second=40)
hasty = lf.ScriptedModel([Reply(text="Well, one might", error="the connection was closed", error_at=3)])
calm = lf.ScriptedModel(["A fine question."], tokens_per_second=40)
prompt = ChatPromptTemplate.from_template("Answer {question} from {context}")
sources = RunnableLambda(lambda question: "an encyclopedia", name="look_up")
answer = {"context": sources, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
judge = RunnableLambda(lambda question: f"Judge this: {question}", name="judge")
flow = lf.Flow(
    RunnableParallel(answer=answer, verdict=judge | hasty.with_fallbacks([calm])),
    name="Answer and verdict",
    examples=["How big is the Earth?", "Why is the sky blue?"],
)
"""
BIG = """
import lfwidget as lf
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.output_parsers import StrOutputParser

def branch(number):
    model = lf.ScriptedModel([f"I am number {number}, and I have something to say."], tokens_per_second=20)
    return RunnableLambda(lambda text: text) | model | StrOutputParser()

flow = lf.Flow(RunnableParallel({f"way{number}": branch(number) for number in range(100)}), name="Many ways")
"""
WIDE = """
import asyncio
import lfwidget as lf
from langchain_core.runnables import RunnableLambda

def step(number):
    async def pass_on(text):
        await asyncio.sleep(0.3)
        return text
    return RunnableLambda(pass_on, name=f"step {number}")

way = step(1) | step(2) | step(3) | step(4) | step(5) | step(6) | step(7) | step(8) | step(9)
flow = lf.Flow(way, name="A long way")
"""
FAILS = """
chain = ChatPromptTemplate.from_template("{question}") | hasty
run = lf.Flow(chain, name="Hasty").run("How big is the Earth?").show()
try:
    await run
except RuntimeError:
    run.note("model", "Here the provider hung up.", at=0.02)
"""
COMPARES = """
short = lf.ScriptedModel(["The Earth is about 40,000 km around."], tokens_per_second=80)
long = lf.ScriptedModel(["The Earth, our 地球, is 40,075 km around at the equator."], tokens_per_second=40)
of = lambda style, model: lf.Flow(ChatPromptTemplate.from_template(style + " {question}") | model, name="Tutor")
briefly, fully = of("Briefly:", short).run("How big is the Earth?"), of("Fully:", long).run("How big is the Earth?")
await briefly, await fully
lf.compare(briefly, fully)
"""
THEMES = ["JupyterLab Light", "JupyterLab Dark"]


@pytest.mark.parametrize("theme", THEMES)
async def test_mid_run_and_after_it_in_both_themes(open_notebook, shoot, theme):
    notebook = await open_notebook([RAG, "flow"])
    await notebook.set_theme(theme)
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    name = theme.rpartition(" ")[2].lower()
    await shoot(view.root, f"{name}-1-before")
    await view.run("How big is the Earth?")
    await view.more_tokens_than("answer/model", 60)
    await shoot(view.root, f"{name}-2-running")
    await view.open("answer/model")
    await shoot(view.root, f"{name}-3-panel")
    await view.run_is("finished")
    await shoot(view.root, f"{name}-4-after")
    await notebook.set_theme("JupyterLab Light")  # it is kept in the user's settings, for the tests to come


@pytest.mark.parametrize("theme", THEMES)
async def test_records_in_both_themes(open_notebook, shoot, theme):
    """A run that failed, with its timeline and a note, and two runs compared."""
    notebook = await open_notebook([RAG, FAILS, COMPARES])
    await notebook.set_theme(theme)
    await notebook.run_all()
    name = theme.rpartition(" ")[2].lower()
    player = PlayerView.under(notebook, 1)
    await player.press("Timeline")
    await expect(player.timeline.locator(".lfw-lane")).to_have_count(2)
    await shoot(notebook.cell(1), f"record-failed-{name}")
    await expect(notebook.cell(2).get_by_role("img")).to_be_visible()
    await shoot(notebook.cell(2), f"record-comparison-{name}")
    await notebook.set_theme("JupyterLab Light")


async def test_on_a_narrow_page_it_stays_usable(open_notebook, shoot):
    notebook = await open_notebook([RAG, "flow"])
    await notebook.page.set_viewport_size({"width": 520, "height": 900})
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.run("How big is the Earth?")
    await view.run_is("finished")
    await shoot(view.root, "narrow-1-after")
    await view.open("answer/model")
    await shoot(view.root, "narrow-2-panel")
    inside = await view.root.evaluate("root => root.scrollWidth <= root.clientWidth")
    assert inside


async def inside_canvas(view, node):
    """Whether all of a card can be seen, and how wide it is drawn."""
    card, canvas = await view.card(node).bounding_box(), await view.canvas.bounding_box()
    left = canvas["x"] <= card["x"]
    return left and card["x"] + card["width"] <= canvas["x"] + canvas["width"], card["width"]


async def test_a_flow_too_wide_to_be_read_is_followed(open_notebook, shoot):
    notebook = await open_notebook([WIDE, "flow"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    seen, width = await inside_canvas(view, "step-1")
    assert seen
    assert width >= 0.79 * 228
    assert not (await inside_canvas(view, "step-9"))[0]
    await view.run("Go")
    await view.run_is("finished")
    assert await inside_canvas(view, "step-9") == (True, width)
    await shoot(view.root, "wide-followed")
    await view.root.get_by_role("button", name="Fit the whole flow").click()
    assert (await inside_canvas(view, "step-1"))[0]
    assert (await inside_canvas(view, "step-9"))[0]
    await shoot(view.root, "wide-whole")
    await view.run("Go")
    await view.run_is("finished")
    assert (await inside_canvas(view, "step-1"))[0], "who asked for the whole flow keeps it"


async def test_300_nodes_are_drawn_run_and_counted(open_notebook, shoot):
    notebook = await open_notebook([BIG, "flow"])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    assert len(await view.cards()) == 301
    await view.run("Go")
    await expect(view.canvas.locator('[data-status="running"]').first).to_be_attached()
    await shoot(view.root, "300-nodes-running")
    await view.run_is("finished")
    for number in (0, 42, 99):  # from one end of the picture to the other
        assert await view.text(f"way{number}/model") == f"I am number {number}, and I have something to say."
        await view.node_is(f"way{number}/model", "finished")
    assert await notebook.value("{node.status for node in flow.runs[0].nodes.values()} == {'finished'}")
