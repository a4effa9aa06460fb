"""Events of a run of two nodes, `left` and `right`, which speak in turn."""

from lfwidget.gateway.shared_log import encode
from lfwidget.gateway.store import Batch


def event(seq, last=0, text="word "):
    if seq == last:
        return {"seq": seq, "t": seq / 1000, "kind": "run.finished", "output": "done"}
    if seq % 10 == 0:
        return {"seq": seq, "t": seq / 1000, "kind": "log", "level": "info", "message": f"step {seq}"}
    node = "left" if seq % 2 else "right"
    return {
        "seq": seq,
        "t": seq / 1000,
        "kind": "node.delta",
        "node": node,
        "span": f"{node}-1",
        "channel": "text",
        "text": text,
        "cuts": [len(text)],
        "dts": [0],
    }


def events(first, upto, last=0, text="word "):
    """Those from `first` to `upto`; the run ends with `last`."""
    return [event(seq, last, text) for seq in range(first, upto + 1)]


def batch(first, upto, last=0, **fields):
    """A batch for a store."""
    text = fields.pop("text", "word ")
    return Batch(
        **{"run": "run-1", "epoch": "epoch-1", "owner": "teacher", **fields},
        first=first,
        entries=encode(events(first, upto, last, text)),
    )
