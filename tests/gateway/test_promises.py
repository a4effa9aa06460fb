import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(
    r"^\| (.+) \| \[`(.+)`\]\((tests/.+\.py)\) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("promise", "name", "path"), ROWS)
def test_each_promise_of_the_readme_has_its_test(promise, name, path):
    assert re.search(rf"^(async )?def test_{name.replace(' ', '_')}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


def test_the_table_is_there():
    assert len(ROWS) > 15
