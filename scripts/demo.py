"""Run a copy of the first notebook, trust it and open it in JupyterLab: `make demo`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "01-quickstart.ipynb"
COPY = ROOT / "build" / "demo" / NOTEBOOK.name


def execute() -> None:
    """A fresh copy, its outputs made here and now. The kernel finds the package because it runs in this environment."""
    COPY.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(NOTEBOOK, COPY)
    jupyter("execute", "--inplace", str(COPY))
    jupyter("trust", str(COPY))


def jupyter(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("jupyter")), *arguments], check=True)


def has_display() -> bool:
    """Whether a browser can be opened here: asked for, or a desktop is there."""
    wish = os.environ.get("DEMO_OPEN")
    if wish is not None:
        return wish != "0"
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main() -> None:
    execute()
    if not has_display():
        print(f"The executed notebook is {COPY}\nOpen it with: .venv/bin/jupyter lab {COPY.relative_to(ROOT)}")
        return
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    jupyter("lab", *root, str(COPY))


if __name__ == "__main__":
    main()
