"""The built files of the page, in `static/`: the widget's, the record's. They are built, not committed."""

from __future__ import annotations

from pathlib import Path

from lfwidget.errors import DisplayError

__all__ = ["page_file"]

_STATIC = Path(__file__).parent / "static"


def page_file(name: str) -> str:
    """A file of the bundle. Read when it is needed: a checkout in which it was not built can still be imported.

    Raises:
        DisplayError: it is not built.
    """
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DisplayError(f"the page is not built: {_STATIC / name} is missing. Run: make bundle") from error
