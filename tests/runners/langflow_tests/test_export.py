"""What stands in an export is read, or it is said what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from exports import chat, component, edge, export, field, output

from lfwidget.errors import FlowFormatError, FlowFormatWarning
from lfwidget.runners.langflow.export import LARGEST, read_export


def test_a_file_a_text_and_a_dict_are_read_alike(tmp_path: Path) -> None:
    flow = chat()
    path = tmp_path / "chat.json"
    path.write_text("\ufeff" + json.dumps(flow), "utf-8")
    assert read_export(path).components == read_export(json.dumps(flow)).components == read_export(flow).components
    assert read_export(str(path)).path == str(path)


def test_a_flow_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "lesson.json"
    path.write_text(json.dumps({"nodes": [], "edges": []}), "utf-8")
    assert read_export(path).name == "lesson"


def test_the_only_flow_of_a_project_is_read() -> None:
    assert read_export({"flows": [chat()]}).name == chat()["name"]
    with pytest.raises(FlowFormatError, match=r"2 flows \(.*\): give one of them"):
        read_export({"flows": [chat(), chat()]})


def test_fields_come_in_langflows_order() -> None:
    node = component("A-1", "A", [], one=field(), two=field(), three=field())
    node["data"]["node"]["field_order"] = ["two", "gone", ["odd"], "one"]
    assert [name for name, _ in read_export(export([node], [])).components["A-1"].fields] == ["two", "one", "three"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"data": {"nodes": [', "It ends too early: was it cut off"),
        ('{"data": [}', "this is no JSON: .* at line 1, column 11"),
        ("[" * 100_000, "nested too deeply|was it cut off"),
        ('{"data": {"nodes": ' + "9" * 5000 + "}}", "this JSON cannot be read"),
        ("[]", "holds 0 flows"),
        ("{}", "field 'data'"),
        ('{"data": {"nodes": {}}}', "field 'data.nodes'"),
        ('[{"data": 1}]', "field 'data'"),
        ("[1]", "a LangFlow flow is a JSON object, not int"),
    ],
)
def test_what_is_no_flow_says_why(text: str, said: str) -> None:
    with pytest.raises(FlowFormatError, match=said):
        read_export(text)


def test_a_path_that_can_be_none_says_so() -> None:
    with pytest.raises(FlowFormatError, match="neither the path of a file nor JSON"):
        read_export("a\0b")


def test_a_file_that_is_no_text_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(FlowFormatError, match="this is no text") as caught:
        read_export(path)
    assert caught.value.path == str(path)


def test_a_file_that_is_far_too_large_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(FlowFormatError, match="bytes are too many"):
        read_export(path)


def test_two_nodes_with_one_id_are_refused_by_name() -> None:
    node = component("A-1", "A", [])
    with pytest.raises(FlowFormatError, match="two nodes have this id") as caught:
        read_export(export([node, node], []))
    assert (caught.value.node, caught.value.field) == ("A-1", "data.nodes[1].id")


def test_an_edge_to_nowhere_is_left_out_with_one_warning() -> None:
    nodes = [component("A-1", "A", [output("out", "run")])]
    edges = [edge("A-1", "out", f"gone-{i}", "x") for i in range(8)]
    with pytest.warns(FlowFormatWarning, match=r"data.edges\[0\]: no node 'gone-0' \(target\).*and 3 more") as told:
        assert read_export(export(nodes, edges)).links == []
    assert len(told) == 1


def test_what_is_no_node_is_left_out_with_a_warning() -> None:
    nodes: list[Any] = [5, {"type": "genericNode"}, component("A-1", "A", [])]
    with pytest.warns(FlowFormatWarning, match=r"data.nodes\[0\] is no object.*data.nodes\[1\] has no id"):
        assert list(read_export(export(nodes, [])).components) == ["A-1"]


@pytest.mark.parametrize(
    ("data", "said"), [({"type": "A"}, "it has no definition"), ({"node": {"display_name": "A"}}, "it has no fields")]
)
def test_a_node_without_a_definition_keeps_a_warning_of_its_own(data: Any, said: str) -> None:
    found = read_export(export([{"id": "A-1", "data": data}], []))
    assert [(node, said in message) for node, message in found.warnings] == [("A-1", True)]


def test_handles_are_read_from_their_text_where_an_edge_has_no_data() -> None:
    nodes = [component("A-1", "A", [output("out", "run")]), component("B-2", "B", [], x=field())]
    line = edge("A-1", "out", "B-2", "x")
    del line["data"]
    [link] = read_export(export(nodes, [line])).links
    assert (link.output, link.field, link.input_types) == ("out", "x", ("Message",))


@pytest.mark.parametrize("text", ["no handle", "[" * 5000, "5", ""])
def test_a_handle_that_is_none_leaves_an_edge_without_ports(text: str) -> None:
    nodes = [component("A-1", "A", []), component("B-2", "B", [])]
    line = {"source": "A-1", "target": "B-2", "sourceHandle": text, "targetHandle": text}
    [link] = read_export(export(nodes, [line])).links
    assert (link.output, link.field) == ("", "")


def test_lone_surrogates_do_not_get_in() -> None:
    assert read_export('{"name": "a\\ud800", "data": {"nodes": []}}').name == "a\ufffd"


def test_groups_within_groups_end_somewhere() -> None:
    node = component("A-0", "A", [])
    for i in range(1, 30):
        node = component(f"A-{i}", "A", []) | {"data": {"node": {"flow": {"data": {"nodes": [node]}}}}}
    with pytest.raises(FlowFormatError, match="nested too deeply"):
        read_export(export([node], []))
