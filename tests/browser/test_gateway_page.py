"""A run that is shared: on the gateway's page in a plain browser, and joined in a notebook of one's own."""

import asyncio

import pytest
from doubles import Gate, Node, SmallRunner, within
from flow_view import FlowView
from playwright.async_api import expect
from servers.tcp_proxy import TcpProxy
from test_records import FLOW

import lfwidget as lf
from lfwidget.runners.base import Question

PHONE = {"width": 390, "height": 780}
LONG = "言葉がとても長いので折り返す必要があります。" * 12


class Talk(Gate):
    """A flow that says what the test says, until it is let go."""

    def __init__(self, then=None):
        super().__init__()
        self.ready, self._then = asyncio.Event(), then

    async def __call__(self, execution):
        self._loop, self._open = asyncio.get_running_loop(), asyncio.Event()
        async with Node(execution, "first", output="said") as first:
            self.say = first.say
            self.ready.set()
            await self._open.wait()
            if self._then:
                return await execution.ask([Question("q", "first", "first-span", self._then)])
        return "said"


@pytest.fixture
def talk():
    return Talk()


async def begun(talk, **how):
    flow = lf.Flow(SmallRunner(talk), name="Tutor")
    link = flow.share(**how)
    run = flow.run("What is entropy?")
    await within(talk.ready.wait())
    return flow, run, link


async def opened(context, url, **viewport):
    page = await context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    if viewport:
        await page.set_viewport_size(viewport)
    await page.goto(url)
    return page


async def test_the_page_shows_a_run_live(context, talk, shoot):
    _flow, run, link = await begun(talk)
    page = await opened(context, link.url)
    await expect(page.get_by_role("heading")).to_have_text("Tutor")
    talk.say("Heat ", "spreads.")
    await expect(page.locator('[data-id="first"]')).to_contain_text("Heat spreads.")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Stop the run")).to_be_hidden()
    await shoot(page, "gateway-live")
    talk.open()
    await expect(page.get_by_text("The run has ended.")).to_be_visible()
    await expect(page.locator('[data-id="first"]')).to_have_attribute("data-status", "finished")
    await within(run)
    assert page.errors == []
    link.close()


async def test_the_page_fits_a_phone(context, talk, shoot):
    _flow, _run, link = await begun(talk)
    page = await opened(context, link.url, **PHONE)
    talk.say(LONG)
    await expect(page.locator('[data-id="first"]')).to_contain_text("折り返す")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
    await shoot(page, "gateway-phone")
    talk.open()
    link.close()


async def test_the_page_waits_for_the_first_run_and_follows_the_next(context, shoot):
    flow = lf.Flow(SmallRunner(Talk()), name="Tutor")
    link = flow.share()
    page = await opened(context, link.url)
    await expect(page.get_by_text("Waiting for the first run")).to_be_visible()
    await shoot(page, "gateway-waiting")
    for question in ("first question", "second question"):
        run = flow.run(question)
        await expect(page.locator("select[aria-label=Run], .lfw-state")).not_to_have_count(0)
        await expect(page.locator('[data-id="first"]')).to_have_attribute("data-status", "running")
        run.cancel()
    await expect(page.locator("select[aria-label=Run] option")).to_have_count(2)
    link.close()


async def test_a_page_that_is_cut_off_says_so_and_catches_up(context, talk, shoot):
    _flow, _run, link = await begun(talk)
    port = int(link.url.split(":")[2].split("/")[0])
    with TcpProxy(port).running() as line:
        page = await opened(context, link.url.replace(f":{port}/", f":{line.url.rpartition(':')[2]}/"))
        talk.say("before ")
        await expect(page.locator('[data-id="first"]')).to_contain_text("before")
        line.cut()
        await expect(page.get_by_text("Connection lost, reconnecting")).to_be_visible()
        await shoot(page, "gateway-lost")
        talk.say("meanwhile ")
        line.restore()
        await expect(page.locator('[data-id="first"]')).to_contain_text("before meanwhile")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    talk.open()
    link.close()


async def test_a_page_without_sockets_is_fed_by_server_sent_events(context, talk):
    _flow, _run, link = await begun(talk)
    await context.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onclose({}), 1) } }"
    )
    page = await opened(context, link.url)
    talk.say("by another way")
    await expect(page.locator('[data-id="first"]')).to_contain_text("by another way")
    talk.open()
    await expect(page.get_by_text("The run has ended.")).to_be_visible()
    link.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda url: url.partition("#")[0], "This link is not whole"),
        (lambda url: url[:-4], "The link is not one of this gateway"),
        (lambda url: url.replace("/flows/", "/runs/"), "This link is for another run"),
    ],
)
async def test_a_link_that_opens_nothing_says_why(context, talk, spoil, words):
    _flow, _run, link = await begun(talk)
    page = await opened(context, spoil(link.url))
    await expect(page.get_by_role("status").first).to_contain_text(words)
    talk.open()
    link.close()


async def test_whoever_watches_is_told_when_the_link_is_closed(context, talk):
    _flow, _run, link = await begun(talk)
    page = await opened(context, link.url)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    link.close()
    await expect(page.get_by_text("closed by whoever shared it")).to_be_visible()
    talk.open()


async def test_who_may_run_starts_answers_and_stops(context, shoot):
    talk = Talk(then="Shall I go on?")
    flow, run, link = await begun(talk, can="run")
    page = await opened(context, link.url)
    talk.open()
    await expect(page.locator('[data-id="first"]')).to_contain_text("Shall I go on?")
    await shoot(page, "gateway-question")
    await page.locator(".lfw-question textarea").fill("yes")
    await page.locator(".lfw-question").get_by_role("button").first.click()
    assert await within(run) == {"q": "yes"}
    await page.locator(".lfw-composer textarea").fill("and now?")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator("select[aria-label=Run] option")).to_have_count(2)
    assert flow.runs[-1].input == "and now?"
    await page.get_by_role("button", name="Stop the run").click()
    await expect(page.locator('[data-id="first"]')).to_have_attribute("data-status", "cancelled")
    link.close()


async def test_a_shared_run_can_be_played_back_on_the_page(context, talk):
    _flow, run, link = await begun(talk)
    page = await opened(context, link.url)
    talk.say("play ", "me ", "back")
    talk.open()
    await within(run)
    await expect(page.get_by_text("The run has ended.")).to_be_visible()
    await page.get_by_role("button", name="Play the run back").click()
    await expect(page.get_by_role("button", name="Back to the live view")).to_be_visible()
    link.close()


async def test_a_lesson_in_two_notebooks(open_notebook, shoot):
    shared = "flow = flow_of(['one two three four five'], rate=8)\nlink = flow.share()\nlink"
    teacher = await open_notebook([FLOW, shared, "await flow.run('hello')"])
    await teacher.run(0)
    await teacher.run(1)
    await expect(teacher.page.get_by_alt_text("QR code of the link")).to_be_visible()
    await expect(teacher.page.get_by_text("nobody watches now")).to_be_visible()
    url = await teacher.page.locator('a[href*="/flows/"]').get_attribute("href")
    joined = f"import lfwidget as lf\nroom = lf.join({url!r})\nroom"
    student = await open_notebook([joined, "mine = await room.next()", "await mine", "mine"])
    await student.run(0)
    await expect(teacher.page.get_by_text("1 watches now")).to_be_visible()
    await shoot(teacher.page, "gateway-teacher")
    await student.start(1)
    await teacher.run(2)
    await student.done(1)
    await FlowView.under(student, 0).run_is("finished")
    await expect(student.cell(0)).to_contain_text("Explain")
    await expect(FlowView.under(student, 0).card("model")).to_contain_text("one two three four five")
    await student.run(2)
    await student.run(3)
    await expect(student.cell(3).locator(".lfw-player")).to_be_visible()
    await shoot(student.page, "gateway-student")
    for notebook, name in ((teacher, "teacher"), (student, "student")):
        await notebook.set_theme("JupyterLab Dark")
        await shoot(notebook.page, f"gateway-{name}-dark")
