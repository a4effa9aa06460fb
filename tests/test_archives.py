"""What is published: a wheel and an sdist that hold the page, and an sdist that installs where there is no node."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUNDLE = {"lfwidget/static/widget.js", "lfwidget/static/widget.css"}


def build(kind: str, source: Path, target: Path, **environment: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True, env=os.environ | environment)
    (archive,) = target.iterdir()
    return archive


def unpacked(sdist: Path, target: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    (folder,) = target.iterdir()
    return folder


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def test_the_wheel_holds_the_page_and_the_types(tmp_path):
    with zipfile.ZipFile(build("wheel", ROOT, tmp_path)) as wheel:
        names = set(wheel.namelist())
    assert names >= BUNDLE | {"lfwidget/__init__.py", "lfwidget/py.typed"}
    assert all(name.startswith(("lfwidget/", "lfwidget-")) for name in names)


def test_the_sdist_installs_without_node(sdist, tmp_path):
    source = unpacked(sdist, tmp_path / "source")
    no_node = str(tmp_path / "empty")
    with zipfile.ZipFile(build("wheel", source, tmp_path / "wheel", PATH=no_node)) as wheel:
        for name in BUNDLE:
            assert wheel.read(name) == (ROOT / name).read_bytes()


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_no_archive_is_built_without_the_page(sdist, tmp_path, kind):
    source = unpacked(sdist, tmp_path / "source")
    (source / "lfwidget/static/widget.js").unlink()
    with pytest.raises(subprocess.CalledProcessError) as failure:
        build(kind, source, tmp_path / "archive")
    assert "widget.js: not built. Run `make bundle`" in failure.value.stderr
