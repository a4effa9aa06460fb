"""LangFlow's own 27 starter projects, which come with `langflow-base` and are not ours to copy."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["NEEDED", "starters"]

_ROOT = Path(__file__).parents[3]
_INSIDE = "lib/python3*/site-packages/langflow/initial_setup/starter_projects"

NEEDED = "LangFlow's starter projects are not here: make the server's environment, or set LFWIDGET_STARTERS"


def starters() -> dict[str, Path]:
    """The files by the names of the projects; empty where there are none."""
    given = os.environ.get("LFWIDGET_STARTERS")
    folders = [Path(given)] if given else sorted((_ROOT / ".venv-server").glob(_INSIDE))
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.json"))}
