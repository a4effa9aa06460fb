"""Small runs that are compared."""

from itertools import pairwise

from lfwidget.comparison.data import compare_states
from lfwidget.model.layout import layout
from lfwidget.model.state import RunState


def node(name, kind="model", **more):
    return {"id": name, "title": name.title(), "type": kind, **more}


def chain_of(*nodes):
    edges = [{"source": a["id"], "target": b["id"]} for a, b in pairwise(nodes) if not b.get("parent")]
    return {"nodes": list(nodes), "edges": edges}


def run(graph, says=(), *, end="run.finished", name=None, **fields):
    """The state of a run of `graph`; `says` are the nodes with their seconds and what ends them or what they say."""
    events = [
        {
            "kind": "run.started",
            "run_id": "r",
            "flow": "tutor",
            "name": name,
            "input": "x",
            "started_at": "2026-01-01",
            "graph": layout(graph),
        }
    ]
    t = 0.0
    for who, seconds, said in says:
        span = {"node": who, "span": f"{who}#1"}
        events.append({"kind": "node.started", "t": t, "attempt": 1, **span})
        if isinstance(said, str):
            delta = {"channel": "text", "text": said, "cuts": [len(said)], "dts": [0]}
            events.append({"kind": "node.delta", "t": t + seconds / 2, **span, **delta})
        ending = said if isinstance(said, dict) else {"usage": usage(len(said.split()))}
        t += seconds
        events.append({"kind": "node.finished", "t": t, "duration": seconds, **span, **ending})
    events.append({"kind": end, "t": t, **fields})
    return RunState({"seq": i, "t": 0.0, **event} for i, event in enumerate(events, 1)).to_json()


def usage(tokens):
    return {"input_tokens": 10, "output_tokens": tokens, "total_tokens": tokens + 10}


def error(words):
    return {"kind": "node.failed", "error": {"type": "ValueError", "message": words}}


MODEL = chain_of(node("prompt", "prompt"), node("model"))


def compared(a="The Earth is big.", b="The Earth is small.", costs=(None, None)):
    return compare_states(run(MODEL, [("model", 2.0, a)]), run(MODEL, [("model", 1.5, b)]), costs=costs)


def two_flows():
    a = chain_of(node("prompt", "prompt"), node("old"), node("model", subtitle="small"))
    b = chain_of(node("prompt", "prompt"), node("new"), node("model", subtitle="large"))
    return run(a, [("old", 1.0, "Old")]), run(b, [("new", 1.0, "New")])
