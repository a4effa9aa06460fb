"""The packages that the components of a flow need, and that are not installed. No code of the flow is run for it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lfwidget.errors import ComponentError, MissingExtraError
from lfwidget.runners.langflow.export import Component, Export, as_mapping
from lfwidget.runners.langflow.local.lacking import NEEDS_LANGFLOW

__all__ = ["PROVIDERS", "is_chat_model", "require_packages"]

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

PROVIDERS = {
    "Anthropic": "langchain_anthropic",
    "Azure AI Foundry": "langchain_azure_ai",
    "Azure OpenAI": "langchain_openai",
    "Google Generative AI": "langchain_google_genai",
    "Groq": "langchain_groq",
    "IBM WatsonX": "langchain_ibm",
    "Ollama": "langchain_ollama",
    "OpenAI": "langchain_openai",
    "OpenRouter": "langchain_openai",
}
"""What lfx imports for a model that is chosen in a field (`lfx.base.models.unified_models.class_registry`, which cannot
be imported without importing half of lfx). A test compares the two."""

_EMBEDDINGS = {**PROVIDERS, "Azure AI Foundry": "langchain_openai"}

_OF_DATABASE = ("FlowTool", "RunFlow", "SubFlow")
"""Components that run another flow: lfx alone has none, and says so in words of its own."""

_FOLLOWED = ("lfx.base.", "lfx.components.")
"""Parts of lfx that import packages which lfx does not bring; the rest of it needs only what comes with it."""


def require_packages(export: Export, tweaks: Mapping[str, Mapping[str, Any]], *, has_model: bool) -> None:
    """Say what is missing before a run starts, and how to get it.

    lfx imports what stands at the top of a component's code when it loads the flow; an import inside a function is
    made when it is needed, and one in a `try` may fail.

    Args:
        export: of the flow.
        tweaks: of the run.
        has_model: whether a model was given, which takes the place of those that are chosen in the flow.

    Raises:
        MissingExtraError: packages are missing; names them, and the nodes that want them.
        ComponentError: LangFlow itself is missing, which no package replaces.
    """
    importlib.invalidate_caches()  # what was missing may have been installed since the kernel began
    wanted: dict[str, list[Component]] = {}
    for component in export.components.values():
        code = component.value("code")
        text = "\n".join(map(str, code)) if isinstance(code, list) else code
        packages = set(_packages(text)) if isinstance(text, str) else set()
        packages |= set(_providers(export, component, tweaks.get(component.id, {}), has_model=has_model))
        packages |= {"langflow"} if component.type in _OF_DATABASE else set()
        for package in packages:
            if not _exists(package):
                wanted.setdefault(package, []).append(component)
    if "langflow" in wanted:
        first = wanted["langflow"][0]
        raise ComponentError(f"{first.title!r} {NEEDS_LANGFLOW}", first.id)
    if wanted:
        names = sorted({_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in wanted})
        order = {component.title: None for name in sorted(wanted) for component in wanted[name]}
        titles = ", ".join(map(repr, order))
        raise MissingExtraError(" and ".join(names), f"pip install {' '.join(names)}", f"this flow ({titles})")


def is_chat_model(field: Mapping[str, Any]) -> bool:
    """Whether a chat model is chosen in this field of a template; a model of embeddings is none."""
    return field.get("type") == "model" and field.get("model_type", "language") == "language"


def _providers(export: Export, component: Component, tweaks: Mapping[str, Any], *, has_model: bool) -> Iterator[str]:
    """The packages of the models that are chosen in a node, where nothing takes their place."""
    for name, field in component.template.items():
        joined = any(link.target == component.id and link.field == name for link in export.links)
        if field.get("type") != "model" or joined or (has_model and is_chat_model(field)):
            continue
        value = tweaks.get(name, field.get("value"))
        chosen = as_mapping(value[0]) if isinstance(value, list) and value else {}
        if package := (PROVIDERS if is_chat_model(field) else _EMBEDDINGS).get(str(chosen.get("provider"))):
            yield package


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
