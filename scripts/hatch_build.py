"""Hatchling's build hook: no wheel and no sdist leaves here without the page's bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = ("lfwidget/static/widget.js", "lfwidget/static/widget.css")


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Fails a build whose archive would hold a widget without its page."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        if version == "editable":  # a checkout may build its bundle later
            return
        missing = [name for name in BUNDLE if not (Path(self.root) / name).is_file()]
        if missing:
            raise RuntimeError(
                f"{' and '.join(missing)}: not built. Run `make bundle` (needs node 20 or newer), then build again."
            )
