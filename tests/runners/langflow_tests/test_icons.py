"""The icons of LangFlow's components."""

import re

import pytest

from lfwidget.runners.langflow.drawing.icons import PATHS, icon


@pytest.mark.parametrize("name", ["bot", "brain-circuit", "MessagesSquare", "layout-template", "prompts", "List"])
def test_a_name_has_its_path_however_it_is_written(name: str) -> None:
    assert re.fullmatch(r"M[-\w. ]+", icon(name, "x"))


@pytest.mark.parametrize(("name", "title", "letter"), [("AstraDB", "x", "A"), ("", "über", "Ü"), ("", "数据", "数")])
def test_any_other_is_a_letter(name: str, title: str, letter: str) -> None:
    assert icon(name, title) == letter


def test_a_letter_is_one_unit_wherever_it_is_counted() -> None:
    assert icon("", "\U00020000 b") == "B"
    assert icon("", "…") == ""


def test_paths_are_nothing_but_paths() -> None:
    assert all(re.fullmatch(r"M[-\w. ]+", path) for path in PATHS.values())
