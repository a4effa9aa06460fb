"""All of LangFlow's starter projects are drawn. They must be there: see starters.py."""

import json
import warnings
from itertools import combinations

import pytest
from starters import NEEDED, starters

from lfwidget.model.graph import Graph, Node
from lfwidget.record.svg import to_svg
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import read_export


@pytest.fixture(scope="module")
def drawn() -> dict[str, Graph]:
    assert starters(), NEEDED
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {name: draw(read_export(path)) for name, path in starters().items()}


def overlap(a: Node, b: Node) -> bool:
    return (
        a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
        and a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
    )


def test_there_are_as_many_as_langflow_brings(drawn: dict[str, Graph]) -> None:
    assert len(drawn) >= 27


def test_nothing_in_them_is_odd(drawn: dict[str, Graph]) -> None:
    assert {
        name: node["warning"] for name, graph in drawn.items() for node in graph["nodes"] if "warning" in node
    } == {}


def test_no_card_lies_on_another(drawn: dict[str, Graph]) -> None:
    found = [
        (name, a["title"], b["title"])
        for name, graph in drawn.items()
        for a, b in combinations(graph["nodes"], 2)
        if overlap(a, b)
    ]
    assert found == []


def test_every_node_every_note_and_every_edge_is_drawn(drawn: dict[str, Graph]) -> None:
    for name, path in starters().items():
        data = json.loads(path.read_text("utf-8"))["data"]
        graph = drawn[name]
        assert [len(graph["nodes"]), len(graph["edges"])] == [len(data["nodes"]), len(data["edges"])]


def test_every_edge_ends_at_ports_that_are_drawn(drawn: dict[str, Graph]) -> None:
    for graph in drawn.values():
        nodes = {node["id"]: node for node in graph["nodes"]}
        for edge in graph["edges"]:
            assert edge["source_port"] in [port["name"] for port in nodes[edge["source"]]["outputs"]]
            assert edge["target_port"] in [port["name"] for port in nodes[edge["target"]]["inputs"]]


def test_the_loop_goes_back_below_the_cards(drawn: dict[str, Graph]) -> None:
    back = [edge for edge in drawn["Research Translation Loop"]["edges"] if "points" in edge]
    assert [edge["target_port"] for edge in back] == ["item"]


def test_each_is_a_picture(drawn: dict[str, Graph]) -> None:
    for name, graph in drawn.items():
        assert to_svg(graph, title=name).endswith("</svg>")


def test_what_stays_in_a_saved_notebook_is_small(drawn: dict[str, Graph]) -> None:
    assert max(len(json.dumps(graph)) for graph in drawn.values()) < 25_000
