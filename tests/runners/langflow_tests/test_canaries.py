"""Code that tells when it ran, hidden in every place of a flow: with the real lfx it does not run without trust."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lfwidget.errors import UntrustedFlowError
from lfwidget.loading import load_flow
from lfwidget.runners.langflow.local.shipped import INTERPRETERS, shipped

quietly = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


def sing(canary):
    return f"open({str(canary)!r}, 'w').close()"


HEAD = "from lfx.custom.custom_component.component import Component\nfrom lfx.io import Output\n"
BODY = "    outputs = [Output(name='o', display_name='O', method='m')]\n    def m(self) -> str:\n        return 'x'\n"


def in_the_class_body(canary):
    return custom(f"{HEAD}class Mine(Component):\n    {sing(canary)}\n{BODY}")


def in_a_decorator(canary):
    decorator = f"def d(c):\n    {sing(canary)}\n    return c\n"
    return custom(f"{HEAD}{decorator}@d\nclass Mine(Component):\n{BODY}")


def in_a_method(canary):
    return custom(f"{HEAD}class Mine(Component):\n{BODY.replace('return', sing(canary) + '; return')}")


def in_a_group(canary):
    from lfx_flows import group

    flow = in_the_class_body(canary)
    return {**flow, "data": {"nodes": [group(flow, "Group-x")], "edges": []}}


def through_a_group(canary):
    from lfx_flows import flow, group, node

    code = in_the_class_body(canary)["data"]["nodes"][0]["data"]["node"]["template"]["code"]["value"]
    inner = flow([node("ChatOutput", "ChatOutput-x")])
    return {"name": "x", "data": {"nodes": [group(inner, "Group-x", f=("ChatOutput-x", "code", code))], "edges": []}}


def under_an_alias(canary):
    flow = in_the_class_body(canary)
    flow["data"]["nodes"][0]["data"]["type"] = "Chat Output"
    return flow


def in_what_is_drawn_as_a_note(canary):
    flow = in_the_class_body(canary)
    flow["data"]["nodes"][0]["data"]["type"] = "note"
    return flow


def in_an_interpreter(canary):
    from lfx_flows import flow, node

    return flow([node("PythonREPLComponent", "Python-x", python_code=sing(canary), global_imports="builtins")])


def custom(code):
    outputs = [{"name": "o", "display_name": "O", "method": "m", "types": ["Text"], "selected": "Text"}]
    field = {"type": "code", "value": code, "name": "code", "show": True}
    about = {"display_name": "Mine", "base_classes": ["Text"], "outputs": outputs}
    about["template"] = {"_type": "Component", "code": field}
    node = {"id": "Mine-x", "type": "genericNode", "data": {"id": "Mine-x", "type": "Mine", "node": about}}
    return {"name": "Canary", "data": {"nodes": [node], "edges": []}}


CUSTOM = [
    in_the_class_body,
    in_a_decorator,
    in_a_method,
    in_a_group,
    through_a_group,
    in_what_is_drawn_as_a_note,
    in_an_interpreter,
]


@quietly
def test_an_upgrade_runs_what_is_shipped_in_place_of_the_canary(canary):
    run = load_flow(under_an_alias(canary), trust="upgrade").run()
    with pytest.raises(ValueError, match="Input data cannot be None"):  # which LangFlow's own Chat Output says
        run.result(timeout=120)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("place", "trust"), [*((place, trust) for place in CUSTOM for trust in (False, "upgrade")), (under_an_alias, False)]
)
def test_no_canary_sings_without_trust(place, trust, canary):
    flow = load_flow(place(canary), trust=trust)
    assert flow.graph.nodes is not None
    with pytest.raises(UntrustedFlowError):
        flow.run()
    assert not canary.exists()


@quietly
@pytest.mark.parametrize("place", [in_the_class_body, in_a_method, in_what_is_drawn_as_a_note])
def test_a_canary_sings_with_trust(place, canary):
    assert load_flow(place(canary), trust=True).run().result(timeout=120)
    assert canary.exists()


@quietly
@pytest.mark.parametrize("place", [in_the_class_body, in_a_decorator, in_a_method, in_a_group, through_a_group])
def test_what_the_check_of_the_export_overlooks_is_not_executed(place, canary):
    flow = load_flow(place(canary))
    flow._runner._allowed = flow._runner._export.raw  # as if the check had found nothing
    run = flow.run()
    with pytest.raises(Exception, match=r"(?i)did not ship|not allowed|blocked|custom component"):
        run.result(timeout=120)
    assert not canary.exists()


@quietly
def test_the_second_wall_holds_without_lfxs_own_switches(canary, monkeypatch):
    from lfwidget.runners.langflow.local.engine import LocalRun

    monkeypatch.setattr(LocalRun, "switches", {})
    flow = load_flow(in_the_class_body(canary))
    flow._runner._allowed = flow._runner._export.raw
    with pytest.raises(UntrustedFlowError, match="did not ship"):
        flow.run().result(timeout=120)
    assert not canary.exists()


@quietly
def test_the_interpreters_are_those_that_lfx_knows():
    from lfx.utils.flow_validation import CODE_EXECUTION_COMPONENT_TYPES, MCP_STDIO_COMPONENT_TYPES

    assert INTERPRETERS == CODE_EXECUTION_COMPONENT_TYPES | MCP_STDIO_COMPONENT_TYPES


def test_a_node_of_a_bundle_is_trusted():
    folder = Path(importlib.util.find_spec("lfx_openai").submodule_search_locations[0])
    code = (folder / "components" / "openai" / "openai_chat_model.py").read_text("utf-8")
    assert shipped().knows(code)
    assert shipped().code_of("ext:openai:OpenAIModelComponent@official") == code
