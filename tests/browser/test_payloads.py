"""What a model or a person wrote is text: nothing in it runs, nothing in it is fetched. In the live widget, in the
record, in a page of its own, and in its picture.
"""

from flow_view import FlowView
from player_view import PlayerView
from playwright.async_api import expect

import lfwidget as lf

URL = "https://evil.example/"
PAYLOADS = [
    "</script><img src=x onerror=pwn()>",
    "<script>pwn()</script>",
    "<!--<script>pwn()</script>-->",
    "</style><script>pwn()</script>",
    "</title><script>pwn()</script>",
    "</textarea><script>pwn()</script>",
    "<svg onload=pwn()><script>pwn()</script></svg>",
    "<svg><animate onbegin=pwn() attributeName=x></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.pwn()</script>'></foreignObject></svg>",
    f"<img src={URL}a.png>",
    f'<img srcset="{URL}b.png 1x">',
    f"<link rel=stylesheet href={URL}c.css>",
    f"<style>@import url({URL}d.css); body{{background:url({URL}e.png)}}</style>",
    f"<iframe src={URL}f></iframe>",
    "<iframe srcdoc='<script>parent.pwn()</script>'></iframe>",
    f"<object data={URL}g></object><embed src={URL}h>",
    f"<video poster={URL}i src={URL}j></video>",
    f"<base href={URL}>",
    f'<meta http-equiv=refresh content="0;url={URL}k">',
    "<a href=javascript:pwn() autofocus onfocus=pwn()>x</a>",
    "[click](javascript:pwn())",
    "[click](JaVaScRiPt&#58;pwn())",
    f"![image]({URL}l.png)",
    "[x](data:text/html,<script>pwn()</script>)",
    '"><input autofocus onfocus=pwn() x="',
    "' onmouseover='pwn()' x='",
    "${pwn()}{{pwn()}}<%= pwn() %>",
    "\u2028\u2029pwn()//",
    "]]><script>pwn()</script>",
    "&lt;script&gt;pwn()&lt;/script&gt;&#60;img src=x onerror=pwn()&#62;",
    "\\u003cscript>pwn()\\u003c/script>",
    "<math><mtext><style><img src=x onerror=pwn()></style></mtext></math>",
]
TEXT = " | ".join(PAYLOADS)
FLOW = f"""
import lfwidget as lf
from langchain_core.runnables import RunnableLambda
TEXT = {TEXT!r}
model = lf.ScriptedModel([TEXT], tokens_per_second=2000)
flow = lf.Flow(RunnableLambda(lambda _: TEXT).with_config(run_name=TEXT) | model, name=TEXT, examples=[TEXT])
"""
RUN = "run = flow.run(TEXT, name=TEXT).show()\nawait run\nrun.note(TEXT)\nrun.note('model', TEXT)"
TRAP = "window.pwned = 0; window.pwn = () => { window.pwned += 1; };"


def watched(page, asked):
    """Notes every address that a page asks for, and every dialog."""
    page.on("request", lambda request: asked.append(request.url) if "evil" in request.url else None)
    page.on("dialog", lambda dialog: asked.append(dialog.message))


async def check(page, view, asked):
    """Look at everything, at rest and while it plays."""
    await view.open("model")
    assert await view.section("Text").text_content() == TEXT
    assert await page.evaluate("window.pwned") == 0
    assert asked == []


async def test_nothing_runs_in_a_notebook(open_notebook, context):
    await context.add_init_script(TRAP)
    asked = []
    notebook = await open_notebook([FLOW, "flow", RUN])
    watched(notebook.page, asked)
    await notebook.run(0)
    await notebook.run(1)
    live = FlowView.under(notebook, 1)
    await live.root.locator(".lfw-chips button").first.click()
    await live.send.click()
    await live.run_is("finished")
    await check(notebook.page, live, asked)
    await notebook.run(2)
    record = PlayerView.under(notebook, 2)
    await expect(record.root.locator(".lfw-card-note")).to_have_text(TEXT)
    await record.press("Timeline")
    await check(notebook.page, record, asked)
    await notebook.save()
    await notebook.reload()
    await check(notebook.page, PlayerView.under(notebook, 2), asked)


async def test_nothing_runs_in_a_page_or_a_picture(browser, tmp_path):
    def say(_):
        return TEXT

    from langchain_core.runnables import RunnableLambda

    model = lf.ScriptedModel([TEXT], tokens_per_second=None)
    run = lf.Flow(RunnableLambda(say).with_config(run_name=TEXT) | model, name=TEXT).run(TEXT, name=TEXT)
    run.result()
    run.note(TEXT)
    run.to_html(tmp_path / "run.html")
    run.to_svg(tmp_path / "run.svg")
    lf.compare(run, run).to_html(tmp_path / "both.html")
    page = await browser.new_page()
    await page.add_init_script(TRAP)
    asked = []
    watched(page, asked)
    await page.goto((tmp_path / "run.html").as_uri())
    await check(page, PlayerView(page.locator("body")), asked)
    for name in ("run.svg", "both.html"):
        await page.goto((tmp_path / name).as_uri())
        assert await page.evaluate("window.pwned") == 0
        assert asked == []
    await page.close()
