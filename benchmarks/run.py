"""Measure the budgets: `python benchmarks/run.py [--quick] [--rounds N] [--only kernel,page]`.

Prints one table; a whole run (neither --quick nor --only) also writes it to RESULTS.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

import report

PARTS = ("kernel", "streaming", "page", "records", "gateway", "langflow", "langflow_plugin", "imports")
HERE = Path(__file__).parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many (5)")
    parser.add_argument("--quick", action="store_true", help="one round: a look, not a result")
    parser.add_argument("--only", default=",".join(PARTS), help="which parts, separated by commas")
    given = parser.parse_args()
    given.only = given.only.split(",")
    unknown = set(given.only) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return given


def page_versions() -> list[str]:
    """The reference page's packages, from its lock file."""
    packages = json.loads((HERE / "page" / "package-lock.json").read_text())["packages"]
    return [f"{name} {packages[f'node_modules/{name}']['version']}" for name in ("@xyflow/react", "react", "esbuild")]


def main() -> None:
    given = arguments()
    rounds = 1 if given.quick else given.rounds
    before = os.getloadavg()[0]
    rows = []
    for part in given.only:
        begin = time.monotonic()
        rows += importlib.import_module(part).rows(rounds)
        print(f"{part}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    text = report.document(rows, rounds=rounds, load=(before, os.getloadavg()[0]), extra=page_versions())
    print(text)
    if not given.quick and set(given.only) == set(PARTS):
        (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
