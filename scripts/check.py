"""Run every check and every test in turn and say at the end how many passed: `make test`.

A failing step does not stop the later ones. Arguments pick steps by name: `python scripts/check.py lint units`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
PYTHON = sys.executable
PYTHON_LFX = str(ROOT / ".venv-lfx" / "bin" / "python")
APART = ("tests/browser", "tests/gateway", "tests/notebooks", "tests/server")
"""Folders of tests that are a step of their own."""


@dataclass(frozen=True)
class Step:
    """One command. `report` names the JUnit file in which it counts its tests."""

    name: str
    command: tuple[str, ...]
    report: str = ""


def pytest_step(name: str, *arguments: str, python: str = PYTHON) -> Step:
    report = f"{name}.xml"
    return Step(name, (python, "-m", "pytest", f"--junitxml={REPORTS / report}", *arguments), report)


def npm(script: str, *arguments: str) -> tuple[str, ...]:
    return ("npm", "--silent", "--prefix", "js", "run", script, *(("--", *arguments) if arguments else ()))


STEPS = (
    Step("lint", (PYTHON, "-m", "ruff", "check", ".")),
    Step("layout", (PYTHON, "-m", "ruff", "format", "--check", ".")),
    Step("types", (PYTHON, "-m", "mypy")),
    Step("generated", (PYTHON, "scripts/generate_types.py", "--check")),
    Step("page", npm("check")),
    Step(
        "page-tests",
        npm("test", "--reporter=default", "--reporter=junit", f"--outputFile.junit={REPORTS / 'page-tests.xml'}"),
        "page-tests.xml",
    ),
    pytest_step("units", "-q", "tests", *(f"--ignore={folder}" for folder in APART)),
    # With lfx, which wants langchain 1.3: the runners with that, too, and the lesson that runs a LangFlow export.
    pytest_step("lfx", "-q", "tests/runners", "tests/notebooks", python=PYTHON_LFX),
    pytest_step("gateway", "-q", "tests/gateway"),
    pytest_step("server", "-v", "tests/server"),
    pytest_step("browser", "-v", "tests/browser"),
    pytest_step("notebooks", "-v", "tests/notebooks"),
)


def chosen(names: list[str]) -> list[Step]:
    known = {step.name: step for step in STEPS}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no step {', '.join(unknown)}. There are: {', '.join(known)}")
    return [known[name] for name in names] or list(STEPS)


def chromium() -> dict[str, str]:
    """The environment of the steps, in which $CHROMIUM is set; without a Chromium nothing is run at all."""
    found = subprocess.run(
        [PYTHON, "scripts/find_chromium.py"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if found.returncode:
        sys.exit(found.returncode)
    return {**os.environ, "CHROMIUM": found.stdout.strip()}


def run(step: Step, environment: dict[str, str]) -> bool:
    print(f"\n== {step.name}: {shlex.join(step.command)}", flush=True)
    begun = time.monotonic()
    code = subprocess.run(step.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    outcome = f"FAILED (exit {code})" if code else "ok"
    print(f"== {step.name}: {outcome} in {time.monotonic() - begun:.0f} s", flush=True)
    return code == 0


def count(report: Path) -> Counter[str]:
    """Tests in a JUnit file by outcome. An error outside a test (a fixture, a collection) counts as a failure."""
    counts: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):
        outcomes = {child.tag for child in case}
        failed = bool(outcomes & {"failure", "error"})
        counts["failed" if failed else "skipped" if "skipped" in outcomes else "passed"] += 1
    return counts


def in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))


def summarise(steps: list[Step], failed: list[str]) -> None:
    """What each program counted, and one closing line that sums it up."""
    reports = {step.name: REPORTS / step.report for step in steps if step.report}
    counts = {name: count(report) for name, report in reports.items() if report.exists()}
    print("\nTests:")
    for name, outcomes in counts.items():
        print(f"  {name}: {in_words(outcomes)}")
    print(f"Steps: {len(steps) - len(failed)} of {len(steps)} ok" + "".join(f"; {name} failed" for name in failed))
    print(in_words(sum(counts.values(), Counter())))


def main() -> None:
    steps = chosen(sys.argv[1:])
    environment = chromium() if any(step.name == "browser" for step in steps) else dict(os.environ)
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    failed = [step.name for step in steps if not run(step, environment)]
    summarise(steps, failed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
