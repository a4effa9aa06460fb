"""A finished run stays in the notebook: whoever opens it later sees what happened, and plays it back."""

import asyncio
import json
import os
import re
import subprocess
import sys

import bleach
import nbformat
import pytest
from bleach.css_sanitizer import CSSSanitizer
from flow_view import FlowView
from nbclient import NotebookClient
from player_view import PlayerView
from playwright.async_api import expect

import lfwidget as lf

FLOW = """
import lfwidget as lf
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

def flow_of(replies, rate=40):
    model = lf.ScriptedModel(replies, tokens_per_second=rate)
    return lf.Flow(ChatPromptTemplate.from_template("{question}") | model | StrOutputParser(), name="Explain")
"""
SAID = "The Earth is about 40,000 km around. 地球 🌍 </script><b>bold</b>"
RUN = f"run = flow_of([{SAID!r}]).run('How big is the Earth?').show()\nawait run;"
ENDLESS = "flow = flow_of(['tick ' * 5000], rate=25)"
HOW = "This run can be played back"


async def html_of(notebook, cell, output=0):
    """The HTML that the notebook holds, once it does."""
    async with asyncio.timeout(60):
        while True:
            outputs = await notebook.outputs(cell)
            html = outputs[output]["data"].get("text/html") if len(outputs) > output else None
            if html:
                return "".join(html)
            await asyncio.sleep(0.05)


async def opened_again(notebook):
    """The same notebook in a page that knows nothing: it was saved, and its kernel is gone."""
    path = await notebook.save()
    await notebook.shut_down_kernels()
    await notebook.reload()
    return path


def copied(server, path, name):
    """The file as somebody else gets it: nobody signed it here."""
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] = ["# copied\n", *notebook["cells"][0]["source"]]
    (server.notebooks / name).write_text(json.dumps(notebook))
    return name


def record_in(path, cell=1):
    (output,) = json.loads(path.read_text())["cells"][cell]["outputs"]
    return output


# In the page that ran it


async def test_the_output_of_a_run_becomes_its_record_when_it_ends(open_notebook):
    notebook = await open_notebook([FLOW, RUN])
    await notebook.run_all()
    view = PlayerView.under(notebook, 1)
    await view.plays_to_its_end("model", SAID)
    html = await html_of(notebook, 1)
    assert "The Earth is about" in html
    (output,) = await notebook.outputs(1)
    assert set(output["data"]) == {"text/plain", "text/html"}
    assert "✓ finished" in "".join(output["data"]["text/plain"])


async def test_a_run_that_was_stopped_and_one_that_failed_become_records(open_notebook):
    failing = "lf.Flow(lambda q: 1 / 0, name='Fails').run('x').show();"
    notebook = await open_notebook([FLOW + ENDLESS, "run = flow.run('Hm?')\nrun", "run.cancel()", failing])
    await notebook.run(0)
    await notebook.run(1)
    await FlowView.under(notebook, 1).more_tokens_than("model", 1)
    await notebook.run(2)
    stopped = PlayerView.under(notebook, 1)
    await stopped.run_is("cancelled")
    await stopped.node_is("model", "cancelled")
    await notebook.run(3)
    failed = PlayerView.under(notebook, 3)
    await failed.run_is("failed")
    await expect(failed.root.locator(".lfw-body").first).to_contain_text("ZeroDivisionError")


async def test_the_live_widget_stays_where_records_are_switched_off(open_notebook):
    notebook = await open_notebook([FLOW, "lf.options.record = False\n" + RUN])
    await notebook.run_all()
    view = FlowView.under(notebook, 1)
    await view.run_is("finished")
    await expect(notebook.cell(1).locator(".lfw-player")).to_have_count(0)
    await expect(view.root.get_by_label("Play the run back")).to_be_visible()


async def test_several_records_stand_side_by_side(open_notebook):
    other = RUN.replace("The Earth", "Mars")
    notebook = await open_notebook([FLOW, RUN, other + "\nrun.show();"])
    await notebook.run_all()
    first, second, third = (PlayerView.under(notebook, *place) for place in ((1, 0), (2, 0), (2, 1)))
    for view in (first, second, third):
        await view.is_at_end()
    await second.scrub(0)
    await second.node_is("model", "idle")
    await first.node_is("model", "finished")
    await third.node_is("model", "finished")
    assert await first.text("model") == SAID
    assert await third.text("model") == SAID.replace("The Earth", "Mars")
    assert "id=" not in (await html_of(notebook, 1)).replace("data-", "")


async def test_a_page_that_was_reloaded_meanwhile_says_how_to_keep_the_run(open_notebook):
    notebook = await open_notebook([FLOW + ENDLESS, "run = flow.run('Hm?')\nrun", "run.cancel()", "run.show();"])
    await notebook.run(0)
    await notebook.run(1)
    await notebook.save()
    await notebook.reload()
    view = FlowView.under(notebook, 1)
    await view.more_tokens_than("model", 1)
    await notebook.run(2)
    await expect(view.notice).to_contain_text("run.show()")
    await notebook.run(3)
    await PlayerView.under(notebook, 3).run_is("cancelled")


async def test_a_note_that_is_added_later_enters_the_record(open_notebook):
    notebook = await open_notebook([FLOW, RUN, "run.note('model', 'look here', at=0.1)"])
    await notebook.run_all()
    view = PlayerView.under(notebook, 1)
    await expect(view.root.locator(".lfw-card-note")).to_have_text("look here")
    await view.scrub(0)
    await expect(view.root.locator(".lfw-card-note")).to_have_count(0)


# Later, elsewhere


async def test_it_plays_when_the_notebook_is_opened_again_without_its_kernel(open_notebook):
    notebook = await open_notebook([FLOW, RUN])
    await notebook.run_all()
    await html_of(notebook, 1)
    await opened_again(notebook)
    await PlayerView.under(notebook, 1).plays_to_its_end("model", SAID)


async def test_saving_it_again_changes_nothing(open_notebook):
    notebook = await open_notebook([FLOW, RUN])
    await notebook.run_all()
    await html_of(notebook, 1)
    path = await opened_again(notebook)
    before = record_in(path)
    await PlayerView.under(notebook, 1).scrub(0.5)
    await notebook.set_source(0, "# x")
    await notebook.save()
    assert json.loads(path.read_text())["cells"][0]["source"] == ["# x"]
    assert record_in(path) == before


async def test_whoever_does_not_trust_the_notebook_sees_the_static_part(open_notebook, server, shoot):
    notebook = await open_notebook([FLOW, RUN])
    await notebook.run_all()
    await html_of(notebook, 1)
    path = await notebook.save()
    copy = await open_notebook(name=copied(server, path, "untrusted-record.ipynb"))
    output = copy.cell(1).locator(".jp-OutputArea-output")
    await expect(output).to_contain_text(HOW)
    await expect(output.locator("tbody tr")).to_have_count(3)
    await expect(output.locator("tbody tr").nth(1)).to_contain_text(SAID)
    await expect(output.locator("img")).to_have_js_property("complete", True)
    assert await output.locator("img").evaluate("img => img.naturalWidth") > 300
    assert "done" in await output.locator("img").get_attribute("alt")
    await expect(copy.cell(1).locator(".lfw-player")).to_have_count(0)
    await shoot(copy.cell(1), "record-untrusted")


def convert(path):
    subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", str(path)], check=True, capture_output=True)
    return path.with_suffix(".html")


async def test_it_plays_in_an_exported_page_without_any_network(open_notebook, browser):
    notebook = await open_notebook([FLOW, RUN])
    await notebook.run_all()
    await html_of(notebook, 1)
    exported = convert(await notebook.save())
    page = await browser.new_page()
    await page.route("http*://**/*", lambda route: route.abort())
    await page.goto(exported.as_uri())
    await PlayerView(page.locator("body")).plays_to_its_end("model", SAID)
    await page.close()


async def test_a_page_of_its_own_plays_and_fetches_nothing(browser, tmp_path, shoot):
    run = lf.open(saved(tmp_path))
    run.to_html(tmp_path / "run.html")
    context = await browser.new_context(color_scheme="dark", viewport={"width": 1200, "height": 900})
    page = await context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto((tmp_path / "run.html").as_uri())
    view = PlayerView(page.locator("body"))
    await view.plays_to_its_end("first", "Hello, world")
    assert await page.title() == "Small: hi"
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
    await shoot(page, "page-dark")
    await context.close()


async def test_a_page_prints_its_table(browser, tmp_path):
    lf.open(saved(tmp_path)).to_html(tmp_path / "run.html")
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto((tmp_path / "run.html").as_uri())
    await PlayerView(page.locator("body")).is_at_end()
    await page.emulate_media(media="print")
    await expect(page.locator("table")).to_be_visible()
    await expect(page.locator(".lfw-player")).to_be_hidden()
    await context.close()


def saved(folder):
    from doubles import Node, SmallRunner

    async def speak(execution):
        async with Node(execution, "first") as first:
            first.say("Hello", ", ", "world")

    run = lf.Flow(SmallRunner(speak), name="Small").run("hi")
    run.result()
    return run.save(folder / "x.lfrun")


# Where nobody watches


def batch_notebook():
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(FLOW), nbformat.v4.new_code_cell(RUN)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


async def executed(folder):
    notebook = batch_notebook()
    await NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).async_execute()
    return notebook


@pytest.mark.parametrize("way", ["nbclient", "papermill"])
async def test_a_notebook_that_was_executed_in_batch_holds_the_record(open_notebook, server, way):
    path = server.notebooks / f"batch-{way}.ipynb"
    if way == "nbclient":
        nbformat.write(await executed(server.notebooks), path)
    else:
        nbformat.write(batch_notebook(), path)
        command = [sys.executable, "-m", "papermill", "-k", "python3", str(path), str(path)]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    assert "widgets" not in json.loads(path.read_text())["metadata"]
    assert lf.open(path).nodes["model"].text == SAID
    environment = os.environ | {"JUPYTER_DATA_DIR": str(server.home / "data"), "HOME": str(server.home)}
    trust = [sys.executable, "-m", "jupyter", "trust", str(path)]
    await asyncio.to_thread(subprocess.run, trust, check=True, capture_output=True, env=environment)
    notebook = await open_notebook(name=path.name)
    await PlayerView.under(notebook, 1).plays_to_its_end("model", SAID)


# GitHub's and VS Code's way: no script, no style, no data: address

TAGS = {"div", "table", "thead", "tbody", "tr", "th", "td", "b", "code", "img", "p"}


@pytest.mark.parametrize("attributes", [{}, {"*": ["style"], "img": ["alt"]}])
async def test_what_a_sanitiser_leaves_is_a_readable_table(open_notebook, browser, attributes, shoot):
    notebook = await open_notebook([FLOW, RUN])
    await notebook.run_all()
    html = re.sub(r"<script.*?</script>", "", await html_of(notebook, 1), flags=re.DOTALL)
    left = bleach.clean(html, tags=TAGS, attributes=attributes, strip=True, css_sanitizer=CSSSanitizer())
    page = await browser.new_page()
    await page.set_content(left)
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(3)
    cells = await rows.nth(1).locator("td").all_inner_texts()
    assert cells[:2] == ["model", "✓ done"]
    assert cells[-1] == SAID
    await expect(page.locator("thead th")).to_have_count(len(cells))
    await shoot(page, f"record-sanitised-{len(attributes)}")
    await page.close()


# The flow's own display


async def test_keep_puts_the_record_below_the_live_widget(open_notebook):
    notebook = await open_notebook([FLOW, f"flow = flow_of([{SAID!r}])\nflow"])
    await notebook.run_all()
    live = FlowView.under(notebook, 1)
    await live.run("How big?")
    await live.run_is("finished")
    await expect(notebook.cell(1).locator(".lfw-player")).to_have_count(0)
    await live.root.get_by_label("Put a record of this run").click()
    await PlayerView.under(notebook, 1).plays_to_its_end("model", SAID)
    await expect(live.send).to_be_visible()
    path = await opened_again(notebook)
    assert len(lf.records(path)) == 1
    await PlayerView.under(notebook, 1).plays_to_its_end("model", SAID)


async def test_keep_says_what_to_do_in_a_page_that_was_reloaded(open_notebook):
    notebook = await open_notebook([FLOW, "flow = flow_of(['Hello'])\nflow"])
    await notebook.run_all()
    await notebook.save()
    await notebook.reload()
    live = FlowView.under(notebook, 1)
    await live.type_in("How big?")
    await live.send.click()
    await live.run_is("finished")
    await live.root.get_by_label("Put a record of this run").click()
    await expect(live.notice).to_contain_text("flow.runs[-1].show()")


async def test_freeze_turns_live_displays_into_records_and_pictures(open_notebook):
    cells = [FLOW, f"flow = flow_of([{SAID!r}])\nflow", "flow_of(['never run'])", "lf.freeze()"]
    notebook = await open_notebook(cells)
    for cell in range(3):
        await notebook.run(cell)
    live = FlowView.under(notebook, 1)
    await live.run("How big?")
    await live.run_is("finished")
    await notebook.run(3)
    await PlayerView.under(notebook, 1).is_at_end()
    await expect(notebook.cell(2).locator("img")).to_be_visible()
    await opened_again(notebook)
    await PlayerView.under(notebook, 1).plays_to_its_end("model", SAID)
    assert await notebook.cell(2).locator("img").evaluate("img => img.naturalWidth") > 300


# The player in place of the live view


async def test_a_live_view_is_played_back_and_annotated(open_notebook):
    notebook = await open_notebook([FLOW, f"flow = flow_of([{SAID!r}])\nflow"])
    await notebook.run_all()
    live = FlowView.under(notebook, 1)
    await live.run("How big?")
    await live.run_is("finished")
    await live.root.get_by_label("Play the run back").click()
    view = PlayerView.under(notebook, 1)
    await view.plays_to_its_end("model", SAID)
    await view.scrub(0.5)
    await view.press("Write a note")
    await view.root.locator(".lfw-writing input").fill("look here")
    await view.root.get_by_text("Add note").click()
    await expect(view.root.locator(".lfw-card-note")).to_have_text("look here")
    (note,) = await notebook.value("[e for e in flow.runs[-1].log.since(0) if e['kind'] == 'note']")
    assert note["node"] == "model"
    assert 0 < note["moment"] < await notebook.value("flow.runs[-1].duration")
    await view.press("Back to the live view")
    await expect(live.send).to_be_visible()
    await expect(notebook.cell(1).locator(".lfw-player")).to_have_count(0)


async def test_a_run_that_goes_on_can_be_wound_back(open_notebook):
    notebook = await open_notebook([FLOW + ENDLESS, "flow", "flow.runs[-1].cancel()"])
    await notebook.run(0)
    await notebook.run(1)
    live = FlowView.under(notebook, 1)
    await live.run("Hm?")
    await live.more_tokens_than("model", 5)
    await live.root.get_by_label("Play the run back").click()
    view = PlayerView.under(notebook, 1)
    some = await view.tokens("model")
    await view.more_tokens_than("model", some)
    await view.scrub(0)
    await view.node_is("model", "idle")
    await notebook.run(2)
    await view.press("Next node event")
    await view.node_is("model", "idle")


# A record in place of its model


async def test_a_recorded_model_answers_without_a_key_and_says_what_it_was_never_asked(open_notebook):
    record = f"run = flow_of([{SAID!r}]).run('How big is the Earth?')\nawait run\nrun.save('taught.lfrun');"
    chain = (
        "ChatPromptTemplate.from_template('{question}') | lf.RecordedModel('taught.lfrun') | (lambda said: said.text)"
    )
    notebook = await open_notebook([FLOW, record, f"flow = lf.Flow({chain})\nflow"])
    await notebook.run_all()
    view = FlowView.under(notebook, 2)
    await view.run("How big is the Earth?")
    await view.run_is("finished")
    assert await view.text("model") == SAID
    await view.run("How big is Mars?")
    await view.run_is("failed")
    await expect(view.card("model")).to_contain_text("no answer was recorded to 'How big is Mars?'")
