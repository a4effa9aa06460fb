"""What a record says of itself before any event: which flow, when, with which models and packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

from lfwidget.model.events import FORMAT

__all__ = ["About", "models_in"]

_ALWAYS = ("lfwidget", "langchain-core", "langchain", "langgraph")
_PROVIDERS = ("langchain_", "openai", "anthropic", "ollama", "lfx")


@dataclass(frozen=True)
class About:
    """The head of a record.

    Attributes:
        flow: name of the flow.
        name: of the run.
        run_id: of the run.
        started_at: ISO 8601 with the offset.
        models: names of the models in the flow.
        packages: versions by name, of what ran it.
        format: version of the events.
    """

    flow: str
    name: str
    run_id: str
    started_at: str
    models: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def of(cls, started: Mapping[str, Any]) -> About:
        """What there is to say of a run of this process.

        Args:
            started: its `run.started`.
        """
        return cls(
            flow=started["flow"],
            name=started.get("name") or "",
            run_id=started["run_id"],
            started_at=started["started_at"],
            models=tuple(models_in(started["graph"]["nodes"])),
            packages=_packages(),
        )

    @classmethod
    def from_json(cls, head: Mapping[str, Any]) -> About:
        """From the head of a file; what is missing or of another type is left empty."""
        words = {name: head[name] if isinstance(head.get(name), str) else "" for name in _WORDS}
        models, packages = head.get("models"), head.get("packages")
        return cls(
            **words,
            models=tuple(map(str, models)) if isinstance(models, list) else (),
            packages={str(k): str(v) for k, v in packages.items()} if isinstance(packages, Mapping) else {},
            format=head["format"] if isinstance(head.get("format"), int) else FORMAT,
        )

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {**asdict(self), "models": list(self.models), "packages": dict(self.packages)}


_WORDS = ("flow", "name", "run_id", "started_at")


def models_in(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The names of the models in a graph, each once."""
    seen = set[str]()
    for node in nodes:
        params = node.get("params") or {}
        names = (params.get("model"), params.get("model_name"), node.get("subtitle"), node.get("title"))
        name = next(filter(None, (name for name in names if isinstance(name, str))), "")
        if node.get("type") == "model" and name and name not in seen:
            seen.add(name)
            yield name


def _packages() -> dict[str, str]:
    """Versions of what is loaded: a package that nobody imported took no part."""
    loaded = sorted({name.partition(".")[0] for name in list(sys.modules) if name.startswith(_PROVIDERS)})
    names = [*_ALWAYS, *(name.replace("_", "-") for name in loaded)]
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
