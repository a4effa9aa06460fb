"""CPU in the kernel per streamed token. Each figure is from a fresh process: `python kernel.py SOURCE TOKENS RATE`."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from report import Row, median, ratio_row

QUESTION = "Count, please."
TOKENS, FEW, MANY = 20_000, 2_000, 100_000
PACE = 2_000


class Sink:
    """Counts what a kernel would send, and packs it as `jupyter_client` packs it."""

    messages = 0
    characters = 0

    def install(self) -> None:
        """Make every widget of this process talk to this sink."""
        import comm
        from comm.base_comm import BaseComm
        from jupyter_client.jsonutil import json_clean
        from jupyter_client.session import json_packer

        sink = self

        class CountedComm(BaseComm):
            def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys: Any):  # noqa: ARG002
                sink.messages += 1
                sink.characters += len(json_packer(json_clean({"data": data or {}, "comm_id": self.comm_id, **keys})))
                sink.characters += sum(map(len, buffers or ()))

        comm.create_comm = CountedComm


def chain_of(model: Any) -> Any:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    return ChatPromptTemplate.from_messages([("human", "{question}")]) | model | StrOutputParser()


async def bare(model: Any) -> None:
    async for _ in model.astream(QUESTION):
        pass


async def events_v2(model: Any) -> None:
    async for _ in chain_of(model).astream_events({"question": QUESTION}, version="v2"):
        pass


async def lfwidget(model: Any) -> None:
    import lfwidget as lf

    flow = lf.Flow(chain_of(model))
    widget = flow.widget  # a real widget: its comm is the sink
    run = flow.run(QUESTION)
    text = await run
    if len(text) != 6 * model.count or widget.comm is None:
        raise AssertionError(f"{len(text)} characters of {6 * model.count} arrived")


SOURCES = {"bare": bare, "events_v2": events_v2, "lfwidget": lfwidget}


async def measure(source: str, tokens: int, rate: float) -> dict[str, float]:
    from models import NumberedModel

    sink = Sink()
    sink.install()
    await SOURCES[source](NumberedModel(count=200))
    sink.messages = sink.characters = 0
    gc.collect()  # what importing left behind is nobody's token
    begin, cpu = time.perf_counter(), time.process_time()
    await SOURCES[source](NumberedModel(count=tokens, rate=rate))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - begin
    return {
        "us": 1e6 * cpu / tokens,
        "wall": wall,
        "messages": sink.messages,
        "characters": sink.characters,
    }


def spawn(source: str, tokens: int, rate: float = 0) -> dict[str, float]:
    command = [sys.executable, __file__, source, str(tokens), str(rate)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parent, timeout=600)
    return json.loads(done.stdout.splitlines()[-1])


def rows(rounds: int) -> list[Row]:
    """Everything lfwidget does in the kernel against the bare stream, in turn, round by round."""
    taken: dict[str, list[float]] = {}

    def take(name: str, source: str, tokens: int, rate: float = 0) -> float:
        us = spawn(source, tokens, rate)["us"]
        taken.setdefault(name, []).append(us)
        return us

    ratios, reference, growth, paced = [], [], [], []
    for _ in range(rounds):
        base = take("bare", "bare", TOKENS)
        ratios.append(take("own", "lfwidget", TOKENS) / base)
        reference.append(take("v2", "events_v2", TOKENS) / base)
        few = take("own few", "lfwidget", FEW) / take("bare few", "bare", FEW)
        many = take("own many", "lfwidget", MANY) / take("bare many", "bare", MANY)
        growth.append(many / few)
        paced.append(take("own paced", "lfwidget", FEW, PACE) - take("bare paced", "bare", FEW, PACE))
    us = {name: f"{median(values):.1f} us" for name, values in taken.items()}
    return [
        ratio_row(
            f"kernel CPU per token, {TOKENS:,} tokens at full speed",
            own=us["own"],
            reference=f"model.astream {us['bare']}; events v2 {us['v2']} ({median(reference):.1f} x)",
            values=ratios,
            budget=1.5,
        ),
        ratio_row(
            f"growth of that ratio, {MANY:,} / {FEW:,} tokens",
            own=f"{us['own many']} / {us['own few']}",
            reference=f"model.astream {us['bare many']} / {us['bare few']}",
            values=growth,
            budget=1.2,
        ),
        Row(
            f"kernel CPU added per token at {PACE:,} tokens/s (every flush is paid)",
            own=us["own paced"],
            reference=f"model.astream {us['bare paced']}",
            result=f"+{median(paced):.1f} us",
        ),
    ]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
