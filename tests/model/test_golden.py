import json

import golden
import pytest

from lfwidget.errors import EventError
from lfwidget.model.check import check_event
from lfwidget.model.state import RunState


def lines(name):
    text = (golden.FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def expected(name):
    return json.loads((golden.FOLDER / f"{name}.state.json").read_text(encoding="utf-8"))


def test_the_folder_holds_just_these_logs():
    files = {path.name for path in golden.FOLDER.iterdir()}
    assert files == {f"{name}{end}" for name in golden.LOGS for end in (".jsonl", ".state.json")} | {"packed.json"}


@pytest.mark.parametrize("name", golden.LOGS)
def test_the_file_is_what_its_source_says(name):
    assert (golden.FOLDER / f"{name}.jsonl").read_text(encoding="utf-8") == golden.jsonl(name)


@pytest.mark.parametrize("name", golden.LOGS)
def test_every_event_of_a_golden_log_is_valid(name):
    assert [check_event(event) for event in lines(name)] == lines(name)


@pytest.mark.parametrize("name", golden.LOGS)
def test_the_fold_makes_the_expected_state(name):
    assert RunState(lines(name)).to_json() == expected(name)


@pytest.mark.parametrize("name", golden.LOGS)
def test_reading_in_between_does_not_change_the_state(name):
    state = RunState()
    for event in lines(name):
        state.apply(event)
        state.to_json()
    assert state.to_json() == expected(name)


@pytest.mark.parametrize("name", golden.LOGS)
def test_an_event_that_comes_twice_changes_nothing(name):
    state = RunState()
    for event in lines(name):
        assert state.apply(event)
        assert not state.apply(event)
    assert state.to_json() == expected(name)


def test_a_gap_is_refused():
    with pytest.raises(EventError) as caught:
        RunState([lines("loop")[0], lines("loop")[2]])
    assert caught.value.field == "seq"
