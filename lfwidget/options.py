"""`lf.options`: the few settings people change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from lfwidget.errors import UnknownNameError

__all__ = ["Options", "options"]


class _UnknownOptionError(UnknownNameError, AttributeError):  # type: ignore[misc]  # both have a `name`, for the same
    """Also an AttributeError, so that `hasattr(lf.options, name)` answers."""


class Options:
    """Settings of this process. A misspelt name or an impossible value is refused.

    Attributes:
        loop: where runs live. "auto": on the loop that runs where they are started (a notebook's own), else on one
            background thread. "thread": always on the background thread, for cells that block for long.
        keep_runs: how many runs a flow's widget keeps to choose from.
        record: whether the output of a displayed run becomes a record when it ends; False keeps the live widget.
        prices: what models cost, for `run.table()`: {"gpt-5-mini": (0.25, 2.0)}, in any currency per million tokens
            in and out.
    """

    loop: Literal["auto", "thread"]
    keep_runs: int
    record: bool
    prices: Mapping[str, tuple[float, float]]

    _DEFAULTS: ClassVar[dict[str, Any]] = {"loop": "auto", "keep_runs": 5, "record": True, "prices": {}}

    def __init__(self) -> None:
        for name, value in self._DEFAULTS.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        check = _CHECKS.get(name)
        if check is None:
            raise _UnknownOptionError("option", name, self._DEFAULTS)
        super().__setattr__(name, check(value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise _UnknownOptionError("option", name, self._DEFAULTS)

    def __dir__(self) -> list[str]:
        return [*self._DEFAULTS]

    def __repr__(self) -> str:
        return "\n".join(f"lf.options.{name} = {getattr(self, name)!r}" for name in self._DEFAULTS)


def _loop(value: Any) -> str:
    if value not in ("auto", "thread"):
        raise ValueError(f'lf.options.loop is "auto" or "thread", not {value!r}')
    return str(value)


def _keep_runs(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"lf.options.keep_runs is a number of runs, at least 1, not {value!r}")
    return value


def _record(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"lf.options.record is True or False, not {value!r}")  # noqa: TRY004 - as for the others
    return value


def _prices(value: Any) -> dict[str, tuple[float, float]]:
    try:
        return {str(model): (float(paid_in), float(paid_out)) for model, (paid_in, paid_out) in dict(value).items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f'lf.options.prices is like {{"gpt-5-mini": (0.25, 2.0)}}, not {value!r}') from error


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "loop": _loop,
    "keep_runs": _keep_runs,
    "record": _record,
    "prices": _prices,
}

options = Options()
