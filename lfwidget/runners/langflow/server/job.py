"""What is asked of a LangFlow server for one run, in the words of each of its routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lfwidget.runners.langflow.tweak import tweaked

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """One run to be.

    Args:
        flow: id of the flow.
        text: what goes into its Chat Input.
        session: of the chat history.
        stored: the flow's `nodes` and `edges` as the server has them.
        key: tells the server that a request made twice is one.
        tweaks: values of fields by node, of the user.
        streams: whether each node with a `stream` field streams.
        data: `nodes` and `edges` to run instead of the stored ones.
        hidden: ids of the nodes in `data` that are ours.
        variables: values of global variables; all of them are secrets.
        has_chat_output: whether the flow ends in a Chat Output.
    """

    flow: str
    text: str
    session: str
    stored: Mapping[str, Any] = field(repr=False)
    key: str
    tweaks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    streams: Mapping[str, bool] = field(default_factory=dict)
    data: Mapping[str, Any] | None = field(default=None, repr=False)
    hidden: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    has_chat_output: bool = True

    @property
    def all_tweaks(self) -> dict[str, dict[str, Any]]:
        """Those of the user, over ours."""
        found: dict[str, dict[str, Any]] = {node: {"stream": on} for node, on in self.streams.items()}
        for node, fields in self.tweaks.items():
            found[node] = {**found.get(node, {}), **fields}
        return found

    @property
    def is_plain(self) -> bool:
        """Whether nothing goes along but what the user gave."""
        return self.data is None and not self.streams

    def plain(self) -> Job:
        """The same without what we added for watching. Its key is another: the server saw the first one."""
        return replace(self, data=None, hidden=frozenset(), streams={}, key=f"{self.key}-plain")

    def workflow(self, mode: str) -> dict[str, Any]:
        """The body for `POST /api/v2/workflows` (`WorkflowRunRequest` of lfx 1.13, which refuses unknown fields)."""
        body: dict[str, Any] = {
            "flow_id": self.flow,
            "input_value": self.text,
            "session_id": self.session,
            "mode": mode,
            "stream_protocol": "langflow",
        }
        if mode == "background":
            body["idempotency_key"] = self.key
        if self.all_tweaks:
            body["tweaks"] = self.all_tweaks
        if self.data is not None:
            body["data"] = self.data
        return body

    def build(self) -> dict[str, Any]:
        """The body for `POST /api/v1/build/{flow}/flow`, which knows no tweaks: they are made in the flow itself."""
        body: dict[str, Any] = {"inputs": {"input_value": self.text, "session": self.session}}
        if self.data is not None or self.all_tweaks:
            data = self.stored if self.data is None else self.data
            body["data"] = tweaked({"data": data}, self.all_tweaks)["data"]
        return body

    def run(self) -> dict[str, Any]:
        """The body for `POST /api/v1/run/{flow}`."""
        return {
            "input_value": self.text,
            "input_type": "chat",
            "output_type": "chat" if self.has_chat_output else "any",
            "session_id": self.session,
            "tweaks": self.all_tweaks,
        }

    @property
    def headers(self) -> dict[str, str]:
        """The variables as headers. Only /api/v1/run reads them in 1.13; it makes their names upper case."""
        return {f"X-LANGFLOW-GLOBAL-VAR-{name}": value for name, value in self.variables.items()}
