"""A run as one HTML page: it opens from disk, needs no network, and prints as a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lfwidget.record.about import About
from lfwidget.record.html import record_html

__all__ = ["page", "run_page"]

_POLICY = "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data:"
"""What the page may load: nothing from anywhere. The player is unpacked into a blob."""

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 1200px; margin: 24px auto; padding: 0 16px; font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; overflow-wrap: anywhere; }
header p { margin: 0 0 16px; opacity: .75; }
.lfwidget-record img { background: #fff; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } .lfwidget-how { display: none; } }
"""


def run_page(about: About, events: Sequence[dict[str, Any]], state: dict[str, Any]) -> str:
    """The page of a run.

    Args:
        about: the head of the record.
        events: of the run.
        state: `RunState.to_json()` after the last of them.
    """
    facts = [about.started_at[:16].replace("T", " "), ", ".join(about.models)]
    facts += [f"{name} {version}" for name, version in about.packages.items()]
    return page(
        f"{about.flow}: {about.name}" if about.name else about.flow,
        " · ".join(filter(None, facts)),
        record_html(about, events, state),
    )


def page(title: str, facts: str, body: str) -> str:
    """A whole document around a record.

    Args:
        title: what it is headed with, as text.
        facts: the line below, as text.
        body: HTML.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="lfwidget">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<header><h1>{escape(title)}</h1><p>{escape(facts)}</p></header>\n{body}\n</body>\n</html>\n"
    )
