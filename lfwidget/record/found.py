"""Records inside other files: the outputs of a saved notebook, an exported page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lfwidget.errors import RecordError
from lfwidget.record.file import Record
from lfwidget.record.pack import unpack

__all__ = ["LOG_TYPE", "in_notebook", "in_page"]

LOG_TYPE = "application/x-lfwidget-log"
"""The type of the script element that holds a packed log: one that no browser runs."""

_LOG = re.compile(rf'<script type="{re.escape(LOG_TYPE)}">([^<]*)</script>')


def in_page(html: str) -> list[Record]:
    """The records in a piece of HTML, in order.

    Raises:
        RecordError: one is damaged, or newer than this lfwidget.
    """
    return [Record(*unpack(match[1])) for match in _LOG.finditer(html)]


def in_notebook(text: str) -> list[Record]:
    """The records in the outputs of a notebook, in order.

    Raises:
        RecordError: the file is no notebook, or a record in it is damaged.
    """
    try:
        cells = json.loads(text)["cells"]
        htmls = [(number, html) for number, cell in enumerate(cells, 1) for html in _htmls(cell)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"this is no notebook: {type(error).__name__}: {error}") from error
    found: list[Record] = []
    for number, html in htmls:
        try:
            found += in_page(html)
        except RecordError as error:
            raise RecordError(f"in the output of cell {number}: {error}") from error
    return found


def _htmls(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", []):
        html = output.get("data", {}).get("text/html", "")
        yield html if isinstance(html, str) else "".join(html)
