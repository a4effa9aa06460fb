"""The code that LangFlow ships: read from lfx's files and those of its bundles, without importing any of them.

lfx 1.13 keeps an index of its components with their code (`lfx/_assets/component_index.json`, 2.4 MB; reading it takes
0.15 s); a bundle (`lfx-openai`) has its modules only, whose text is the code of its nodes.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from lfwidget.errors import MissingExtraError

__all__ = ["INTERPRETERS", "Shipped", "digest", "lfx_version", "require_lfx", "shipped"]

INSTALL = 'pip install "lfwidget[lfx]"'

INTERPRETERS = frozenset(
    {
        "CSVAgent",
        "CodeAct Agent (Smolagents)",
        "CodeActAgentSmolagents",
        "Cuga",
        "LambdaFilterComponent",
        "MCPStdio",
        "MCP Tools (stdio) [DEPRECATED]",
        "OpenDsStar Agent",
        "OpenDsStarAgent",
        "Python Code Structured",
        "PythonCodeStructuredTool",
        "Python Function",
        "PythonFunction",
        "PythonFunctionComponent",
        "Python Interpreter",
        "PythonREPLComponent",
        "Python REPL",
        "PythonREPLToolComponent",
        "PythonREPLTool",
        "Smart Transform",
    }
)
"""Components whose fields hold, or whose model writes, code that is then run: `CODE_EXECUTION_COMPONENT_TYPES` and
`MCP_STDIO_COMPONENT_TYPES` of `lfx.utils.flow_validation`, which cannot be imported before a flow is trusted without
importing half of lfx. A test compares the two."""

_OLD_NAMES = {"Prompt": "Prompt Template", "parser": "ParserComponent"}
"""`LEGACY_TYPE_ALIASES` of `lfx.utils.component_aliases`, as far as lfx itself ships these components."""

_BLANK = "CustomComponent"
"""What a component is called that somebody began to write; LangFlow ships the beginning, which replaces nothing."""

_EXTENSION = re.compile(r"^ext:[^:]+:(?P<name>[^@]+)@")


@dataclass
class Shipped:
    """What LangFlow ships.

    Attributes:
        by_name: code by every name a component goes by: type, class, title, older names. "" where a name is that of
            several.
        names: names by the SHA-256 of the code.
    """

    by_name: dict[str, str] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def add(self, code: str, names: Iterable[str], labels: Iterable[str] = ()) -> None:
        """Take in a component.

        Args:
            code: of it.
            names: what it is called by itself; such a name wins over a label.
            labels: what people call it, which may be the name of another.
        """
        known = self.names.setdefault(digest(code), set())
        for name in filter(None, names):
            known.add(name)
            self.by_name[name] = code if self.by_name.get(name, code) == code else ""
        for label in filter(None, labels):
            known.add(label)
            self.by_name.setdefault(label, code)

    def knows(self, code: str) -> bool:
        """Whether this very text is shipped."""
        return digest(code) in self.names

    def code_of(self, *names: str) -> str | None:
        """The code that goes by the first of these names that is known."""
        if _BLANK in names:
            return None
        for name in names:
            match = _EXTENSION.match(name)
            for each in (name, _OLD_NAMES.get(name, ""), match["name"] if match else ""):
                if self.by_name.get(each):
                    return self.by_name[each]
        return None

    def is_interpreter(self, code: str) -> bool:
        """Whether this is the code of a component that runs code out of its fields, whatever it is called."""
        return bool(self.names.get(digest(code), set()) & INTERPRETERS)


def digest(code: str) -> str:
    """All 64 digits; LangFlow's own `code_hash` has 12, which can be forged."""
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def lfx_version() -> str | None:
    """The version of lfx that is installed; None where none is."""
    try:
        return importlib.metadata.version("lfx")
    except importlib.metadata.PackageNotFoundError:
        return None


def require_lfx() -> str:
    """The version of lfx.

    Raises:
        MissingExtraError: it is not installed, or another one than this was written for.
    """
    version = lfx_version()
    if version is None:
        raise MissingExtraError("lfx", INSTALL, "running a LangFlow export")
    if version.split(".")[:2] != ["1", "13"]:
        raise MissingExtraError("lfx 1.13", INSTALL, f"running a LangFlow export (lfx {version} is installed)")
    return version


def shipped() -> Shipped:
    """Everything that LangFlow ships, as it is installed here.

    Raises:
        MissingExtraError: lfx is not installed.
    """
    require_lfx()
    # A bundle that is installed while the kernel runs counts from then on.
    return _read(tuple(_bundles()))


@lru_cache(maxsize=1)
def _read(bundles: tuple[Path, ...]) -> Shipped:
    found = Shipped()
    root = _folder("lfx")
    index = json.loads((root / "_assets" / "component_index.json").read_bytes()) if root else {}
    for _, components in index.get("entries", []):
        for name, about in components.items():
            code = _code(about)
            if code:
                found.add(code, _names(name, about), [str(about.get("display_name") or "")])
    for bundle in bundles:
        for module in sorted((bundle / "components").rglob("*.py")):
            code = module.read_text("utf-8")
            found.add(code, _classes(code))
    return found


def _folder(package: str) -> Path | None:
    """Where a package lies. A top-level package is not imported by looking for it."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _bundles() -> list[Path]:
    """Installed packages that bring components, which they declare as entry points of `langflow.extensions`."""
    points = importlib.metadata.entry_points(group="langflow.extensions")
    folders = [_folder(point.module.partition(".")[0]) for point in points]
    return [folder for folder in folders if folder is not None and (folder / "extension.json").is_file()]


def _code(about: Mapping[str, Any]) -> str:
    value = ((about.get("template") or {}).get("code") or {}).get("value")
    return value if isinstance(value, str) else ""


def _names(name: str, about: Mapping[str, Any]) -> list[str]:
    module = str((about.get("metadata") or {}).get("module") or "")
    return [name, str(about.get("name") or ""), module.rpartition(".")[2]]


def _classes(code: str) -> list[str]:
    """The classes of a module, and the names that they give themselves."""
    names = []
    for statement in ast.parse(code).body:
        if not isinstance(statement, ast.ClassDef):
            continue
        names.append(statement.name)
        for inner in statement.body:
            if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Constant):
                named = any(isinstance(target, ast.Name) and target.id == "name" for target in inner.targets)
                names += [inner.value.value] if named and isinstance(inner.value.value, str) else []
    return names
