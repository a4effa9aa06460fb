"""Print the path of a Chromium: $CHROMIUM, then PATH, then Playwright's own, which is installed if need be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HELP = """\
No Chromium found for the browser tests, and Playwright could not install one. Do one of these:
  - install it with the system's packages (Debian, Ubuntu: sudo apt-get install chromium)
  - set CHROMIUM to the path of a Chromium or Chrome you have: CHROMIUM=/path/to/chrome make test
  - .venv/bin/playwright install --with-deps chromium
"""


def named() -> str | None:
    """$CHROMIUM as a path; a name that leads nowhere is an error, not a reason to look further."""
    wanted = os.environ.get("CHROMIUM")
    if not wanted:
        return None
    found = shutil.which(wanted)
    if found is None:
        sys.exit(f"CHROMIUM={wanted} is no program. Set it to the path of a Chromium or Chrome, or unset it.")
    return found


def on_path() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def playwrights() -> str | None:
    """Playwright's own Chromium, downloaded if it is not here yet."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    if not path.exists():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False, stdout=sys.stderr)
    return str(path) if path.exists() else None


def main() -> None:
    found = named() or on_path() or playwrights()
    if found is None:
        sys.exit(HELP)
    print(found)


if __name__ == "__main__":
    main()
