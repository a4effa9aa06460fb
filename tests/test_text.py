import asyncio

from doubles import Gate, Node, SmallRunner, node, until, within

import lfwidget as lf
from lfwidget.runners.base import Question

NODES = [
    {"id": "start", "title": "start", "type": "start"},
    node("plan"),
    node("agent", "Agent"),
    node("agent/model", "gpt-x", parent="agent"),
    node("agent/model/call", parent="agent/model", card=False),
    node("say", "Say it"),
]
EDGES = [
    {"source": "start", "target": "plan"},
    {"source": "plan", "target": "agent", "label": "if asked", "kind": "conditional"},
    {"source": "plan", "target": "say"},
    {"source": "agent", "target": "say"},
]


async def text_of(body, nodes=NODES, typed="hi"):
    run = lf.Flow(SmallRunner(body, nodes, EDGES)).run(typed, name="Lesson")
    await until(run, "run.finished", "run.failed", "run.cancelled", "input.requested")
    lines = repr(run).splitlines()
    run.cancel()
    return lines


def test_a_flow_is_a_tree_of_its_nodes_with_where_they_lead():
    assert repr(lf.Flow(SmallRunner(None, NODES, EDGES), name="Tutor")).splitlines() == [
        "Tutor",
        "├─ plan → Agent (if asked), Say it",
        "├─ agent → Say it",
        "│  └─ agent/model (gpt-x)",
        "└─ say (Say it)",
    ]


async def test_a_run_says_status_time_tokens_and_text():
    async def body(execution):
        async with Node(execution, "plan"):
            pass
        async with Node(execution, "agent"), Node(execution, "agent/model", usage={"output_tokens": 3}) as model:
            model.say("Hello,", "\nwor", "ld")
        execution.log.append("node.skipped", node="say", reason="not taken")

    head, *tree = await text_of(body)
    assert head.startswith("Small: Lesson · ✓ finished in 0.")
    assert head.endswith("3 out tokens")
    assert tree == [
        "├─ plan  ✓ finished · 0.50 s",
        "├─ agent  ✓ finished · 0.50 s",
        "│  └─ agent/model (gpt-x)  ✓ finished · 0.50 s · 3 tokens",
        "│        Hello,",
        "│        world",
        "└─ say (Say it)  - skipped · not taken",
    ]


async def test_an_error_stands_at_its_node_and_at_the_end():
    async def body(execution):
        async with Node(execution, "plan"):
            raise ZeroDivisionError("no")

    lines = await text_of(body)
    assert "✗ failed" in lines[0]
    assert lines[2].strip("│ ") == "ZeroDivisionError: no"
    assert lines[-1] == "ZeroDivisionError: no"


async def test_a_question_stands_at_the_end():
    async def body(execution):
        async with Node(execution, "plan"):
            await execution.ask([Question("one", "plan", "plan-span", "Shall I?")])

    lines = await text_of(body)
    assert "? waiting" in lines[0]
    assert lines[-1] == "? plan asks: Shall I?"


async def test_a_node_that_ran_several_times_says_how_often():
    async def body(execution):
        for span in ("a", "b"):
            execution.log.append("node.started", node="plan", span=span, attempt=1)
            execution.log.append("node.finished", node="plan", span=span, duration=0.5)

    assert (await text_of(body))[1] == "├─ plan  ✓ finished · 0.50 s · 2 times"


async def test_a_run_that_goes_on_has_no_duration_yet():
    gate = Gate()
    run = lf.Flow(SmallRunner(gate)).run("hi")
    await until(run, "node.started")
    assert repr(run).splitlines()[:2] == ["Small: hi · ▶ running", "├─ first  ▶ running"]
    gate.open()
    await within(run)


async def test_a_long_text_is_cut():
    async def body(execution):
        async with Node(execution, "plan") as plan:
            plan.say("x" * 5000)

    assert max(map(len, await text_of(body))) < 700


async def test_what_a_node_calls_stands_where_it_says_nothing():
    async def body(execution):
        async with Node(execution, "plan") as plan:
            call = {"index": 0, "id": "c", "name": "search"}
            execution.log.delta("plan", plan.span, "tool_call", '{"q": 1}', call)

    assert (await text_of(body))[2].strip("│ ") == 'search({"q": 1})'


async def test_it_can_be_printed_from_a_cell_at_any_time():
    gates = [Gate(), Gate()]
    runs = [lf.Flow(SmallRunner(gate)).run("hi") for gate in gates]
    assert all("running" in str(run) for run in runs)
    for run, gate in zip(runs, gates, strict=True):
        await until(run, "node.started")
        gate.open()
    await within(asyncio.gather(*runs))
