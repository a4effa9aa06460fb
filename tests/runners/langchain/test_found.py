from lfwidget.model.log import RunLog
from lfwidget.runners.langchain.found import Discoveries


def found(*taken):
    log = RunLog()
    return log, Discoveries(log, taken)


def test_a_call_is_announced_once_inside_its_node():
    log, calls = found()
    first, second = calls.slot("draft", "model", "ChatOpenAI"), calls.slot("draft", "model", "ChatOpenAI")
    assert first is second
    (event,) = log.since(0)
    assert event["nodes"] == [
        {"id": "draft/model", "title": "ChatOpenAI", "type": "model", "card": False, "parent": "draft"}
    ]


def test_two_models_of_one_node_have_two_ids():
    _, calls = found()
    assert calls.slot("draft", "model", "A").node == "draft/model"
    assert calls.slot("draft", "model", "B").node == "draft/model-2"


def test_an_id_that_the_graph_has_is_not_taken_again():
    _, calls = found("tools/add")
    assert calls.slot("tools", "chain", "add").node == "tools/add-2"


def test_what_only_holds_others_together_is_no_node():
    log, calls = found()
    assert calls.slot("draft", "chain", "RunnableParallel<a,b>").node is None
    assert log.since(0) == []
