"""Python's fold and the page's must agree on every log: golden ones, runs as they happen, and rubbish in good form."""

import json
import shutil
import subprocess
from pathlib import Path

import golden
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfwidget.model.state import RunState

JS = Path(__file__).resolve().parents[2] / "js"
ESBUILD = JS / "node_modules" / ".bin" / "esbuild"

NODES = ["a", "b", "c", "a/x", "a/y", "7"]
SPANS = [f"s{i}" for i in range(6)]
SMALL = st.integers(0, 3)
TEXT = st.text(st.sampled_from("ab \n猫🐈é\u200d\u2028"), max_size=6)
VALUE = st.none() | st.booleans() | st.integers(-5, 5) | TEXT | st.lists(TEXT, max_size=2)
SECONDS = st.floats(0, 3, width=32) | st.integers(0, 3) | st.integers(0, 400).map(lambda n: n / 128)
USAGE = st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "total_tokens", "cached"]), SMALL, max_size=3)
ERROR = st.fixed_dictionaries({"type": st.just("E"), "message": TEXT})
CALL = st.fixed_dictionaries({"index": SMALL}, optional={"id": TEXT, "name": TEXT})
TOOL_CALL = st.fixed_dictionaries({"index": SMALL, "args": TEXT}, optional={"id": TEXT, "name": TEXT})
NODE = st.fixed_dictionaries(
    {"id": st.sampled_from(NODES), "title": TEXT, "type": st.just("function")},
    optional={"parent": st.sampled_from([*NODES, "nowhere"]), "card": st.booleans()},
)
EDGE = st.fixed_dictionaries(
    {"source": st.sampled_from(NODES), "target": st.sampled_from(NODES)},
    optional={"label": TEXT, "kind": st.sampled_from(["flow", "conditional"])},
)
GRAPH = {"nodes": st.lists(NODE, max_size=4), "edges": st.lists(EDGE, max_size=3)}


def event(kind, required=(), **optional):
    return st.fixed_dictionaries({"kind": st.just(kind), "step": SECONDS, **dict(required)}, optional=optional)


@st.composite
def delta(draw):
    said = draw(st.lists(TEXT, max_size=4))
    made = {
        "kind": "node.delta",
        "step": draw(SECONDS),
        "node": draw(st.sampled_from(NODES)),
        "span": draw(st.sampled_from(SPANS)),
        "channel": draw(st.sampled_from(["text", "reasoning", "tool_call"])),
        "text": "".join(said),
        "cuts": [len(token) for token in said],
        "dts": [-draw(SMALL) for _ in said],
    }
    return {**made, "call": draw(CALL)} if draw(st.booleans()) else made


ON = {"node": st.sampled_from(NODES), "span": st.sampled_from(SPANS)}
RUBBISH = st.one_of(
    delta(),
    event("graph.changed", GRAPH),
    event(
        "node.started",
        {**ON, "attempt": SMALL},
        parent=st.sampled_from(SPANS),
        index=SMALL,
        input=VALUE,
    ),
    event("node.text", {**ON, "channel": st.sampled_from(["text", "reasoning"]), "text": TEXT}),
    event(
        "node.finished",
        {**ON, "duration": SECONDS},
        output=VALUE,
        usage=USAGE,
        tool_calls=st.lists(TOOL_CALL, max_size=3),
    ),
    event("node.failed", {**ON, "error": ERROR}, duration=SECONDS),
    event("node.cancelled", {**ON, "reason": TEXT}, duration=SECONDS),
    event("node.retracted", ON),
    event("node.skipped", {"node": st.sampled_from(NODES), "reason": TEXT}),
    event("input.requested", {**ON, "request": TEXT, "prompt": VALUE}),
    event("input.given", {**ON, "request": TEXT, "value": VALUE}),
    event("log", {"level": st.just("info"), "message": TEXT}),
    event("note", {"text": TEXT}, moment=SECONDS),
    event("run.finished", {}, output=VALUE, usage=USAGE),
    event("run.failed", {"error": ERROR}),
    event("run.cancelled", {}),
    event("toString", {}, node=st.sampled_from(NODES), span=st.sampled_from(SPANS)),
)
BEGIN = st.fixed_dictionaries(GRAPH).map(lambda graph: golden.started(graph["nodes"], graph["edges"]))


def stamped(events):
    t, log = 0.0, []
    for seq, made in enumerate(events, 1):
        t += made.get("step", 0)
        log.append({**{key: value for key, value in made.items() if key != "step"}, "seq": seq, "t": t})
    return log


@st.composite
def rubbish(draw):
    return stamped([draw(BEGIN), *draw(st.lists(RUBBISH, max_size=30))])


@st.composite
def runs(draw):
    """A log as a run writes it: a span starts once, says something while it is open, ends once, inside its parent."""
    begin = draw(BEGIN)
    names = [node["id"] for node in begin["graph"]["nodes"]] or ["a"]
    made, stack = [begin], []
    for i in range(draw(st.integers(0, 12))):
        if stack and draw(st.booleans()):
            made.append(ending(draw, *stack.pop()))
            continue
        name, span = draw(st.sampled_from(names)), f"s{i}"
        inside = {"parent": stack[-1][1]} if stack else {}
        made.append({"kind": "node.started", "node": name, "span": span, "attempt": 1, "step": draw(SECONDS), **inside})
        made += [{**said, "node": name, "span": span} for said in draw(st.lists(delta(), max_size=3))]
        stack.append((name, span))
    made += [ending(draw, *stack.pop()) for _ in range(draw(st.integers(0, len(stack))))]
    made.append({"kind": draw(st.sampled_from(["run.finished", "run.cancelled"])), "step": draw(SECONDS)})
    return stamped(made)


def ending(draw, name, span):
    end = draw(st.sampled_from([{"kind": "node.finished", "output": "o"}, {"kind": "node.cancelled", "reason": "r"}]))
    return {**end, "node": name, "span": span, "step": draw(SECONDS), "duration": draw(SECONDS)}


class Page:
    """The page's fold in a node process: a log a line in, its state a line out."""

    def __init__(self, program):
        self._process = subprocess.Popen(
            [shutil.which("node"), program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def fold(self, events):
        self._process.stdin.write(json.dumps(events) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the page's fold stopped at {json.dumps(events)}"
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if not ESBUILD.exists():
        pytest.skip("the page's tools are not installed: make bundle")
    program = tmp_path_factory.mktemp("fold") / "fold.mjs"
    subprocess.run(
        [ESBUILD, "src/fold_cli.ts", "--bundle", "--platform=node", "--format=esm", f"--outfile={program}"],
        cwd=JS,
        check=True,
        capture_output=True,
        timeout=60,
    )
    page = Page(program)
    yield page
    page.close()


quick = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("name", golden.LOGS)
def test_the_page_makes_the_expected_state(page, name):
    expected = json.loads((golden.FOLDER / f"{name}.state.json").read_text(encoding="utf-8"))
    assert page.fold(golden.events(name)) == expected


@quick
@given(log=runs())
def test_both_agree_on_every_run(page, log):
    assert page.fold(log) == RunState(log).to_json()


@quick
@given(log=rubbish())
def test_both_agree_on_rubbish_in_good_form(page, log):
    assert page.fold(log) == RunState(log).to_json()


@pytest.mark.parametrize("value", [0.0000005, 0.0000015, 1 / 128, 3 / 128, 2.5 / 128, 1e-7, 123456.7890125, 1 / 3])
def test_both_round_alike(page, value):
    log = [{**event, "t": event["t"] + value} for event in golden.events("plain_text")]
    assert page.fold(log) == RunState(log).to_json()
