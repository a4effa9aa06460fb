"""What the measured notebook cell runs inside the kernel: one way of showing a stream, started in the background."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from kernel import QUESTION, chain_of
from models import NumberedModel
from widgets import MessagePerToken, TraitPerToken

__all__ = ["start"]

REFERENCES = {"traits": TraitPerToken, "messages": MessagePerToken}


def start(way: str, tokens: int, rate: float, done: str) -> asyncio.Task[None]:
    """Show an empty widget, give the page a moment, stream; then write when each token left the model to `done`."""
    from IPython.display import display

    model = NumberedModel(count=tokens, rate=rate)
    if way == "lfwidget":
        import lfwidget as lf

        flow = lf.Flow(chain_of(model))
        display(flow)
        stream = flow_stream(flow)
    else:
        widget = REFERENCES[way]()
        display(widget)
        stream = reference_stream(model, widget)
    return asyncio.get_running_loop().create_task(streamed(stream, model, Path(done)))


async def flow_stream(flow: Any) -> None:
    await flow.run(QUESTION)


async def reference_stream(model: NumberedModel, widget: Any) -> None:
    index = 0
    async for chunk in model.astream(QUESTION):
        if chunk.content:
            widget.put(index, chunk.content)
            index += 1


async def streamed(stream: Any, model: NumberedModel, done: Path) -> None:
    await asyncio.sleep(2)  # a page that is still being drawn is not what is measured
    await stream
    partial = done.with_suffix(".part")
    partial.write_text(json.dumps(model.sent))
    partial.rename(done)
