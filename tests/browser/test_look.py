"""How it looks: screenshots in tests/browser/shots/ for people, and what of it a program can check."""

import pytest
from flow_view import FlowView
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
