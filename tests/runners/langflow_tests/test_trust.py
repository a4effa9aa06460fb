"""No code of a stranger runs: not when a flow is read, not when it is drawn, not when it is run."""

from __future__ import annotations

import copy

import pytest

import lfwidget as lf
from lfwidget.errors import UntrustedFlowError
from lfwidget.loading import load_flow
from lfwidget.runners.langflow.local.shipped import Shipped
from lfwidget.runners.langflow.local.trust import trusted_flow

GREETER = "class Greeter:\n    name = 'Greeter'\n"
RUNNER = "class PythonREPLComponent:\n    pass\n"


@pytest.fixture
def known():
    """What a small LangFlow ships."""
    found = Shipped()
    found.add(GREETER, ["Greeter"], ["Greets"])
    found.add(RUNNER, ["PythonREPLComponent"])
    return found


def component(code=GREETER, kind="Greeter", node_id="g", **fields):
    template = {"code": {"type": "code", "value": code}, **fields}
    return {"id": node_id, "data": {"id": node_id, "type": kind, "node": {"display_name": "Hi", "template": template}}}


def export(*nodes, edges=()):
    return {"name": "Flow", "data": {"nodes": list(nodes), "edges": list(edges)}}


def refused(flow, known, trust=False):
    with pytest.raises(UntrustedFlowError) as caught:
        trusted_flow(flow, trust, known)
    return caught.value


def test_code_that_is_shipped_may_run(known):
    flow = export(component())
    assert trusted_flow(flow, False, known) is flow


def test_code_as_a_list_of_lines_is_the_same_code(known):
    assert trusted_flow(export(component(GREETER.split("\n"))), False, known)


def test_a_changed_component_is_refused_with_what_changed_and_what_to_do(known):
    error = refused(export(component(GREETER + "import os\n")), known)
    assert error.nodes[0]["id"] == "g"
    assert error.nodes[0]["type"] == "Greeter"
    assert "differs" in error.nodes[0]["reason"]
    assert "+import os" in error.nodes[0]["diff"]
    assert "Hi (g, Greeter)" in str(error)
    assert "trust=True" in str(error)
    assert 'trust="upgrade"' in str(error)


def test_trust_runs_it_as_it_is(known):
    flow = export(component("import os"))
    assert trusted_flow(flow, True, known) is flow


def test_an_upgrade_puts_shipped_code_in_a_copy(known):
    flow = export(component(GREETER + "import os\n"))
    before = copy.deepcopy(flow)
    upgraded = trusted_flow(flow, "upgrade", known)
    assert upgraded["data"]["nodes"][0]["data"]["node"]["template"]["code"]["value"] == GREETER
    assert flow == before


def test_an_upgrade_still_refuses_unknown_code(known):
    error = refused(export(component("import os", kind="Mine")), known, "upgrade")
    assert "no component of LangFlow" in error.nodes[0]["reason"]


def test_an_upgrade_does_not_replace_what_somebody_wrote(known):
    known.add("class Hello: pass", ["CustomComponent"])
    error = refused(export(component("import os", kind="CustomComponent")), known, "upgrade")
    assert "diff" not in error.nodes[0]


@pytest.mark.parametrize("kind", ["PythonREPLComponent", "Python Interpreter", "LambdaFilterComponent"])
@pytest.mark.parametrize("trust", [False, "upgrade"])
def test_an_interpreter_is_refused_though_its_code_is_shipped(known, kind, trust):
    error = refused(export(component(RUNNER, kind=kind, python_code={"type": "str", "value": "1"})), known, trust)
    assert "runs code" in error.nodes[0]["reason"]


def test_an_interpreter_does_not_hide_behind_another_name(known):
    assert "runs code" in refused(export(component(RUNNER, kind="Greeter")), known).nodes[0]["reason"]


def test_a_second_code_field_is_refused(known):
    error = refused(export(component(extra={"type": "code", "value": "import os"})), known)
    assert "'extra'" in error.nodes[0]["reason"]


def test_an_empty_second_code_field_is_none(known):
    assert trusted_flow(export(component(extra={"type": "code", "value": ""})), False, known)


def test_the_type_of_the_code_field_does_not_matter(known):
    flow = export(component("import os"))
    flow["data"]["nodes"][0]["data"]["node"]["template"]["code"]["type"] = "str"
    assert refused(flow, known)


def test_a_node_in_a_group_in_a_group_is_looked_at(known):
    inner = export(component("import os", node_id="inner"))
    for number in range(2):
        around = {"id": f"group{number}", "data": {"type": "GroupNode", "node": {"template": {}, "flow": inner}}}
        inner = export(around)
    assert refused(inner, known).nodes[0]["id"] == "inner"


def test_a_group_puts_no_code_into_a_node_in_it(known):
    node = {"template": {"x": {"type": "str", "value": "import os", "proxy": {"id": "g", "field": "code"}}}}
    data = {"id": "group", "type": "GroupNode", "node": {**node, "flow": export(component())}}
    assert refused(export({"id": "group", "data": data}), known).nodes[0]["id"] == "group"


def test_a_node_that_is_drawn_as_a_note_is_looked_at(known):
    flow = export({**component("import os"), "type": "noteNode"})
    assert refused(flow, known).nodes[0]["id"] == "g"


def test_code_from_another_node_is_refused(known):
    edge = {"source": "g", "target": "h", "data": {"targetHandle": {"fieldName": "code", "type": "str"}}}
    error = refused(export(component(), component(node_id="h"), edges=[edge]), known)
    assert error.nodes[0] == {**error.nodes[0], "id": "h", "reason": "its code comes from another node"}


def test_a_program_that_would_be_started_is_refused(known):
    server = {"type": "mcp", "value": {"name": "x", "config": {"command": "sh", "args": ["-c", "true"]}}}
    assert "starts a program" in refused(export(component(mcp_server=server)), known).nodes[0]["reason"]


def test_a_hash_that_is_only_alike_at_the_start_is_another(known):
    assert not known.knows(GREETER + " ")
    assert all(len(key) == 64 for key in known.names)


def test_trust_is_one_of_three_words():
    with pytest.raises(lf.InputError, match="upgrade"):
        load_flow(export(component()), trust="yes")
