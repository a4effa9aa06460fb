"""A LangFlow export is drawn as LangFlow draws it."""

import contextlib
import copy
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from exports import chat, component, edge, export, field, output
from hypothesis import given, settings
from hypothesis import strategies as st

from lfwidget.errors import FlowFormatError, FlowFormatWarning
from lfwidget.model.graph import Graph, Node
from lfwidget.model.layout import layout
from lfwidget.record.svg import to_svg
from lfwidget.runners.langflow.drawing.draw import draw
from lfwidget.runners.langflow.export import read_export


def drawn(*nodes: Any, edges: Any = ()) -> Graph:
    return draw(read_export(export(nodes, edges)))


def by_id(graph: Graph) -> dict[str, Node]:
    return {node["id"]: node for node in graph["nodes"]}


def only(*nodes: Any, edges: Any = ()) -> Node:
    """How the first of them is drawn."""
    return by_id(drawn(*nodes, edges=edges))[nodes[0]["id"]]


def at(node: dict[str, Any], x: float, y: float, width: float = 320, height: float = 300) -> dict[str, Any]:
    return {**node, "position": {"x": x, "y": y}, "measured": {"width": width, "height": height}}


def with_definition(node: dict[str, Any], **more: Any) -> dict[str, Any]:
    node["data"]["node"].update(more)
    return node


def note(text: str, color: Any = None, node_id: str = "note-1") -> dict[str, Any]:
    node = {"description": text, "template": {"backgroundColor": color}}
    return {"id": node_id, "type": "noteNode", "data": {"node": node}}


def names(ports: Any) -> list[str]:
    return [port["name"] for port in ports]


MESSAGE = {"input_types": ["Message"]}
OUT = output("out", "run")


class TestHandles:
    def test_fields_with_types_are_inputs_in_order(self) -> None:
        node = component("A-1", "A", [OUT], plain=field(), text=field(**MESSAGE), data=field(input_types=["Data"]))
        found = only(node)["inputs"]
        assert names(found) == ["text", "data"]
        assert [port["color"] for port in found] == ["#4f46e5", "#dc2626"]

    def test_hidden_and_advanced_fields_are_none_unless_an_edge_leads_there(self) -> None:
        fields = {"a": field(advanced=True, **MESSAGE), "b": field(show=False, **MESSAGE)}
        assert only(component("A-1", "A", [OUT], **fields))["inputs"] == []
        nodes = [component("A-1", "A", [], **fields), component("B-2", "B", [OUT])]
        assert names(only(*nodes, edges=[edge("B-2", "out", "A-1", "a")])["inputs"]) == ["a"]

    def test_nodes_are_listed_from_the_first_to_the_last(self) -> None:
        nodes = [component("A-1", "A", [OUT], a=field(**MESSAGE)), component("B-2", "B", [OUT])]
        assert list(by_id(drawn(*nodes, edges=[edge("B-2", "out", "A-1", "a")]))) == ["B-2", "A-1"]

    def test_of_several_outputs_the_chosen_one_shows(self) -> None:
        node = component("A-1", "A", [output("one", "a"), output("two", "b", "Data")])
        assert names(only(node)["outputs"]) == ["one"]
        node["data"]["selected_output"] = "two"
        assert names(only(node)["outputs"]) == ["two"]
        assert only(node)["color"] == "#dc2626"

    def test_outputs_that_belong_together_all_show(self) -> None:
        node = component(
            "A-1", "A", [output("true", "a", group_outputs=True), output("false", "b", group_outputs=True)]
        )
        assert names(only(node)["outputs"]) == ["true", "false"]

    def test_a_tool_has_itself_as_output(self) -> None:
        node = with_definition(component("A-1", "A", [OUT], q=field(tool_mode=True, **MESSAGE)), tool_mode=True)
        found = only(node)
        assert (found["type"], names(found["outputs"]), found["inputs"]) == ("tool", ["component_as_tool"], [])
        assert found["outputs"][0]["color"] == "#00fbfc"

    def test_an_edge_to_what_a_node_does_not_have_is_drawn_with_a_warning(self) -> None:
        nodes = [component("A-1", "A", [OUT], x=field()), component("B-2", "B", [OUT], x=field())]
        found = drawn(*nodes, edges=[edge("A-1", "gone", "B-2", "missing")])
        assert [node["warning"] for node in found["nodes"]] == [
            "an edge leaves its output 'gone', which it does not have",
            "an edge leads to its field 'missing', which it does not have",
        ]
        assert names(found["nodes"][1]["inputs"]) == ["missing"]

    def test_a_loop_goes_back_below(self) -> None:
        loop = at(component("Loop-1", "Loop", [output("item", "i", allows_loop=True)], data=field(**MESSAGE)), 0, 0)
        body = at(component("B-2", "B", [OUT], x=field(**MESSAGE)), 500, 0)
        back = edge("B-2", "out", "Loop-1", "")
        back["data"]["targetHandle"] = {"dataType": "Loop", "id": "Loop-1", "name": "item", "output_types": ["Data"]}
        found = drawn(loop, body, edges=[edge("Loop-1", "item", "B-2", "x"), back])
        assert found["edges"][1]["target_port"] == "item"
        [right, left] = found["edges"][1]["points"]
        assert right[0] > left[0]
        assert right[1] > max(node["y"] + node["height"] for node in found["nodes"])
        assert names(found["nodes"][0]["inputs"]) == ["data", "item"]


class TestCards:
    @pytest.mark.parametrize(
        ("kind", "fields", "outputs", "type_"),
        [
            ("Prompt", {}, [OUT], "prompt"),
            ("Agent", {}, [OUT], "model"),
            ("LanguageModelComponent", {"model": field(type="model")}, [OUT], "model"),
            ("OpenAIModel", {}, [output("m", "m", "LanguageModel")], "model"),
            ("parser", {}, [OUT], "parser"),
            ("ConditionalRouter", {}, [OUT], "branch"),
            ("LoopComponent", {}, [OUT], "each"),
            ("Chroma", {"search_query": field(), "ingest_data": field()}, [OUT], "retriever"),
            ("ChatInput", {}, [OUT], "node"),
        ],
    )
    def test_the_type_fits(self, kind: str, fields: Any, outputs: Any, type_: str) -> None:
        assert only(component(f"{kind}-1", "x", outputs, **fields))["type"] == type_

    def test_params_are_what_a_person_set(self) -> None:
        node = component(
            "A-1",
            "A",
            [OUT],
            said=field("a\nb"),
            empty=field(""),
            hidden=field("x", show=False),
            rare=field("x", advanced=True),
            password=field("x", password=True),
            api_key=field("x"),
            variable=field("NAME", load_from_db=True),
            code=field("print(1)", type="code"),
            linked=field("x", **MESSAGE),
            model=field([{"name": "gpt-9", "provider": "OpenAI"}], type="model"),
            tools=field([{"name": "fetch", "args": {}}], type="tools"),
            _id=field("x"),
        )
        found = only(node, component("B-2", "B", [OUT]), edges=[edge("B-2", "out", "A-1", "linked")])
        assert found["params"] == {"said": "a\nb", "model": "gpt-9", "tools": ["fetch"]}
        assert found["subtitle"] == "gpt-9"

    def test_what_langflow_says_of_a_component_is_in_the_subtitle(self) -> None:
        node = with_definition(component("A-1", "A", []), legacy=True, beta=True, frozen=True)
        assert only(node)["subtitle"] == "beta · legacy · frozen"

    def test_a_collapsed_one_is_low(self) -> None:
        node = component("A-1", "A", [OUT])
        node["data"]["showNode"] = False
        assert only(node)["height"] < only(component("B-2", "B", [OUT]))["height"]

    def test_one_with_many_handles_has_room_for_them(self) -> None:
        fields = {f"f{i}": field(**MESSAGE) for i in range(20)}
        assert only(component("A-1", "A", [], **fields))["height"] > 20 * 20

    def test_icon_and_letter(self) -> None:
        assert only(with_definition(component("A-1", "A", []), icon="bot"))["icon"].startswith("M")
        assert only(with_definition(component("A-1", "A", []), icon="AstraDB"))["icon"] == "A"


class TestNotes:
    def test_a_note_has_its_text_and_its_colour(self) -> None:
        found = only(note("# Read me\n**now**", "blue"))
        assert (found["type"], found["title"], found["color"]) == ("note", "Read me", "#bfdbfe")
        assert found["words"] == [["h", "Read me"], ["", "\n"], ["b", "now"]]

    @pytest.mark.parametrize(
        ("color", "value"), [("#12aBcD", "#12aBcD"), (None, "#fde68a"), ("nonsense", "#fde68a"), ("#1;x", "#fde68a")]
    )
    def test_other_colours(self, color: Any, value: str) -> None:
        assert only(note("x", color))["color"] == value

    def test_a_transparent_one_has_none(self) -> None:
        assert "color" not in only(note("x", "transparent"))

    def test_one_that_lies_under_a_card_stays_in_sight_above_it(self) -> None:
        under = {
            **note("Title", "transparent"),
            "position": {"x": 90, "y": 60},
            "measured": {"width": 350, "height": 320},
        }
        found = drawn(under, at(component("A-1", "A", []), 100, 100), at(component("B-2", "B", []), 900, 100))["nodes"]
        assert found[0]["y"] + found[0]["height"] <= found[1]["y"]


class TestGroups:
    def group(self) -> dict[str, Any]:
        inner = [
            at(component("A-1", "Inner A", [OUT], x=field(**MESSAGE)), 100, 100),
            at(component("B-2", "Inner B", [OUT], y=field(**MESSAGE)), 600, 100),
        ]
        flow = {"data": {"nodes": inner, "edges": [edge("A-1", "out", "B-2", "y")]}}
        node = component(
            "Group-9",
            "My group",
            [output("B-2_out", "run", proxy={"id": "B-2", "name": "out"})],
            x_A=field(proxy={"id": "A-1", "field": "x"}, **MESSAGE),
        )
        return at(with_definition(node, flow=flow), 500, 0)

    def test_what_is_in_it_lies_in_its_frame(self) -> None:
        group, a, b = drawn(self.group())["nodes"]
        assert (group["type"], a["parent"], b["parent"]) == ("graph", "Group-9", "Group-9")
        for node in (a, b):
            assert group["x"] < node["x"]
            assert group["y"] + 34 < node["y"]
            assert node["x"] + node["width"] < group["x"] + group["width"]
            assert node["y"] + node["height"] < group["y"] + group["height"]

    def test_edges_join_nodes_of_one_level(self) -> None:
        outside = at(component("C-3", "C", [OUT], z=field(**MESSAGE)), 0, 0)
        into = edge("C-3", "out", "A-1", "x")
        out_of = edge("B-2", "out", "C-3", "z")
        found = drawn(self.group(), outside, edges=[into, out_of])
        assert [(e["source"], e["source_port"], e["target"], e["target_port"]) for e in found["edges"]] == [
            ("A-1", "out", "B-2", "y"),
            ("C-3", "out", "Group-9", "x_A"),
            ("Group-9", "B-2_out", "C-3", "z"),
        ]
        assert not any("warning" in node for node in found["nodes"])

    def test_the_frame_pushes_its_neighbours_away(self) -> None:
        beside, below = at(component("C-3", "C", []), 900, 0), at(component("D-4", "D", []), 500, 400)
        found = by_id(drawn(self.group(), beside, below))
        group, right, under = found["Group-9"], found["C-3"], found["D-4"]
        assert right["x"] >= group["x"] + group["width"]
        assert under["y"] >= group["y"] + group["height"]


class TestLines:
    def test_a_line_goes_round_the_card_between_its_ends(self) -> None:
        fields = {"x": field(**MESSAGE)}
        nodes = [at(component(f"A-{i}", "A", [OUT], **fields), 500 * i, 40 * (i % 2)) for i in range(3)]
        found = drawn(*nodes, edges=[edge("A-0", "out", "A-2", "x"), edge("A-0", "out", "A-1", "x")])
        middle = by_id(found)["A-1"]
        [[left, y], [right, _]] = found["edges"][0]["points"]
        assert (left, right) == (middle["x"], middle["x"] + middle["width"])
        assert not middle["y"] <= y <= middle["y"] + middle["height"]
        assert "points" not in found["edges"][1]


class TestPlaces:
    def test_cards_stand_as_in_langflow_and_closer(self) -> None:
        a, b, c = (at(component(f"A-{i}", "A", []), *xy) for i, xy in enumerate([(0, 0), (600, 0), (600, 500)]))
        one, two, three = drawn(a, b, c)["nodes"]
        assert (one["x"], one["y"], two["y"]) == (0, 0, 0)
        assert 300 < two["x"] < 600
        assert two["x"] == three["x"]
        assert two["height"] < three["y"] < 500

    def test_a_flow_without_places_is_laid_out(self) -> None:
        graph = layout(draw(read_export(chat())))
        assert len({(node["x"], node["y"]) for node in graph["nodes"]}) == len(graph["nodes"])

    def test_cards_that_lie_on_each_other_are_moved_apart(self) -> None:
        a, b, c = (at(component(f"A-{i}", "A", []), *xy) for i, xy in enumerate([(0, 0), (10, 10), (900, 0)]))
        one, two, _ = drawn(a, b, c)["nodes"]
        assert one["y"] + one["height"] <= two["y"]

    def test_a_flow_of_thousands_is_drawn(self) -> None:
        nodes = [at(component(f"A-{i}", "A", []), i, i) for i in range(3000)]
        assert len(drawn(*nodes)["nodes"]) == 3000


def test_drawing_imports_neither_lfx_nor_langchain() -> None:
    code = (
        "import sys; from lfwidget.runners.langflow.export import read_export;"
        "from lfwidget.runners.langflow.drawing.draw import draw; draw(read_export(sys.stdin.read()));"
        "found = {name.partition('.')[0] for name in sys.modules};"
        "print(found & {'lfx', 'langflow', 'langchain', 'langchain_core'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(chat()), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def whole(canary: Path) -> dict[str, Any]:
    """A flow with everything in it; code in every field for code writes a file."""
    flow = chat()
    group = TestGroups().group()
    flow["data"]["nodes"] += [note("# a\n- b", "rose"), group]
    nodes = [*flow["data"]["nodes"], *group["data"]["node"]["flow"]["data"]["nodes"]]
    for node in nodes:
        code = f"open({str(canary)!r}, 'w').close()"
        node["data"]["node"]["template"]["code"] = field(code, type="code", dynamic=True)
        node.setdefault("position", {"x": len(node["id"]) * 100.0, "y": 0.0})
    return flow


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in items for place in places(each, (*path, key)))]


def changed(flow: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    copied = copy.deepcopy(flow)
    parent: Any = copied
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return copied


def draw_or_refuse(source: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FlowFormatWarning)
        with contextlib.suppress(FlowFormatError):
            graph = layout(draw(read_export(source)))
            json.dumps(graph, allow_nan=False).encode()
            to_svg(graph).encode()


@settings(deadline=None)
@given(data=st.data())
def test_one_wrong_value_anywhere_is_drawn_or_refused_and_nothing_is_run(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    canary = tmp_path_factory.getbasetemp() / "canary"
    flow = whole(canary)
    path = data.draw(st.sampled_from(places(flow)[1:]))
    draw_or_refuse(changed(flow, path, data.draw(ANYTHING)))
    assert not canary.exists()


@given(end=st.integers(0, 4000))
def test_a_cut_text_is_refused(end: int) -> None:
    text = json.dumps(chat())[: end + 1]
    with pytest.raises(FlowFormatError):
        read_export(text)


@settings(deadline=None)
@given(nodes=st.lists(ANYTHING | st.fixed_dictionaries({"id": st.text(max_size=3), "data": ANYTHING}), max_size=4))
def test_anything_for_nodes_is_drawn_or_refused(nodes: list[Any]) -> None:
    draw_or_refuse({"data": {"nodes": nodes, "edges": nodes}})
