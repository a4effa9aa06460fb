"""Every notebook runs from top to bottom without a key, and was committed with the outputs a reader gets."""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
WITH_LFX = {"05-langflow-export"}
"""What needs lfx is run where lfx is: in an environment of its own (see scripts/check.py)."""
NOTEBOOKS = [path for path in sorted(FOLDER.glob("*.ipynb")) if (path.stem in WITH_LFX) == bool(find_spec("lfx"))]
HANG = 300
TIME = re.compile(r"\b\d+(\.\d+)?( ?(ms|s|tok/s|tokens/s))?\b")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def committed(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """What a reader sees under a cell, with every figure masked: times differ from run to run."""
    texts = [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
    return [[TIME.sub("#", line).split() for line in text.splitlines()] for text in texts]


@pytest.fixture
def executed(path, committed, tmp_path, monkeypatch):
    monkeypatch.setenv("LFWIDGET_MODEL", "")
    monkeypatch.delenv("LANGFLOW_URL", raising=False)
    shutil.copytree(FOLDER / "flows", tmp_path / "flows")
    fresh = nbformat.from_dict(committed)
    for cell in code_cells(fresh):
        cell.outputs = []
    NotebookClient(fresh, timeout=HANG, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return fresh


def test_it_shows_what_was_committed(committed, executed):
    for before, after in zip(code_cells(committed), code_cells(executed), strict=True):
        assert shown(after) == shown(before), before.source


def test_no_output_drags_widget_state_along(executed):
    assert "widgets" not in executed.metadata
    for cell in code_cells(executed):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


def test_it_was_committed_after_one_run_from_top_to_bottom(committed):
    counts = [cell.execution_count for cell in code_cells(committed)]
    assert counts == list(range(1, len(counts) + 1))


def test_prose_comes_first(committed):
    assert committed.cells[0].cell_type == "markdown"
    assert committed.cells[0].source.startswith("# ")
