import pytest

from lfwidget.failure import failure


def failed(node, kind="ZeroDivisionError", trace="..."):
    error = {"type": kind, "message": "no", **({"traceback": trace} if trace else {})}
    return {"kind": "node.failed", "node": node, "span": f"{node}-span", "error": error}


def retracted(node):
    return {"kind": "node.retracted", "node": node, "span": f"{node}-span"}


def raised(error):
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


ERROR = raised(ZeroDivisionError("no"))


def test_the_error_is_data():
    assert failure(ERROR, [failed("model")]) == {
        "error": {"type": "ZeroDivisionError", "message": "no"},
        "node": "model",
    }


def test_its_traceback_is_there_where_no_node_has_it():
    assert "raise error" in failure(ERROR, [])["error"]["traceback"]
    assert "raise error" in failure(ERROR, [failed("model", trace=None)])["error"]["traceback"]


class RudeError(Exception):
    def __str__(self):
        raise RuntimeError

    def __eq__(self, _other):
        raise RuntimeError

    __hash__ = None

    @property
    def __notes__(self):
        raise RuntimeError


def test_an_error_that_cannot_be_read_is_told_all_the_same():
    error = raised(RudeError())
    error.__cause__ = RudeError()
    info = failure(error, [])["error"]
    assert (info["type"], info["message"]) == ("RudeError", "(its message cannot be read)")
    assert "traceback" in info


def test_a_run_that_failed_outside_of_its_nodes_names_none():
    assert "node" not in failure(ERROR, [{"kind": "node.started", "node": "model", "span": "s"}])


def test_an_error_that_the_flow_got_over_is_not_to_blame():
    assert "node" not in failure(ERROR, [failed("tool", "ValueError")])


def test_an_error_that_cannot_say_what_it_is_is_an_error_all_the_same():
    class Broken(Exception):  # noqa: N818 - it is
        def __str__(self):
            raise ValueError("no")

    assert failure(Broken(), [])["error"]["message"] == "(its message cannot be read)"


def test_the_node_with_the_traceback_is_inside_the_others():
    assert failure(ERROR, [failed("model"), failed("agent", trace=None)])["node"] == "model"


def test_without_tracebacks_the_first_to_fail_is_inside_the_others():
    assert failure(ERROR, [failed("model", trace=None), failed("agent", trace=None)])["node"] == "model"


def test_an_attempt_that_was_retracted_is_not_to_blame():
    assert failure(ERROR, [failed("first"), retracted("first"), failed("second")])["node"] == "second"


def test_another_error_on_the_way_is_not_to_blame():
    assert failure(ERROR, [failed("model"), failed("tool", "ValueError")])["node"] == "model"


def test_the_cause_of_the_error_tells_where_it_arose():
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ERROR
    assert failure(wrapped, [failed("model"), failed("agent", "RuntimeError", None)])["node"] == "model"


def test_errors_that_cause_each_other_are_followed_once():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert failure(one, [failed("model", "ValueError")])["node"] == "model"
