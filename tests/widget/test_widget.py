"""The widget as a page meets it: in a real kernel, over the wire."""

import pytest
from kernels import VIEW, Kernel

SETUP = """
import asyncio, threading
import lfwidget as lf
from doubles import Gate, Node, SmallRunner, echo, until
from lfwidget.runners.base import Question
async def ask(execution):
    async with Node(execution, "first"):
        return await execution.ask([Question("one", "first", "first-span", "Shall I?", {"type": "string"})])
gate = Gate()
lf.options.keep_runs = 5
"""


@pytest.fixture(scope="module")
def process():
    kernel = Kernel()
    yield kernel
    kernel.close()
    assert kernel.stderr == ""


@pytest.fixture
def kernel(process):
    process.run(SETUP)
    yield process
    process.run("import ipywidgets; ipywidgets.Widget.close_all()")


def display(kernel, body="echo", **options):
    """Display a flow, and give the id of its widget."""
    keywords = "".join(f", {name}={value}" for name, value in options.items())
    cell = kernel.run(f"flow = lf.Flow(SmallRunner({body}){keywords}); flow")
    return cell.shown[-1][VIEW]["model_id"]


def has_ended(run):
    return lambda said: any(event["kind"] == "run.finished" for event in events(said, run))


def events(said, run):
    """The events of a run that a page knows after these frames."""
    known = {}
    for message in said:
        if message["kind"] == "frame" and message["run"] == run:
            known |= {event["seq"]: event for event in message["events"]}
    return [known[seq] for seq in sorted(known)]


def answers(kind, request=None):
    return lambda said: [m for m in said if m["kind"] == kind and (request is None or m["request"] == request)]


def hear_answer(kernel, widget, kind, request=None):
    kernel.hear_from(widget, answers(kind, request))
    return answers(kind, request)(kernel.comms.said(widget))[-1]


def start(kernel, widget, typed, request="r1"):
    """Press Run, and give the id of the run."""
    kernel.say(widget, {"kind": "start", "request": request, "input": typed})
    return hear_answer(kernel, widget, "started", request)["run"]


# What is displayed


def test_a_flow_is_one_widget_wherever_it_is_displayed(kernel):
    widget = display(kernel)
    cell = kernel.run("flow")
    assert cell.shown[-1][VIEW]["model_id"] == widget
    assert cell.text.startswith("Small\n├─ first")
    assert kernel.comms.opened[widget]["title"] == "Small"
    assert [node["id"] for node in kernel.comms.opened[widget]["graph"]["nodes"]] == ["first", "second"]


def test_a_flow_that_was_closed_can_be_displayed_again(kernel):
    widget = display(kernel)
    cell = kernel.run("flow.widget.close(); flow")
    assert cell.shown[-1][VIEW]["model_id"] != widget


def test_a_run_has_a_widget_of_its_own_without_an_input_box(kernel):
    kernel.run("gate = Gate(); run = lf.Flow(SmallRunner(gate)).run('hi')")
    widget = kernel.run("run").shown[-1][VIEW]["model_id"]
    assert kernel.comms.opened[widget]["form"] is None
    kernel.say(widget, {"kind": "start", "request": "r1", "input": "hi"})
    assert "only watches" in hear_answer(kernel, widget, "refused")["message"]


def test_it_goes_into_other_widgets(kernel):
    cell = kernel.run("import ipywidgets; ipywidgets.VBox([lf.Flow(SmallRunner(echo)).widget])")
    assert VIEW in cell.shown[-1]
    assert cell.error == ""


def test_a_page_that_was_not_built_is_said_to_be(kernel):
    cell = kernel.run("""
    from lfwidget import page_files as module
    there, module._STATIC = module._STATIC, module._STATIC / "nowhere"
    try:
        lf.Flow(SmallRunner(echo)).widget
    finally:
        module._STATIC = there
    """)
    assert cell.error.startswith("DisplayError: the page is not built")
    assert cell.error.endswith("Run: make bundle")
    assert cell.stderr == ""


# Frames


def test_every_event_reaches_the_page_in_order(kernel):
    widget = display(kernel)
    run = start(kernel, widget, "How big is the Earth?")
    known = events(kernel.hear_from(widget, has_ended(run)), run)
    assert [event["seq"] for event in known] == list(range(1, len(known) + 1))
    assert "".join(event.get("text", "") for event in known) == "How big is the Earth?"
    assert kernel.run("flow.runs[-1].log.since(0)").value == known


def test_the_page_hears_of_a_run_before_its_first_frame(kernel):
    widget = display(kernel)
    start(kernel, widget, "hi")
    order = [
        "runs" if "runs" in data.get("state", {}) else data.get("content", {}).get("kind")
        for comm, data in kernel.comms.messages
        if comm == widget
    ]
    assert order.index("runs") < order.index("frame")


def test_frames_come_while_a_cell_blocks_the_kernel(kernel):
    kernel.run("""
    async def block(execution):
        async with Node(execution, "first") as first:
            first.say("before")
            return sent.wait(30)
    sent = threading.Event()
    """)
    widget = display(kernel, "block")
    kernel.run("""
    run = flow.run("hi")
    stop = run.log.subscribe(lambda: run.text == "before" and sent.set())
    """)
    assert kernel.run("await run").value is True
    said = kernel.hear_from(widget, has_ended(kernel.run("run.id").value))
    frame = next(m for m in said if any(event["kind"] == "node.delta" for event in m.get("events", ())))
    assert frame["events"][-1]["kind"] == "node.delta"


def test_a_reloaded_page_gets_everything_again(kernel):
    widget = display(kernel)
    run = start(kernel, widget, "hi")
    before = kernel.hear_from(widget, has_ended(run))
    kernel.comms.messages.clear()
    kernel.say(widget, {"kind": "resync", "run": run, "have": 0})
    head = hear_answer(kernel, widget, "head")
    after = kernel.comms.said(widget)
    assert events(after, run) == events(before, run)
    assert head == {"kind": "head", "run": run, "seq": len(events(before, run))}


def test_two_pages_that_lack_different_parts_both_catch_up(kernel):
    widget = display(kernel, "gate")
    run = start(kernel, widget, "hi")
    kernel.run("await until(flow.runs[-1], 'node.started')")
    for have in (0, 2, 1):
        kernel.say(widget, {"kind": "resync", "run": run, "have": have})
    kernel.run("gate.open()")
    said = kernel.hear_from(widget, has_ended(run))
    kernel.hear_from(widget, lambda said: len(answers("head")(said)) == 3)
    assert events(said, run) == kernel.run("flow.runs[-1].log.since(0)").value


def test_a_page_is_heard_when_the_subshell_of_the_one_before_is_gone(kernel):
    """ipykernel sends what a page says to the subshell that spoke last by that comm, and drops it if there is none."""
    widget = display(kernel)
    run = start(kernel, widget, "hi")
    kernel.hear_from(widget, has_ended(run))
    subshell = kernel.open_subshell()
    kernel.say(widget, {"kind": "ping"}, subshell)
    hear_answer(kernel, widget, "pong")
    kernel.close_subshell(subshell)
    kernel.say(widget, {"kind": "resync", "run": run, "have": 0})
    assert hear_answer(kernel, widget, "head")["run"] == run


def test_a_run_that_is_gone_has_no_events(kernel):
    widget = display(kernel)
    kernel.say(widget, {"kind": "resync", "run": "gone", "have": 0})
    assert hear_answer(kernel, widget, "head") == {"kind": "head", "run": "gone", "seq": 0}


def test_a_widget_that_was_closed_says_nothing_more(kernel):
    widget = display(kernel, "gate")
    kernel.run("run = flow.run('hi'); await until(run, 'node.started'); flow.widget.close()")
    kernel.comms.messages.clear()
    kernel.run("gate.open(); await run; await until(run, 'run.finished')")
    assert kernel.comms.said(widget) == []


# Buttons


def test_stop_stops(kernel):
    widget = display(kernel, "gate")
    run = start(kernel, widget, "hi")
    kernel.say(widget, {"kind": "cancel", "run": run})
    said = kernel.hear_from(widget, lambda said: any(e["kind"] == "run.cancelled" for e in events(said, run)))
    assert events(said, run)[-1]["reason"] == "Stop was pressed"


def test_a_question_is_answered_on_the_page(kernel):
    widget = display(kernel, "ask")
    cell = kernel.execute("run = flow.run('hi'); await run")
    kernel.hear_from(widget, lambda said: any(m["events"][-1]["kind"] == "input.requested" for m in said))
    run = kernel.comms.said(widget, "frame")[-1]["run"]
    answer = {"kind": "answer", "run": run, "question": "one"}
    kernel.say(widget, {**answer, "request": "wrong", "value": 3})
    assert "string" in hear_answer(kernel, widget, "refused", "wrong")["message"]
    kernel.say(widget, {**answer, "request": "right", "value": "yes"})
    assert kernel.finish(cell).value == {"one": "yes"}


def test_a_start_that_fails_says_why(kernel):
    kernel.run("""
    class Picky(SmallRunner):
        def to_input(self, typed):
            raise lf.InputError("it needs a city", ["city"])
    """)
    widget = kernel.run("flow = lf.Flow(Picky(echo)); flow").shown[-1][VIEW]["model_id"]
    kernel.say(widget, {"kind": "start", "request": "r1", "input": "hi"})
    assert hear_answer(kernel, widget, "refused") == {
        "kind": "refused",
        "request": "r1",
        "message": "it needs a city",
        "fields": ["city"],
    }


def test_an_error_in_the_user_s_input_function_is_told_to_the_page(kernel):
    widget = display(kernel, input="lambda text: 1 / 0")
    kernel.say(widget, {"kind": "start", "request": "r1", "input": "hi"})
    assert hear_answer(kernel, widget, "refused")["message"] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "rubbish",
    [
        None,
        7,
        [],
        {},
        {"kind": "resync"},
        {"kind": "resync", "run": 3, "have": "x"},
        {"kind": "resync", "run": "gone", "have": -1},
        {"kind": "cancel", "run": "gone"},
        {"kind": "cancel", "run": {}},
        {"kind": "launch the rockets"},
    ],
)
def test_rubbish_is_passed_over(kernel, rubbish):
    widget = display(kernel)
    kernel.say(widget, rubbish)
    kernel.say(widget, {"kind": "ping"})
    assert hear_answer(kernel, widget, "pong")
    assert kernel.run("1").stderr == ""


@pytest.mark.parametrize(
    "message", [{"kind": "start", "input": 7}, {"kind": "answer", "run": "gone", "question": "q", "value": 1}]
)
def test_rubbish_that_wants_an_answer_is_refused(kernel, message):
    widget = display(kernel)
    kernel.say(widget, {**message, "request": "r1"})
    assert hear_answer(kernel, widget, "refused", "r1")


# What observers see


def test_the_runs_and_their_statuses_are_a_trait(kernel):
    widget = display(kernel)
    run = start(kernel, widget, "hi")
    kernel.hear_from(widget, has_ended(run))
    kernel.until(lambda: kernel.comms.states(widget, "runs")[-1][-1]["status"] == "finished")
    assert kernel.comms.states(widget, "runs")[-1] == [{"id": run, "name": "hi", "status": "finished"}]
    assert kernel.comms.states(widget, "shown")[-1] == run


def test_observers_of_the_nodes_run_where_cells_do(kernel):
    display(kernel)
    kernel.run("""
    seen, done = [], asyncio.Event()
    def observe(change):
        seen.append((threading.current_thread() is threading.main_thread(), change["new"]))
        if change["new"]["first"]["status"] == "finished":
            done.set()
    flow.widget.observe(observe, "nodes")
    await asyncio.wait_for(asyncio.gather(flow.run("hi"), done.wait()), 30)
    """)
    assert kernel.run("all(here for here, _ in seen)").value is True
    assert kernel.run("seen[-1][1]").value == {
        "first": {"status": "finished", "tokens": 2, "duration": 0.5},
        "second": {"status": "idle", "tokens": 0, "duration": None},
    }


def test_the_page_chooses_which_run_the_nodes_are_of(kernel):
    widget = display(kernel)
    first = start(kernel, widget, "four", "r1")
    kernel.hear_from(widget, has_ended(first))
    second = start(kernel, widget, "ab", "r2")
    kernel.hear_from(widget, has_ended(second))
    kernel.until(lambda: kernel.comms.states(widget, "nodes")[-1].get("first", {}).get("tokens") == 2)
    kernel.set_trait(widget, shown=first)
    kernel.until(lambda: kernel.comms.states(widget, "nodes")[-1]["first"]["tokens"] == 4)


def test_only_the_last_runs_are_kept(kernel):
    widget = display(kernel)
    kernel.run("lf.options.keep_runs = 2")
    kernel.run("for name in 'abc': await flow.run(name)")
    assert kernel.run("[run.name for run in flow.runs]").value == ["b", "c"]
    assert [run["name"] for run in kernel.comms.states(widget, "runs")[-1]] == ["b", "c"]


# Beats


def test_it_beats_while_a_run_goes_on(kernel):
    widget = display(kernel, "gate")
    kernel.run("run = flow.run('hi')")
    assert hear_answer(kernel, widget, "beat") == {"kind": "beat", "busy": False}
    kernel.run("gate.open()")


def test_it_says_that_a_cell_blocks_the_kernel(kernel):
    widget = display(kernel, "gate")
    kernel.run("""
    from lfwidget.ticker import ticker
    run = flow.run('hi')
    heard = threading.Event()
    stop = ticker.on_beat(lambda busy: busy and heard.set())
    """)
    assert kernel.run("heard.wait(30)").value is True
    assert {"kind": "beat", "busy": True} in kernel.comms.said(widget, "beat")
    kernel.run("stop(); gate.open()")
