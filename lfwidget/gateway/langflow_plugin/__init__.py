"""The gateway inside a LangFlow server: who may use LangFlow watches his own runs there, over a socket.

LangFlow calls `register` when it starts, in every server that has lfwidget installed. It does nothing, and imports
nothing, unless the environment says `LFWIDGET_LANGFLOW_SOCKET=1`.
"""

from __future__ import annotations

import os
from typing import Any

__all__ = ["SWITCH", "register"]

SWITCH = "LFWIDGET_LANGFLOW_SOCKET"


def register(app: Any) -> None:
    """The entry point `langflow.plugins`.

    Args:
        app: LangFlow's, as far as it shows itself to plugins. When this raises, LangFlow logs it, takes our routes
            back and goes on without them.
    """
    if os.environ.get(SWITCH) != "1":
        return
    try:
        from lfwidget.gateway.langflow_plugin.doors import mount

        mount(app)
    except Exception as error:
        from lfx.log.logger import logger

        logger.error(
            f"lfwidget: runs on this server cannot be watched over a socket ({type(error).__name__}: {error}). It was "
            f"written for LangFlow 1.13 and wants pip install 'lfwidget[gateway]'; {SWITCH}=0 leaves it out."
        )
        raise
