"""Rows of the table, and the table: printed, and kept in RESULTS.md with what it was measured on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

__all__ = ["Row", "bound_row", "document", "median", "ratio_row"]

PACKAGES = (
    "lfwidget",
    "langchain-core",
    "langgraph",
    "anywidget",
    "ipywidgets",
    "ipykernel",
    "jupyterlab",
    "playwright",
    "uvicorn",
    "starlette",
    "websockets",
)
COLUMNS = ("what", "lfwidget", "reference, same run", "result", "budget", "")


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where no budget was set."""

    what: str
    own: str
    reference: str
    result: str
    budget: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        verdict = {None: "", True: "met", False: "**missed**"}[self.met]
        return (self.what, self.own, self.reference, self.result, self.budget, verdict)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float], digits: int) -> str:
    return "" if len(values) < 2 else f" ({min(values):.{digits}f}-{max(values):.{digits}f})"


def ratio_row(what: str, *, own: str, reference: str, values: Sequence[float], budget: float | None = None) -> Row:
    """A ratio own / reference, one value a round; the budget is its upper bound."""
    middle = median(values)
    result = f"{middle:.2f} x{spread(values, 2)}"
    if budget is None:
        return Row(what, own, reference, result)
    return Row(what, own, reference, result, f"<= {budget:g} x", middle <= budget)


def bound_row(  # noqa: PLR0913 - a line of a table has that many columns
    what: str,
    *,
    values: Sequence[float],
    unit: str,
    reference: str,
    budget: float | None = None,
    references: Sequence[float] = (),
) -> Row:
    """A figure that may have an upper bound of its own; the ratio to the reference is shown beside it."""
    middle = median(values)
    ratio = f"{middle / median(references):.2f} x" if references else ""
    own = f"{middle:,.4g} {unit}{spread(values, 1)}"
    if budget is None:
        return Row(what, own, reference, ratio)
    return Row(what, own, reference, ratio, f"<= {budget:g} {unit}", middle <= budget)


def table(rows: Sequence[Row]) -> str:
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    lines += [" | ".join(row.cells()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def document(rows: Sequence[Row], *, rounds: int, load: tuple[float, float], extra: Sequence[str] = ()) -> str:
    """RESULTS.md: the table, and under it what it was measured on. `load` is the load average before and after."""
    versions = [f"{name} {installed(name)}" for name in PACKAGES]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join(
        [
            "# Results of `make bench`",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, median of {rounds} (range).",
            f"{machine}, load {load[0]:.1f} before and {load[1]:.1f} after.",
            "Own figure and reference are taken in turn in the same run. CPU is CPU time, not wall time.",
            "",
            table(rows),
            "",
            "Measured with " + ", ".join([*versions, *extra]) + ".",
            "",
        ]
    )
