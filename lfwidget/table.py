"""`run.table()`: one row a node, as text, as HTML and as pandas."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lfwidget.errors import MissingExtraError
from lfwidget.model.graph import NEVER_RUN
from lfwidget.model.node_state import NodeState
from lfwidget.model.state import RunState
from lfwidget.options import options

__all__ = ["Row", "Table"]

_COLUMNS = {
    "node": "node",
    "status": "status",
    "duration": "duration",
    "first_token": "first_token",
    "tokens": "tokens",
    "tokens_per_second": "tokens/s",
    "cost": "cost",
}
_PLACES = {"duration": 2, "first_token": 2, "tokens_per_second": 1, "cost": 6}
_MILLION = 1_000_000


@dataclass(frozen=True)
class Row:
    """One node. Times are seconds; `cost` is in the currency of `lf.options.prices`, None where no price is known."""

    node: str
    status: str
    duration: float | None
    first_token: float | None
    tokens: int | None
    tokens_per_second: float | None
    cost: float | None


class Table(Sequence[Row]):
    """The rows of a run. As the last line of a cell it is a table; `to_pandas()` makes a DataFrame of it."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = tuple(rows)

    @classmethod
    def of(cls, state: RunState) -> Table:
        """The table of a run: one row for each card, in the order of the graph."""
        cards = (node for node in state.nodes.values() if node.has_card)
        return cls([_row(node) for node in cards if (node.definition or {}).get("type") not in NEVER_RUN])

    @property
    def cost(self) -> float | None:
        """What all of it cost; None where no price is known."""
        known = [row.cost for row in self._rows if row.cost is not None]
        return sum(known) if known else None

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(_COLUMNS.values())

    def to_pandas(self) -> Any:
        """The same as a pandas DataFrame.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # typed from version 3 on
        except ImportError as error:
            raise MissingExtraError("pandas", "pip install pandas", "to_pandas()") from error
        records = [{_COLUMNS[name]: value for name, value in asdict(row).items()} for row in self._rows]
        return pd.DataFrame.from_records(records, columns=self.columns)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __repr__(self) -> str:
        rows = self._printed()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(_align(cell, i, widths[i]) for i, cell in enumerate(row)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        names, *rows = self._printed()
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>" for cells in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _printed(self) -> list[list[str]]:
        """The head and the rows as text; without a column of costs where nobody gave a price."""
        priced = any(row.cost is not None for row in self._rows)
        names = [name for name in _COLUMNS if priced or name != "cost"]
        cells = ([_cell(name, getattr(row, name)) for name in names] for row in self._rows)
        return [[_COLUMNS[name] for name in names], *cells]


def _row(node: NodeState) -> Row:
    tokens = node.tokens or None
    return Row(
        node=node.id,
        status=node.status,
        duration=node.duration,
        first_token=node.first_token,
        tokens=tokens,
        tokens_per_second=_rate(tokens, sum(span.duration or 0.0 for span in node.spans)),
        cost=_cost(node),
    )


def _rate(tokens: int | None, seconds: float) -> float | None:
    """Over all executions of the node, as the tokens are: in a loop, `duration` is the last one's."""
    return tokens / seconds if tokens and seconds else None


def _cost(node: NodeState) -> float | None:
    price = next((options.prices[name] for name in _models(node) if name in options.prices), None)
    usage = node.usage
    if price is None or usage is None:
        return None
    return (usage.get("input_tokens", 0) * price[0] + usage.get("output_tokens", 0) * price[1]) / _MILLION


def _models(node: NodeState) -> Iterator[str]:
    """What may be the name of its model."""
    definition = node.definition or {}
    params = definition.get("params") or {}
    for value in (params.get("model"), params.get("model_name"), definition.get("subtitle"), definition.get("title")):
        if isinstance(value, str):
            yield value


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    places = _PLACES.get(name)
    return str(value) if places is None else f"{value:.{places}f}"


def _align(cell: str, column: int, width: int) -> str:
    """Words to the left, figures to the right."""
    return cell.ljust(width) if column < 2 else cell.rjust(width)  # noqa: PLR2004 - node and status are words
