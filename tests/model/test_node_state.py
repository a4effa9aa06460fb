import golden
import pytest

from lfwidget.model.node_state import sum_usage
from lfwidget.model.state import RunState


def fold(*events, nodes=("a",)):
    begin = golden.started([golden.node(name) if isinstance(name, str) else name for name in nodes])
    return RunState({"seq": seq, **event} for seq, event in enumerate((begin, *events), 1))


def a(*events):
    return fold(*events).nodes["a"]


def failed(t, span):
    return golden.on(t, "node.failed", span, error=golden.error("E", "m"))


def retracted(t, span):
    return golden.on(t, "node.retracted", span)


def test_a_node_is_idle_before_its_first_span():
    assert a().status == "idle"


def test_a_running_span_outweighs_what_ended():
    node = a(golden.start(0, "a"), golden.start(1, "a#2"), golden.finish(2, "a#2", 1, 1))
    assert node.status == "running"


def test_a_running_span_outweighs_a_waiting_one():
    asked = golden.on(1, "input.requested", "a", request="q", prompt="?")
    assert a(golden.start(0, "a"), asked).status == "waiting"
    assert a(golden.start(0, "a"), asked, golden.start(2, "a#2")).status == "running"


def test_a_retracted_attempt_does_not_count():
    events = [golden.start(0, "a"), failed(1, "a"), retracted(1, "a"), golden.start(1, "a#2", attempt=2)]
    node = a(*events, golden.finish(2, "a#2", "ok", 1))
    assert (node.status, node.error, node.output) == ("finished", None, "ok")
    assert [span.attempt for span in node.spans] == [1, 2]


def test_the_last_attempt_counts_where_all_were_retracted():
    node = a(golden.start(0, "a"), failed(1, "a"), retracted(1, "a"))
    assert (node.status, node.error) == ("failed", golden.error("E", "m"))


def test_a_late_retraction_brings_back_the_span_before():
    node = a(
        golden.start(0, "a"), golden.finish(1, "a", "one", 1), golden.start(1, "a#2"), failed(2, "a#2"),
        retracted(2, "a#2"),
    )  # fmt: skip
    assert (node.status, node.output) == ("finished", "one")


@pytest.mark.parametrize(
    ("children", "own"),
    [
        ([], 10),
        ([(1, 3)], 8),
        ([(1, 3), (2, 5)], 6),
        ([(1, 9), (2, 5)], 2),
        ([(1, 3), (3, 5), (8, 9)], 5),
        ([(0, 10)], 0),
        ([(4, None)], 10),
    ],
)
def test_self_time_is_what_no_child_covers(children, own):
    events = [golden.start(0, "a")]
    for i, (start, end) in enumerate(children):
        events.append(golden.start(start, f"b#{i}", parent="a"))
        if end is not None:
            events.append(golden.finish(end, f"b#{i}", None, end - start))
    events = [*sorted(events, key=lambda event: event["t"]), golden.finish(10, "a", None, 10)]
    assert a(*events).self_time == own


def test_self_time_is_unknown_until_the_end():
    assert a(golden.start(0, "a")).self_time is None


def test_the_first_token_is_counted_from_the_start_of_the_current_span():
    events = [golden.start(0, "a"), golden.tokens(1, "a", "x"), golden.finish(2, "a", "x", 2), golden.start(5, "a#2")]
    assert a(*events).first_token is None
    assert a(*events, golden.tokens(5.5, "a#2", "y", "z", dts=[-250, 0])).first_token == 0.25


def test_the_first_token_of_a_call_inside_is_the_first_of_the_card():
    inside = golden.node("b", parent="a", card=False)
    state = fold(
        golden.start(1, "a"), golden.start(2, "b", parent="a"), golden.tokens(3, "b", "x"), nodes=("a", inside)
    )
    assert (state.nodes["a"].first_token, state.nodes["b"].first_token) == (2, 1)
    assert state.nodes["a"].text == "x"


def test_a_first_token_before_its_span_counts_as_at_once():
    assert a(golden.start(1, "a"), golden.tokens(1, "a", "x", dts=[-5])).first_token == 0


def test_tokens_are_counted_until_the_bill_comes():
    events = [golden.start(0, "a"), golden.tokens(1, "a", "x", "y")]
    assert a(*events).tokens == 2
    events.append(golden.finish(2, "a", "xy", 2, usage={"output_tokens": 5}))
    assert a(*events).tokens == 5
    assert a(*events, golden.start(3, "a#2"), golden.tokens(4, "a#2", "z")).tokens == 6


def test_parents_in_a_circle_are_passed_once():
    circle = [golden.node("a", parent="b", card=False), golden.node("b", parent="a", card=False)]
    state = fold(golden.start(0, "a"), golden.tokens(1, "a", "x"), nodes=circle)
    assert (state.nodes["a"].text, state.nodes["b"].text) == ("x", "x")
    assert state.nodes["b"].tokens == 1


def test_usage_sums_what_is_known():
    assert sum_usage([None, {"input_tokens": 1}, {"input_tokens": 2, "output_tokens": 0}]) == {
        "input_tokens": 3,
        "output_tokens": 0,
    }
    assert sum_usage([None, {}]) is None
