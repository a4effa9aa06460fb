"""`lf.compare()`: two runs side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lfwidget.comparison.data import compare_states
from lfwidget.comparison.html import compare_html
from lfwidget.record.page import page
from lfwidget.run import Run
from lfwidget.table import Table

__all__ = ["RunComparison", "compare"]


def compare(a: Run, b: Run) -> RunComparison:
    """Compare two runs, of one flow or of two that are alike: nodes are aligned by their ids.

    Args:
        a: the first, such as the run before a change.
        b: the second.

    Returns:
        As the last line of a cell: the graph once, both runs in every card, and what differs in parameters, times,
        tokens, cost and, word by word, in what was said. It needs no script, so a saved notebook keeps it.
    """
    return RunComparison(a, b)


class RunComparison:
    """Two runs side by side, as they were when they were compared.

    Attributes:
        data: all of it as plain JSON: `runs`, `graph`, `nodes`, `output_diff`.
    """

    def __init__(self, a: Run, b: Run) -> None:
        states = [run.read(lambda state: (state.to_json(), _costs(state))) for run in (a, b)]
        (first, first_costs), (second, second_costs) = states
        self.data: dict[str, Any] = {**compare_states(first, second, costs=(first_costs, second_costs))}
        self._title = f"{a.name} and {b.name}" if a.name != b.name else f"{a.name} (two runs)"

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """One page, which opens from disk without any network.

        Args:
            path: where to write it; None only returns it.
        """
        facts = " · ".join(str(run["started_at"] or "")[:16].replace("T", " ") for run in self.data["runs"])
        html = page(self._title, facts, self._repr_html_())
        if path is not None:
            Path(path).write_text(html, encoding="utf-8")
        return html

    def __repr__(self) -> str:
        lines = [f"A: {self.data['runs'][0]['name']}", f"B: {self.data['runs'][1]['name']}"]
        for name, both in self.data["nodes"].items():
            changed = [item["name"] for item in both["params"]]
            differs = any(op != "=" for op, _ in both["text_diff"])
            parts = [f"changed: {', '.join(changed)}" if changed else "", "says something else" if differs else "same"]
            lines.append(f"{name}: {' · '.join(filter(None, parts))}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return compare_html(self.data, self._title)  # type: ignore[arg-type]  # it is one, as plain data


def _costs(state: Any) -> dict[str, float | None]:
    return {row.node: row.cost for row in Table.of(state)}
