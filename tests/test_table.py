import sys

import pytest
from doubles import node

import lfwidget as lf
from lfwidget.model.log import RunLog
from lfwidget.model.state import RunState
from lfwidget.table import Row, Table

NODES = [
    {"id": "start", "title": "Start", "type": "start"},
    node("prompt"),
    node("model", "gpt-x", params={"model": "gpt-x"}),
    node("hidden", parent="model", card=False),
    node("<odd>"),
]
USAGE = {"input_tokens": 1_000_000, "output_tokens": 200}


def state(usage=USAGE):
    time = iter([0.0, 0.0, 1.0, 1.0, 2.0, 2.5, 2.5, 3.0])
    log = RunLog(clock=lambda: next(time, 3.0))
    log.append(
        "run.started",
        run_id="r",
        flow="f",
        input="hi",
        started_at="2026-01-01T00:00:00+00:00",
        graph={"nodes": NODES, "edges": []},
        format=1,
    )
    log.append("node.started", node="prompt", span="p", attempt=1)
    log.append("node.finished", node="prompt", span="p", duration=1.0)
    log.append("node.started", node="model", span="m", attempt=1)
    log.delta("model", "m", "text", "Hello")
    log.append("node.finished", node="model", span="m", duration=2.0, **({"usage": usage} if usage else {}))
    return RunState(log.since(0))


@pytest.fixture
def prices(monkeypatch):
    monkeypatch.setattr(lf.options, "prices", {"gpt-x": (2.0, 50.0)})


def test_there_is_a_row_for_each_card():
    assert [row.node for row in Table.of(state())] == ["prompt", "model", "<odd>"]


def test_a_row_says_what_is_known(prices):
    assert Table.of(state())[1] == Row(
        node="model",
        status="finished",
        duration=2.0,
        first_token=1.0,
        tokens=200,
        tokens_per_second=100.0,
        cost=2.0 + 0.01,
    )


def test_the_pace_of_a_loop_is_that_of_all_its_turns():
    log = RunLog()
    graph = {"nodes": NODES, "edges": []}
    log.append("run.started", run_id="r", flow="f", input=None, started_at="", graph=graph, format=1)
    for turn in ("m-1", "m-2"):
        log.append("node.started", node="model", span=turn, attempt=1)
        log.append("node.finished", node="model", span=turn, duration=2.0, usage={"output_tokens": 100})
    row = Table.of(RunState(log.since(0)))[1]
    assert (row.tokens, row.duration, row.tokens_per_second) == (200, 2.0, 50.0)


def test_what_is_not_known_is_none(prices):
    assert Table.of(state())[2] == Row("<odd>", "idle", None, None, None, None, None)


def test_costs_are_printed_where_there_is_a_price(prices):
    assert "cost" in repr(Table.of(state()))
    assert "<th>cost</th>" in Table.of(state())._repr_html_()


def test_without_a_price_no_empty_column_is_printed():
    table = Table.of(state())
    assert "cost" not in repr(table) + table._repr_html_()
    assert "cost" in table.columns


def test_without_usage_the_chunks_are_counted_and_nothing_costs(prices):
    row = Table.of(state(usage=None))[1]
    assert (row.tokens, row.cost) == (1, None)


def test_without_a_price_there_is_no_cost():
    assert Table.of(state())[1].cost is None


def test_as_text_its_columns_are_aligned(prices):
    assert repr(Table.of(state())).splitlines() == [
        "node    status    duration  first_token  tokens  tokens/s      cost",
        "prompt  finished      1.00",
        "model   finished      2.00         1.00     200     100.0  2.010000",
        "<odd>   idle",
    ]


def test_as_html_names_are_no_markup():
    html = Table.of(state())._repr_html_()
    assert "<td>&lt;odd&gt;</td>" in html
    assert html.count("<tr>") == 4


def test_as_a_data_frame_it_can_be_worked_with(prices):
    frame = Table.of(state()).to_pandas()
    assert list(frame.columns) == ["node", "status", "duration", "first_token", "tokens", "tokens/s", "cost"]
    assert frame.set_index("node").loc["model", "tokens/s"] == 100.0


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(lf.MissingExtraError, match="pip install pandas"):
        Table.of(state()).to_pandas()


def test_a_table_without_rows_has_its_head():
    assert repr(Table([])).split() == Table([]).columns[:-1]
