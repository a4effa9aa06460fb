"""The results of frozen nodes. As LangFlow does it: such a node runs once, and gives the same again in later runs."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from pydantic import BaseModel

__all__ = ["Frozen"]


class Frozen:
    """What the frozen nodes of one flow gave, for one run.

    Args:
        kept: results by node; shared by the runs of a flow.
        anew: nodes that run all the same, since somebody changed their fields for this run.

    Attributes:
        used: the nodes that did not run, but gave what was kept.
    """

    def __init__(self, kept: dict[str, Any], anew: Container[str] = ()) -> None:
        self.used: set[str] = set()
        self._kept = kept
        self._anew = anew

    def cache(self, vertex: Any) -> dict[str, Callable[..., Any]]:
        """What `Graph.build_vertex` takes to ask for a kept result, and to keep one; nothing for any other node."""
        if not vertex.frozen or vertex.id in self._anew:
            return {}

        # The key is lfx's, and made of a user that is another one in each run.
        async def get(key: str) -> Any:  # noqa: ARG001
            from lfx.services.cache.utils import CacheMiss

            if vertex.id not in self._kept:
                return CacheMiss()
            self.used.add(vertex.id)
            return {"result": _copied(self._kept[vertex.id])}

        async def put(key: str, data: Any) -> None:  # noqa: ARG001
            self._kept[vertex.id] = _copied(data)

        return {"get_cache": get, "set_cache": put}


def _copied(value: Any) -> Any:
    """A Chat Output writes its own sender and session into the message that it is given: each run has one of its own.
    What is no data (a model, a tool) is the same in all of them.
    """
    from lfx.schema.data import Data

    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    # A message's own `copy.deepcopy()` is no message any more.
    return BaseModel.__deepcopy__(value) if isinstance(value, Data) else value
