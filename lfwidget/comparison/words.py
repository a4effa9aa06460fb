"""What differs between two runs, in words and figures: the picture and the table both say it."""

from __future__ import annotations

from lfwidget.comparison.data import Comparison, NodeComparison, RunHead
from lfwidget.model.preview import preview
from lfwidget.record.words import seconds, status_word

__all__ = ["change", "in_words", "only_in", "say_cost", "time_change"]

_LONGEST_ERROR = 300
_HALF_A_MS = 0.0005


def in_words(comparison: Comparison, whole: NodeComparison) -> list[str]:
    """Both runs, and what is between them, in a line each: the head of the picture, and what stands for it.

    Args:
        comparison: whose runs are told of.
        whole: the runs, each as if it were a node.
    """
    delta = whole["delta"]
    tokens = change(delta["tokens"], "output tokens") if delta["tokens"] else ""
    parts = (f"Δ (B less A): {time_change(whole)}", tokens, say_cost(delta["cost"], "cost ", sign=True))
    heads = [_run_in_words(name, run) for name, run in zip("AB", comparison["runs"], strict=True)]
    return [*heads, " · ".join(filter(None, parts))]


def _run_in_words(name: str, run: RunHead) -> str:
    tokens = f"{run['usage'].get('total_tokens', 0)} tokens" if run["usage"] else ""
    figures = (status_word(run["status"]), seconds(run["duration"]), tokens, say_cost(run["cost"], "cost "))
    parts = (f"{name}: {run['name'] or run['flow']}", *figures, preview(run["error"], _LONGEST_ERROR))
    return " · ".join(filter(None, parts))


def only_in(node: NodeComparison) -> str:
    """Which run alone has the node, in words; nothing where both have."""
    return "" if all(node["in"]) else f"only in {'A' if node['in'][0] else 'B'}"


def change(value: float | None, unit: str = "s") -> str:
    """B less A with its sign: seconds, or a count of `unit`; nothing where it is not known."""
    if value is None:
        return ""
    sign, size = _sign(value), abs(value)
    if unit != "s":
        return f"{sign}{size} {unit}".rstrip()
    if size < _HALF_A_MS:
        return "0 ms"
    return f"{sign}{size * 1000:.0f} ms" if size < 1 else f"{sign}{size:.2f} s"


def time_change(both: NodeComparison) -> str:
    """How much longer B took, and which share of A's time that is."""
    longer, before = both["delta"]["duration"], both["a"]["duration"] if both["a"] else None
    if longer is None or not before or abs(longer) < _HALF_A_MS:
        return change(longer)
    share = round(100 * longer / before)
    return f"{change(longer)} ({_sign(share)}{abs(share)} %)"


def say_cost(value: float | None, before: str = "", *, sign: bool = False) -> str:
    """A cost, to the six decimals that `Table` has; nothing where no price is known."""
    return "" if value is None else f"{before}{_sign(value) if sign else ''}{abs(value):.6f}"


def _sign(value: float) -> str:
    return "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "±"
