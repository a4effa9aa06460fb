"""A run as AG-UI events (https://docs.ag-ui.com/spec/1.0): for frontends that speak that protocol.

`translator.py` turns events into events and does no I/O; `messages.py` is what was said, `state.py` the shared state;
`stream.py` is the route.
"""

from __future__ import annotations

__all__: list[str] = []
