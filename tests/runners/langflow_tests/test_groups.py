"""LangFlow runs only the nodes in a group: what a group does follows from what these do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langflow_double import flow, node

from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import read_export
from lfwidget.runners.langflow.groups import Groups


def grouped(group_id, *inner, outputs=()):
    """A group; an output is the id of the node that gives it."""
    made = node(group_id)
    made["data"]["node"]["outputs"] = [
        {"name": f"{each}_out", "types": ["Message"], "proxy": {"id": each, "name": "out"}} for each in outputs
    ]
    made["data"]["node"]["flow"] = flow(list(inner), [])
    return made


def nodes(*names):
    return [node(name, "out", into="") for name in names]


class Watched:
    """A run whose nodes begin and end as a test says."""

    def __init__(self, *top):
        export = read_export(flow(list(top), []))
        self.log = RunLog(clock=lambda: 0.0)
        graph = draw(export)
        self.log.append("run.started", run_id="r", flow="f", input=None, started_at="", graph=graph, format=1)
        self.groups = Groups(export, self.log)
        self.within = {}

    def begin(self, name, within=None):
        parent = self.within[name] = self.groups.begin(name, within)
        fields = {"parent": parent} if parent else {}
        self.log.append("node.started", node=name, span=f"{name}#1", attempt=1, **fields)
        return self

    def end(self, name, kind="node.finished", **fields):
        self.log.append(kind, node=name, span=f"{name}#1", **fields)
        self.groups.end(name, self.within[name], kind, fields)
        return self

    def run(self, *names):
        for name in names:
            self.begin(name).end(name, output=f"of {name}")
        return self

    def fail(self, name):
        error = {"type": "ValueError", "message": "no", "traceback": "Traceback: long"}
        return self.end(name, "node.failed", error=error)

    def skip(self, *names, reason="another way"):
        for name in names:
            self.log.append("node.skipped", node=name, reason=reason)
            self.groups.skip(name, reason)
        return self

    def close(self, reason="", **options):
        self.groups.close(reason, **options)
        return self

    @property
    def told(self):
        return [(event["kind"].removeprefix("node."), event["node"]) for event in self.log.since(1)]

    def node(self, name):
        return RunState(self.log.since(0)).node(name)


def test_a_group_starts_with_the_first_of_its_nodes_and_ends_with_the_last():
    run = Watched(grouped("G", *nodes("A", "B"))).run("A", "B")
    assert run.told == [
        ("started", "G"),
        *[(kind, name) for name in "AB" for kind in ("started", "finished")],
        ("finished", "G"),
    ]
    assert run.node("A").spans[0].parent == "G#1"


def test_nodes_outside_of_groups_are_none_of_its_business():
    run = Watched(*nodes("X"), grouped("G", *nodes("A"))).run("X")
    assert run.told == [("started", "X"), ("finished", "X")]
    assert run.node("X").spans[0].parent is None


def test_a_group_goes_on_between_its_nodes():
    run = Watched(grouped("G", *nodes("A", "B"))).run("A")
    assert run.node("G").status == "running"


def test_a_group_in_a_group_is_a_node_of_it():
    run = Watched(grouped("Out", grouped("In", *nodes("A")), *nodes("B"))).run("A")
    assert run.told[:2] == [("started", "Out"), ("started", "In")]
    assert [run.node(name).status for name in ("Out", "In")] == ["running", "finished"]
    assert run.node("In").spans[0].parent == "Out#1"
    run.run("B")
    assert run.node("Out").status == "finished"


def test_a_group_gives_what_the_nodes_behind_its_outputs_gave():
    run = Watched(grouped("G", *nodes("A", "B"), outputs=["A"])).run("A", "B")
    assert run.node("G").output == "of A"
    assert Watched(grouped("G", *nodes("A", "B"))).run("A", "B").node("G").output == "of B"
    several = Watched(grouped("G", *nodes("A"), outputs=["A"])).begin("A").end("A", output={"out": 1, "other": 2})
    assert several.node("G").output == 1


def test_a_node_that_fails_fails_its_groups_once_the_others_have_ended():
    run = Watched(grouped("Out", grouped("In", *nodes("A", "B", "C")))).begin("A").begin("B").fail("A")
    assert run.node("In").status == "running"
    run.end("B", "node.cancelled", reason="an earlier node failed").skip("C").close("an earlier node failed")
    assert [run.node(name).status for name in ("Out", "In")] == ["failed", "failed"]
    assert run.node("Out").error == {"type": "ValueError", "message": "no"}


def test_a_call_answers_for_what_it_calls_in_the_same_group():
    run = Watched(grouped("G", *nodes("Agent", "Tool"))).begin("Agent").begin("Tool", within="Agent#1").fail("Tool")
    run.end("Agent", output="I did it without")
    assert (run.node("G").status, run.node("G").output) == ("finished", "I did it without")


def test_a_call_from_outside_is_the_groups_own():
    run = Watched(*nodes("Agent"), grouped("G", *nodes("Tool"))).begin("Agent").begin("Tool", within="Agent#1")
    assert run.node("G").status == "running"
    assert run.node("Tool").spans[0].parent == "Agent#1"
    assert run.end("Tool").node("G").status == "finished"


def test_a_group_whose_nodes_run_again_runs_again():
    run = Watched(grouped("G", *nodes("A"))).run("A", "A")
    assert [span.id for span in run.node("G").spans] == ["G#1", "G#2"]


@pytest.mark.parametrize(("reason", "status"), [("", "finished"), ("the run was cancelled", "cancelled")])
def test_what_is_open_ends_with_the_run(reason, status):
    run = Watched(grouped("Out", grouped("In", *nodes("A", "B")))).run("A").close(reason)
    assert [run.node(name).status for name in ("Out", "In")] == [status, status]


def test_a_stop_stops_the_group_that_runs():
    run = Watched(grouped("G", *nodes("A"))).begin("A").end("A", "node.cancelled", reason="stopped").close("stopped")
    assert run.node("G").status == "cancelled"
    assert [kind for kind, name in run.told if name == "G"] == ["started", "cancelled"]


def test_a_group_is_skipped_with_all_of_its_nodes_and_for_their_reason():
    run = Watched(grouped("Out", grouped("In", *nodes("A", "B")))).skip("A", "B").close()
    assert [(run.node(name).status, run.node(name).reason) for name in ("Out", "In")] == [
        ("skipped", "another way")
    ] * 2
    mixed = Watched(grouped("G", *nodes("A", "B"))).skip("A").skip("B", reason="nothing led to it").close()
    assert mixed.node("G").reason == "none of its nodes ran"
    assert Watched(grouped("G")).close().node("G").reason == "nothing is in it"


def test_a_group_does_not_wait_for_a_node_that_is_skipped():
    run = Watched(grouped("G", *nodes("A", "B"))).run("A").skip("B")
    assert run.node("G").status == "finished"


def test_a_way_that_does_not_tell_of_nodes_skips_no_group():
    assert Watched(grouped("G", *nodes("A"))).close(untold=True).told == []


STEPS = st.lists(st.tuples(st.sampled_from("ABCDX"), st.sampled_from(["begin", "finish", "fail", "cancel", "skip"])))


@given(STEPS, st.sampled_from(["", "the run was cancelled"]))
def test_whatever_happens_a_group_runs_while_its_nodes_do_and_nothing_is_left_open(steps, reason):
    run = Watched(*nodes("X"), grouped("G", *nodes("A", "B"), grouped("H", *nodes("C", "D"))))
    open_now, begun = set(), set()
    for name, act in steps:
        if act == "begin" and name not in begun:
            run.begin(name)
            open_now.add(name)
            begun.add(name)
        elif act == "skip" and name not in begun:
            run.skip(name)
            begun.add(name)
        elif name in open_now and act not in {"begin", "skip"}:
            {"finish": run.end, "fail": run.fail, "cancel": lambda n: run.end(n, "node.cancelled", reason="x")}[act](
                name
            )
            open_now.remove(name)
        assert run.node("H").status == "running" or not open_now & set("CD")
        assert run.node("G").status == "running" or not open_now & set("ABCD")
    for name in open_now:
        run.end(name)
    run.close(reason)
    state = RunState(run.log.since(0))
    assert all(state.node(name).status not in ("idle", "running") for name in "GH")
    ended = [
        event["span"]
        for event in run.log.since(1)
        if event["kind"] in ("node.finished", "node.failed", "node.cancelled")
    ]
    assert sorted(ended) == sorted(state.spans)
