"""CPU per token of a LangFlow flow in this process, which has lfx: `python lfx_tokens.py SOURCE TOKENS`."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from models import NumberedModel

EXPORT = Path(__file__).parent.parent / "notebooks" / "flows" / "Basic Prompting.json"


async def bare(model: NumberedModel) -> int:
    return sum([len(chunk.text) async for chunk in model.astream("Count, please.")])


async def lfwidget(model: NumberedModel) -> int:
    import lfwidget as lf

    return len(await lf.load_flow(EXPORT).run("Count, please.", model=model))


async def native(model: NumberedModel) -> int:
    """LangFlow's own streaming: its events, for a model that a Chat Output follows."""
    from lfx.events.event_manager import EventManager
    from lfx.graph.graph.base import Graph
    from lfx.run._defaults import apply_run_defaults

    flow = json.loads(EXPORT.read_text())
    for node in flow["data"]["nodes"]:
        template = node["data"].get("node", {}).get("template", {})
        if "stream" in template:
            template["stream"]["value"] = True
    graph = Graph.from_payload(flow["data"], flow_id=str(uuid.uuid4()), user_id=str(uuid.uuid4()))
    for vertex in graph.vertices:
        if "model" in vertex.data["node"]["template"]:
            vertex.update_raw_params({"model": model}, overwrite=True)
    apply_run_defaults(graph, session_id=uuid.uuid4().hex, user_id=None)
    characters = 0

    def hear(*, manager: Any, event_type: str, data: Any) -> None:  # noqa: ARG001 - EventManager calls it by name
        nonlocal characters
        characters += len(data.get("chunk") or "")

    events = EventManager(asyncio.Queue())
    events.register_event("on_token", "token", callback=hear)
    for name in ("message", "error", "end", "end_vertex", "build_start", "build_end", "log"):
        events.register_event(f"on_{name}", name, callback=lambda **_: None)
    async for _ in graph.async_start(event_manager=events):
        pass
    return characters


SOURCES = {"bare": bare, "lfwidget": lfwidget, "native": native}


async def measure(source: str, tokens: int) -> dict[str, float]:
    await SOURCES[source](NumberedModel(count=200))
    gc.collect()  # what importing left behind is nobody's token
    cpu = time.process_time()
    characters = await SOURCES[source](NumberedModel(count=tokens))
    if characters != 6 * tokens:
        raise AssertionError(f"{characters} characters of {6 * tokens} arrived")
    return {"us": 1e6 * (time.process_time() - cpu) / tokens}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], int(sys.argv[2])))))
