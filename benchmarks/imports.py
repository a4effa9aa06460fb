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
import {module}
print(json.dumps([1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)]))
"""


def cost(module: str) -> list[float]:
    """CPU and wall milliseconds of the import in a fresh interpreter."""
    command = [sys.executable, "-c", SCRIPT.format(module=module)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout)


def rows(rounds: int) -> list[Row]:
    cost("lfwidget")  # the first one compiles
    cost("anywidget")
    taken = [(cost("lfwidget"), cost("anywidget")) for _ in range(2 * rounds + 1)]
    (cpu, wall), (reference_cpu, reference_wall) = (
        [median([each[which][figure] for each in taken]) for figure in (0, 1)] for which in (0, 1)
    )
    extra = median([own[0] - reference[0] for own, reference in taken])
    return [
        Row(
            "import lfwidget, CPU (wall)",
            f"{cpu:.0f} ms ({wall:.0f})",
            f"import anywidget {reference_cpu:.0f} ms ({reference_wall:.0f})",
            f"{extra:+.0f} ms",
            f"<= +{LIMIT} ms",
            extra <= LIMIT,
        )
    ]
