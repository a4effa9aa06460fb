"""What a gateway counts, as Prometheus reads it
(https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format). It names no run and no person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

__all__ = ["Metrics"]

_WORDS = {
    "watchers": ("gauge", "Connections that watch now, by transport"),
    "lag_events": ("gauge", "Events that the slowest watcher has not got yet"),
    "events_in_total": ("counter", "Events that producers brought in"),
    "events_out_total": ("counter", "Events that were sent to watchers"),
    "connects_total": ("counter", "Connections that were let in, by transport"),
    "drops_total": ("counter", "Watchers whose socket was closed from here, by reason"),
    "refused_total": ("counter", "Requests that were refused, by HTTP status"),
    "ignored_total": ("counter", "Messages of watchers that were passed over"),
}


class Metrics:
    """Counts by name and label."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter({(name, ""): 0 for name in _WORDS})

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add to one, as `count("refused_total", 'status="401"')`."""
        self._counts[name, label] += by

    def text(self, **gauges: int) -> str:
        """All of them; gauges are given as they are now."""
        return "\n".join(self._lines(gauges)) + "\n"

    def _lines(self, gauges: dict[str, int]) -> Iterator[str]:
        counts = self._counts | Counter({(name, ""): value for name, value in gauges.items()})
        for name, (sort, words) in _WORDS.items():
            yield f"# HELP lfwidget_{name} {words}."
            yield f"# TYPE lfwidget_{name} {sort}"
            labelled = [(label, value) for (known, label), value in sorted(counts.items()) if known == name and label]
            for label, value in labelled or [("", counts[name, ""])]:
                yield f"lfwidget_{name}{{{label}}} {value}" if label else f"lfwidget_{name} {value}"
