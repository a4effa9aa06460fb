import pytest

from lfwidget import EventError
from lfwidget.widget.messages import Answer, Cancel, Keep, Note, Ping, Player, Resync, Start, parse


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "resync", "run": "r", "have": 3}, Resync("r", 3)),
        ({"kind": "start", "request": "q", "input": "hi"}, Start("q", "hi")),
        ({"kind": "start", "request": "q", "input": {"city": "Rome"}}, Start("q", {"city": "Rome"})),
        ({"kind": "start", "request": "q", "input": None}, Start("q", None)),
        ({"kind": "cancel", "run": "r"}, Cancel("r")),
        (
            {"kind": "answer", "request": "q", "run": "r", "question": "o", "value": [1]},
            Answer("q", "r", "o", [1]),
        ),
        (
            {"kind": "note", "request": "q", "run": "r", "node": "", "text": "look", "moment": 1.5},
            Note("q", "r", ("look",), 1.5),
        ),
        (
            {"kind": "note", "request": "q", "run": "r", "node": "model", "text": "look"},
            Note("q", "r", ("model", "look"), None),
        ),
        ({"kind": "keep", "request": "q", "run": "r"}, Keep("q", "r")),
        ({"kind": "player"}, Player()),
        ({"kind": "ping", "from": "a newer page"}, Ping()),
    ],
)
def test_what_a_page_may_say(content, message):
    assert parse(content) == message


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("ping", ""),
        ({}, "kind"),
        ({"kind": ["ping"]}, "kind"),
        ({"kind": "resync", "run": "r", "have": True}, "have"),
        ({"kind": "resync", "run": "r", "have": -1}, "have"),
        ({"kind": "resync", "have": 1}, "run"),
        ({"kind": "start", "request": 1, "input": ""}, "request"),
        ({"kind": "note", "request": "q", "run": "r", "text": 1}, "text"),
        ({"kind": "note", "request": "q", "run": "r", "text": "look", "node": 7}, "node"),
        ({"kind": "note", "request": "q", "run": "r", "text": "look", "moment": "soon"}, "moment"),
        ({"kind": "note", "request": "q", "run": "r", "text": "look", "moment": True}, "moment"),
        ({"kind": "keep", "request": "q"}, "run"),
        ({"kind": "start", "request": "q", "input": [1]}, "input"),
        ({"kind": "answer", "request": "q", "run": "r", "question": None}, "question"),
    ],
)
def test_what_it_may_not_say(content, field):
    with pytest.raises(EventError) as caught:
        parse(content)
    assert caught.value.field == field
    assert caught.value.event == content
