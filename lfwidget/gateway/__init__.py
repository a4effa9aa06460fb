"""One run, many watchers: the gateway. It reads logs and relays them; it executes nothing and imports no flow.

- `python -m lfwidget.gateway` serves by itself, `lfwidget.gateway.app:app` under any ASGI server;
- `run.share()` starts one inside the kernel;
- `langflow_plugin/` is one inside a LangFlow server, for the runs of that server.
"""

from __future__ import annotations

__all__: list[str] = []
