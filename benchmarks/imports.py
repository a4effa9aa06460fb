"""What `import lfwidget` costs beside `import anywidget`, which every Jupyter widget of this kind pays."""

from __future__ import annotations

import json
import subprocess
import sys

from report import Row, median

__all__ = ["rows"]

LIMIT = 60
SCRIPT = """
import json, time
cpu, wall = time.process_time(), time.perf_counter()
{statement}
print(json.dumps([1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)]))
"""
OWN, USED, REFERENCE = "import lfwidget", "from lfwidget import Flow", "import anywidget"


def cost(statement: str) -> list[float]:
    """CPU and wall milliseconds of the import in a fresh interpreter."""
    command = [sys.executable, "-c", SCRIPT.format(statement=statement)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout)


def rows(rounds: int) -> list[Row]:
    for statement in (OWN, USED, REFERENCE):
        cost(statement)  # the first one compiles
    taken = [{statement: cost(statement) for statement in (OWN, USED, REFERENCE)} for _ in range(2 * rounds + 1)]

    def told(statement: str) -> str:
        cpu, wall = (median([each[statement][figure] for each in taken]) for figure in (0, 1))
        return f"{cpu:.0f} ms ({wall:.0f})"

    def extra(statement: str) -> float:
        return median([each[statement][0] - each[REFERENCE][0] for each in taken])

    reference = f"{REFERENCE} {told(REFERENCE)}"
    budget, met = f"<= +{LIMIT} ms", extra(OWN) <= LIMIT
    return [
        Row(f"`{OWN}`, CPU (wall)", told(OWN), reference, f"{extra(OWN):+.0f} ms", budget, met),
        Row(f"`{USED}`: what a first use adds", told(USED), reference, f"{extra(USED):+.0f} ms"),
    ]
