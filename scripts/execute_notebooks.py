"""Execute the notebooks where they lie, so that they are committed with their outputs: `make notebooks`.

Without arguments these are the ones for this environment: with lfx those that need it, else all others.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
WITH_LFX = {"05-langflow-export"}
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path) -> None:
    """Run one notebook top to bottom; times of execution and versions of this machine are left out of the file."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, record_timing=False, resources={"metadata": {"path": path.parent}})
    client.execute()
    notebook.metadata = METADATA
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
    nbformat.write(notebook, path)


def main() -> None:
    os.environ.pop("LFWIDGET_MODEL", None)  # the outputs are those of a reader without a key
    os.environ.pop("LANGFLOW_URL", None)
    here = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if (path.stem in WITH_LFX) == bool(find_spec("lfx"))]
    for path in [Path(name) for name in sys.argv[1:]] or here:
        print(path.name)
        execute(path)


if __name__ == "__main__":
    main()
