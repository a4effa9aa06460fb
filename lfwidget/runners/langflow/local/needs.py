"""The packages that the components of a flow import, and that are not installed. No code of the flow is run for it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from lfwidget.errors import MissingExtraError
from lfwidget.runners.langflow.export import Export

__all__ = ["require_packages"]

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "assemblyai": "assemblyai",
    "astrapy": "astrapy",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "google": "google-api-python-client",
    "googleapiclient": "google-api-python-client",
    "serpapi": "google-search-results",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What pip calls a module, where it is not the same with hyphens."""

_FOLLOWED = ("lfx.base.", "lfx.components.")
"""Parts of lfx that import packages which lfx does not bring; the rest of it needs only what comes with it."""


def require_packages(export: Export) -> None:
    """Say what is missing before a run starts, and how to get it.

    lfx imports what stands at the top of a component's code when it loads the flow; an import inside a function is
    made when it is needed, and one in a `try` may fail.

    Args:
        export: of the flow.

    Raises:
        MissingExtraError: packages are missing; names them, and the nodes that want them.
    """
    importlib.invalidate_caches()  # what was missing may have been installed since the kernel began
    wanted: dict[str, list[str]] = {}
    for component in export.components.values():
        code = component.value("code")
        text = "\n".join(map(str, code)) if isinstance(code, list) else code
        for package in sorted(_packages(text)) if isinstance(text, str) else ():
            if not _exists(package):
                wanted.setdefault(package, []).append(component.title)
    if wanted:
        names = sorted({_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in wanted})
        titles = ", ".join(dict.fromkeys(repr(title) for titles in wanted.values() for title in titles))
        raise MissingExtraError(" and ".join(names), f"pip install {' '.join(names)}", f"this flow ({titles})")


@lru_cache(maxsize=256)
def _packages(code: str) -> frozenset[str]:
    """The packages that this code imports at its top, and those that its parts of lfx import."""
    found: set[str] = set()
    seen: set[str] = set()  # modules that import each other
    todo = [code]
    while todo:
        for module in _imported(todo.pop()):
            if not module.startswith(_FOLLOWED):
                found.add(module.partition(".")[0])
            elif module not in seen:
                seen.add(module)
                file = _file(module)
                todo += [file.read_text("utf-8")] if file else []
    return frozenset(found)


def _imported(code: str) -> Iterator[str]:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError):
        return  # the node itself will fail, and say so
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module


def _file(module: str) -> Path | None:
    spec = importlib.util.find_spec(module.partition(".")[0])
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        return None
    path = Path(places[0]).joinpath(*module.split(".")[1:])
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _exists(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
