"""The logs of tests/golden/, in which every rule of the fold shows once.

`python tests/model/golden.py` writes NAME.jsonl, NAME.state.json and packed.json again. Review every changed line of a
state: it is what both folds are held to.
"""

import json
from pathlib import Path

from lfwidget.model.state import RunState
from lfwidget.record.about import About
from lfwidget.record.pack import pack

FOLDER = Path(__file__).resolve().parent.parent / "golden"


def node(node_id, kind="function", **more):
    return {"id": node_id, "title": node_id.rpartition("/")[2].capitalize(), "type": kind, **more}


def edge(source, target, **more):
    return {"source": source, "target": target, **more}


def started(nodes, edges=(), given="hi", **more):
    return {
        "t": 0,
        "kind": "run.started",
        "run_id": "r1",
        "flow": "flow",
        "input": given,
        "started_at": "2026-01-01T10:00:00+01:00",
        "graph": {"nodes": nodes, "edges": list(edges)},
        "format": 1,
        **more,
    }


def grown(t, nodes, edges=()):
    return {"t": t, "kind": "graph.changed", "nodes": nodes, "edges": list(edges)}


def on(t, kind, span, **fields):
    """An event of a span; `model#2` is the second span of `model`, `model` its first."""
    return {"t": t, "kind": kind, "node": span.partition("#")[0], "span": span, **fields}


def start(t, span, attempt=1, **fields):
    return on(t, "node.started", span, attempt=attempt, **fields)


def finish(t, span, output, duration, **fields):
    return on(t, "node.finished", span, output=output, duration=duration, **fields)


def tokens(t, span, *said, channel="text", dts=None, **fields):
    cuts = [len(token) for token in said]
    dts = [0] * len(cuts) if dts is None else dts
    return on(t, "node.delta", span, channel=channel, text="".join(said), cuts=cuts, dts=dts, **fields)


def error(name, message):
    return {"type": name, "message": message}


def end(t, kind="run.finished", **fields):
    return {"t": t, "kind": kind, **fields}


CHAIN = [node("prompt", "prompt"), node("model", "model"), node("parser", "parser")]
CHAIN_EDGES = [edge("prompt", "model"), edge("model", "parser")]

PLAIN_TEXT = [
    started(CHAIN, CHAIN_EDGES, given={"topic": "cats"}, name="first", tags=["lesson"]),
    start(0.001, "prompt", input={"topic": "cats"}),
    finish(0.002, "prompt", "Tell me of cats.", 0.001),
    start(0.003, "model", input="Tell me of cats."),
    tokens(0.2, "model", "Cats", " purr", dts=[-47, -3]),
    tokens(0.25, "model", ".", dts=[-1]),
    finish(0.3, "model", "Cats purr.", 0.297, usage={"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}),
    start(0.3, "parser", input="Cats purr."),
    tokens(0.301, "parser", "Cats purr."),
    finish(0.3015, "parser", "Cats purr.", 0.0015),
    end(0.302, output="Cats purr."),
]

REASONING = [
    started([node("model", "model")]),
    start(0.1, "model"),
    tokens(0.2, "model", "Hm", ",", " so", channel="reasoning", dts=[-60, -30, 0]),
    tokens(0.3, "model", "Yes", dts=[-10]),
    tokens(0.4, "model", " of course"),
    finish(0.5, "model", "Yes of course", 0.4),
    end(0.5, output="Yes of course", usage={"input_tokens": 1, "output_tokens": 7, "total_tokens": 8}),
]

AGENT = [
    node("__start__", "start"),
    node("agent", "graph"),
    node("agent/model", "model", parent="agent"),
    node("tools", "node"),
    node("tools/add", "tool", parent="tools"),
    node("tools/search", "tool", parent="tools"),
    node("__end__", "end"),
]

TOOL_CALLS = [
    started(AGENT, [edge("__start__", "agent"), edge("agent", "tools", kind="conditional"), edge("tools", "agent")]),
    start(0.1, "agent"),
    start(0.11, "agent/model", parent="agent"),
    tokens(0.2, "agent/model", '{"a"', ": 1}", channel="tool_call", call={"index": 1, "id": "c2", "name": "add"}),
    tokens(0.21, "agent/model", '{"q":', channel="tool_call", call={"index": 0, "name": "search"}, dts=[-5]),
    tokens(0.22, "agent/model", ' "x"}', channel="tool_call", call={"index": 0, "id": "c1"}),
    finish(0.3, "agent/model", "", 0.19, usage={"output_tokens": 20}),
    finish(0.31, "agent", "", 0.21),
    start(0.4, "tools"),
    start(0.41, "tools/search", parent="tools", input={"q": "x"}),
    start(0.42, "tools/add", parent="tools", input={"a": 1}),
    finish(0.5, "tools/add", 2, 0.08),
    finish(0.7, "tools/search", ["found"], 0.29),
    finish(0.8, "tools", None, 0.4),
    start(0.9, "agent#2"),
    on(0.91, "node.started", "agent/model#2", attempt=1, parent="agent#2"),
    tokens(1.0, "agent/model#2", "It is 2.", channel="text"),
    finish(
        1.1, "agent/model#2", "It is 2.", 0.19,
        tool_calls=[{"index": 0, "id": "c3", "name": "bye", "args": "{}"}], usage={"output_tokens": 5},
    ),
    finish(1.2, "agent#2", "It is 2.", 0.3),
    end(1.3, output="It is 2."),
]  # fmt: skip

RETRY = [
    started(CHAIN[1:2]),
    start(0, "model"),
    tokens(0.1, "model", "Wro", "ng"),
    on(0.2, "node.failed", "model", error=error("TimeoutError", "too slow"), duration=0.2),
    on(0.2, "node.retracted", "model", reason="retry 2"),
    start(0.3, "model#2", attempt=2),
    tokens(0.5, "model#2", "Right", dts=[-100]),
    finish(0.6, "model#2", "Right", 0.3, usage={"output_tokens": 1}),
    end(0.6, output="Right"),
]

FALLBACK = [
    started(
        [node("model", "model"), node("model-2", "model"), node("parser", "parser")],
        [edge("model", "model-2", kind="fallback"), edge("model", "parser"), edge("model-2", "parser")],
    ),
    start(0, "model"),
    tokens(0.1, "model", "Bad"),
    on(0.2, "node.failed", "model", error=error("RateLimitError", "429")),
    on(0.2, "node.retracted", "model"),
    start(0.2, "model-2"),
    tokens(0.3, "model-2", "Good"),
    finish(0.4, "model-2", "Good", 0.2),
    start(0.4, "parser"),
    finish(0.4, "parser", "Good", 0),
    end(0.5, output="Good"),
]

LOOP = [
    started([node("draft", "model"), node("judge")], [edge("draft", "judge"), edge("judge", "draft")]),
    *(
        event
        for i in range(1, 4)
        for event in (
            start(i, f"draft#{i}"),
            tokens(i + 0.1, f"draft#{i}", f"Draft {i}"),
            finish(i + 0.2, f"draft#{i}", f"Draft {i}", 0.2, usage={"input_tokens": i, "output_tokens": 2}),
            start(i + 0.3, f"judge#{i}"),
            finish(i + 0.4, f"judge#{i}", i == 3, 0.1),
        )
    ),
    end(3.5, output="Draft 3"),
]

MAP = [
    started([node("each", "each"), node("each/model", "model", parent="each")], given=["a", "b", "c"]),
    start(0, "each"),
    start(0.01, "each/model", parent="each", index=0, input="a"),
    start(0.02, "each/model#2", parent="each", index=1, input="b"),
    start(0.03, "each/model#3", parent="each", index=2, input="c"),
    tokens(0.1, "each/model#3", "C"),
    tokens(0.2, "each/model", "A"),
    finish(0.3, "each/model#2", "B", 0.28),
    finish(0.35, "each/model", "A", 0.34),
    finish(0.5, "each/model#3", "C", 0.47),
    finish(0.55, "each", ["A", "B", "C"], 0.55),
    end(0.55, output=["A", "B", "C"]),
]

SEND = [
    started([node("plan"), node("work", "model"), node("merge")], [edge("plan", "work"), edge("work", "merge")]),
    start(0, "plan"),
    finish(0.1, "plan", ["x", "y"], 0.1),
    start(0.2, "work#1", index=0),
    start(0.2, "work#2", index=1),
    tokens(0.3, "work#1", "x!"),
    tokens(0.3, "work#2", "y!"),
    on(0.4, "node.failed", "work#2", error=error("ValueError", "no y"), duration=0.2),
    finish(0.5, "work#1", "x!", 0.3),
]

CARDLESS = [
    started([node("ask"), node("prompt", "prompt")], [edge("prompt", "ask")]),
    start(0, "ask", input="hi"),
    grown(0.1, [node("ask/chain", "graph", parent="ask", card=False)]),
    start(0.1, "ask/chain", parent="ask"),
    grown(0.2, [node("ask/model", "model", parent="ask/chain", card=False)], [edge("ask/chain", "ask/model")]),
    start(0.2, "ask/model", parent="ask/chain"),
    tokens(0.3, "ask/model", "In", "side", dts=[-20, 0]),
    finish(0.4, "ask/model", "Inside", 0.2, usage={"input_tokens": 2, "output_tokens": 3}),
    finish(0.5, "ask/chain", "Inside", 0.4),
    grown(0.6, [{**node("prompt", "prompt"), "title": "The prompt"}], [edge("prompt", "ask"), edge("ask", "ask")]),
    # A card of its own now: what it said leaves the card of `ask`.
    grown(0.7, [node("ask/model", "model", parent="ask")]),
    finish(0.8, "ask", "Inside", 0.8),
]

WAITING = [
    started([node("ask"), node("draft", "model")]),
    start(0, "draft"),
    start(0.1, "ask"),
    on(0.2, "input.requested", "ask", request="q1", prompt="Send it?", schema={"type": "boolean"}),
    on(0.2, "input.requested", "ask", request="q2", prompt={"text": "To whom?"}),
    on(0.3, "input.given", "ask", request="q1", value=True),
]

ANSWERED = [
    *WAITING,
    on(5, "input.given", "ask", request="q2", value="Ann"),
    finish(5.1, "ask", "sent to Ann", 5),
    finish(5.2, "draft", "Dear Ann", 5.2),
    end(5.3, output="sent to Ann"),
]

FAILURE = [
    started(CHAIN, CHAIN_EDGES),
    start(0, "prompt"),
    finish(0.1, "prompt", "Hi", 0.1),
    start(0.1, "model"),
    {"t": 0.15, "kind": "log", "level": "warning", "message": "slow", "node": "model", "source": "logging"},
    tokens(0.2, "model", "Half a "),
    on(0.3, "node.failed", "model", error={**error("KeyError", "'x'"), "traceback": "Traceback …"}, duration=0.2),
    {"t": 0.4, "kind": "node.skipped", "node": "parser", "reason": "an earlier node failed"},
    end(0.4, "run.failed", error=error("KeyError", "'x'"), node="model"),
]

CANCELLED = [
    started(CHAIN, CHAIN_EDGES),
    start(0.1, "model"),
    tokens(0.2, "model", "I was"),
    start(0.2, "model#2", parent="model"),
    on(0.25, "node.cancelled", "model#2", reason="stopped", duration=0.05),
    on(0.3, "input.requested", "model", request="q", prompt="?"),
    {"t": 0.4, "kind": "node.skipped", "node": "parser", "reason": "the run was cancelled"},
    end(0.5, "run.cancelled", reason="stopped"),
    {"t": 7, "kind": "note", "text": "here it hung", "moment": 0.25, "node": "model"},
    {"t": 9.5, "kind": "note", "text": "try again"},
]

UNKNOWN = [
    started([node("model", "model", shape="round")], weather="fine"),
    {"t": 0.1, "kind": "node.sang", "node": "model", "span": "model", "song": "la"},
    start(0.1, "model", mood="good"),
    {"t": 0.2, "kind": "run.paused"},
    tokens(0.3, "model", "la", mood="better"),
    tokens(0.3, "nobody", "lost"),
    finish(0.3, "nobody", "lost", 1),
    start(0.4, "elsewhere", parent="nobody"),
    finish(0.5, "model", {"nested": [1, None]}, 0.4, usage={"output_tokens": 1, "cache": 9}),
]

REPLACED = [
    started([node("model", "model")]),
    start(0, "model"),
    tokens(0.1, "model", "Helo"),
    tokens(0.1, "model", "mh", channel="reasoning"),
    on(0.2, "node.text", "model", channel="text", text="Hello"),
    on(0.2, "node.text", "model", channel="reasoning", text=""),
    tokens(0.3, "model", " you"),
    finish(0.4, "model", "Hello you", 0.4),
]

SCRIPTS = [
    started([node("model", "model", subtitle="模型")], given="讲个笑话 🐈"),
    start(0, "model", input="讲个笑话 🐈"),
    tokens(0.1, "model", "猫", "👩‍👩‍👧", " é", "𝄞"),
    {"t": 0.1, "kind": "log", "level": "info", "message": "✓ fertig"},
    finish(1 / 3, "model", "猫👩‍👩‍👧 é𝄞", 1 / 3),
    end(0.3359375, output="猫👩‍👩‍👧 é𝄞"),
]

LOGS = {
    "plain_text": PLAIN_TEXT,
    "reasoning": REASONING,
    "tool_calls": TOOL_CALLS,
    "retry": RETRY,
    "fallback": FALLBACK,
    "loop": LOOP,
    "map": MAP,
    "send": SEND,
    "cardless": CARDLESS,
    "waiting": WAITING,
    "answered": ANSWERED,
    "failure": FAILURE,
    "cancelled": CANCELLED,
    "unknown": UNKNOWN,
    "replaced": REPLACED,
    "scripts": SCRIPTS,
}


def events(name):
    return [{"seq": seq, **event} for seq, event in enumerate(LOGS[name], 1)]


def jsonl(name):
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events(name))


def main():
    FOLDER.mkdir(exist_ok=True)
    for name in LOGS:
        (FOLDER / f"{name}.jsonl").write_text(jsonl(name), encoding="utf-8")
        state = json.dumps(RunState(events(name)).to_json(), ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.state.json").write_text(state + "\n", encoding="utf-8")
    packed = {name: pack(About.of(events(name)[0]), events(name)) for name in LOGS}
    (FOLDER / "packed.json").write_text(json.dumps(packed, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
