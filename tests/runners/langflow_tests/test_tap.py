"""Models without a Chat Output get one of ours, on a copy of the flow, so that LangFlow streams them."""

import copy
from itertools import pairwise

from langflow_double import MODEL, OUT, SECOND, agent, basic, chained, edge, flow, model, node

from lfwidget.runners.langflow.export import read_export
from lfwidget.runners.langflow.server.tap import TAP, Tapped, speakers, tap


def tapped(saved, wanted=None):
    return tap(read_export(saved), wanted)


def test_a_model_without_a_chat_output_gets_one():
    found = tapped(chained())
    assert found.tapped == (MODEL,)
    assert found.hidden == {f"{TAP}01"}
    new = read_export({"data": found.data})
    (link,) = [link for link in new.links if link.target == f"{TAP}01"]
    assert (link.source, link.output, link.field) == (MODEL, "text_output", "input_value")
    assert new.components[f"{TAP}01"].type == "ChatOutput"


def test_a_tap_keeps_no_message_of_its_own():
    new = read_export({"data": tapped(chained()).data})
    assert new.components[f"{TAP}01"].value("should_store_message") is False
    assert new.components[OUT].value("should_store_message") is True


def test_the_flow_itself_is_not_changed():
    saved = chained()
    before = copy.deepcopy(saved)
    tapped(saved)
    assert saved == before


def test_nothing_is_tapped_where_every_model_streams():
    assert tapped(basic()) == tapped(agent()) == Tapped()


def test_only_the_nodes_that_shall_stream_are_tapped():
    assert tapped(chained(), frozenset({SECOND})) == Tapped()
    assert tapped(chained(), frozenset({MODEL})).tapped == (MODEL,)


def test_there_is_no_tap_without_a_chat_output_to_copy():
    assert tapped(flow([model(MODEL)], [])) == Tapped()


def test_a_model_that_is_only_lent_to_another_node_is_left_alone():
    saved = agent()
    saved["data"]["nodes"].append(model(MODEL))
    lent = edge(MODEL, "model_output", "Agent-EXpSZ", "model")
    lent["data"]["sourceHandle"]["output_types"] = ["LanguageModel"]
    saved["data"]["edges"].append(lent)
    assert tapped(saved) == Tapped()


def test_a_flow_with_a_loop_is_left_alone():
    saved = chained()
    back = edge(MODEL, "text_output", SECOND, "x")
    back["data"]["targetHandle"] = {"name": "item", "id": SECOND, "output_types": ["Data"]}
    saved["data"]["edges"].append(back)
    assert tapped(saved) == Tapped()


def agents(*names):
    """Agents in line, the last with a Chat Output."""
    nodes = [node(name, "response", input_value="", model="x", n_messages=100) for name in names]
    line = [*names, OUT]
    links = [edge(first, "response", then, "input_value") for first, then in pairwise(line)]
    return flow([*nodes, node(OUT, "message", input_value="")], links)


def test_an_agent_whose_words_another_would_read_is_left_alone():
    found = tapped(agents("Agent-A", "Agent-B", "Agent-C"))
    assert found.tapped == ("Agent-B",)
    assert found.readers == {"Agent-A": ("Agent-C",)}


def test_it_is_tapped_where_it_is_asked_for_by_name():
    found = tapped(agents("Agent-A", "Agent-B", "Agent-C"), frozenset({"Agent-A"}))
    assert found.tapped == ("Agent-A",)
    assert found.readers == {"Agent-A": ("Agent-C",)}


def test_an_agent_without_a_memory_reads_nothing():
    saved = agents("Agent-A", "Agent-B", "Agent-C")
    for each in saved["data"]["nodes"][:-1]:
        each["data"]["node"]["template"]["n_messages"]["value"] = 0
    assert tapped(saved).tapped == ("Agent-A", "Agent-B")


def test_an_agent_beside_it_may_read_it():
    saved = chained()
    saved["data"]["nodes"].append(node("Agent-A", "response", input_value="", model="x", n_messages=9))
    saved["data"]["edges"].append(edge("Agent-A", "response", OUT, "input_value"))
    assert tapped(saved).readers == {MODEL: ("Agent-A",)}


def test_tools_do_not_speak():
    assert [each.id for each in speakers(read_export(agent()))] == ["Agent-EXpSZ"]
    tool = node("Prompt-T", "prompt", stream=False)
    tool["data"]["node"]["tool_mode"] = True
    assert speakers(read_export(flow([tool], []))) == []
