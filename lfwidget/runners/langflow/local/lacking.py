"""What a LangFlow server has and a kernel has not, where lfx does not say so: told on the node that wants it."""

from __future__ import annotations

from typing import Any

from lfwidget.errors import ComponentError
from lfwidget.failure import causes

__all__ = ["NEEDS_LANGFLOW", "explained"]

NEEDS_LANGFLOW = "needs LangFlow itself, with its database: run this flow on a LangFlow server, with lf.connect()"


def explained(error: BaseException, node: str, about: Any) -> BaseException:
    """The error with what to do about it, where it says nothing of use; else itself.

    Args:
        error: what a component raised.
        node: its id.
        about: its `data` in the flow.
    """
    module = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if module.partition(".")[0] == "langflow":
        return ComponentError(f"this component {NEEDS_LANGFLOW} ({error})", node, type(error).__name__)
    if about.get("type") != "MCPTools":
        return error
    if "is not configured" in str(error):
        return ComponentError(_NO_SERVER.format(node=node), node, type(error).__name__)
    groups = [each for each in causes(error) if isinstance(each, BaseExceptionGroup)]
    if not groups:
        return error
    # All that lfx says of it is that there was an error in a group.
    inner = _innermost(groups[0])
    return ComponentError(f"{error}: {type(inner).__name__}: {inner}", node, type(inner).__name__)


_NO_SERVER = (
    "the flow names an MCP server, whose address is in the settings of the LangFlow that it comes from. Give it here: "
    'tweaks={{"{node}": {{"mcp_server": {{"name": "…", "config": {{"url": "https://…"}}}}}}}}, where a program takes '
    '{{"command": "python", "args": ["server.py"]}}; or run the flow on that server, with lf.connect()'
)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
