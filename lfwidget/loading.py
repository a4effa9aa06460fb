"""LangFlow flows: `load_flow()` for one that was exported, `connect()` for one on a server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lfwidget.flow import Flow
from lfwidget.runners.langflow.export import read_export

__all__ = ["connect", "load_flow"]


def load_flow(  # noqa: PLR0913 - people type only what they need
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    trust: bool | Literal["upgrade"] = False,
    model: Any = None,
    history: str | os.PathLike[str] | None = None,
    name: str | None = None,
    examples: Iterable[Any] = (),
) -> Flow:
    """A flow that LangFlow exported. It is drawn without running anything in it; to run it needs `lfwidget[lfx]`.

    A node that is frozen in LangFlow runs once, and gives the same in later runs of this flow, unless one tweaks it.

    Args:
        source: path of the export, the JSON as text, or as a dict.
        trust: whether code in the flow that LangFlow did not ship may run: False refuses it, True runs it as it is,
            "upgrade" runs LangFlow's own code in place of a component of its that was changed.
        model: a LangChain chat model that stands in for every model of the flow, in each run that brings none of its
            own: so Run in the widget needs no key.
        history: path of an SQLite file in which its messages are kept, so that a `session_id` goes on another day; by
            default they are kept as long as the flow is.
        name: what it is called; by default as in the export.
        examples: inputs to choose from in the widget.

    Raises:
        FlowFormatError: this is no LangFlow flow.
        InputError: `history` is another file, or `model` is no chat model.
        OSError: the file cannot be read.
    """
    from lfwidget.runners.langflow.local.runner import LocalRunner

    return Flow(
        LocalRunner(read_export(source), trust=trust, model=model, history=history), name=name, examples=examples
    )


def connect(  # noqa: PLR0913 - people type only what they need
    url: str,
    flow: str | None = None,
    *,
    api_key: str | None = None,
    tap: bool = True,
    name: str | None = None,
    examples: Iterable[Any] = (),
) -> Flow:
    """A flow on a LangFlow server: drawn from the server's JSON, run there, watched here.

    A certificate of an authority that only you know is believed if SSL_CERT_FILE in the environment names its file.

    Args:
        url: of the server: "http://localhost:7860".
        flow: name, endpoint name or id of the flow; without one the error lists what there is.
        api_key: a LangFlow API key; by default the environment's LANGFLOW_API_KEY.
        tap: whether models stream whose tokens LangFlow would not send, because no Chat Output follows them.
        name: what it is called; by default as on the server.
        examples: inputs to choose from in the widget.

    Raises:
        UnknownNameError: the server has no such flow; the error names the nearest.
        ServerError: the server refuses, fails, or cannot be reached.
    """
    from lfwidget.runners.langflow.server.runner import ServerRunner

    return Flow(ServerRunner.find(url, flow, api_key=api_key, tap=tap), name=name, examples=examples)
