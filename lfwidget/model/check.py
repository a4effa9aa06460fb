"""The check of events that come from outside: a file, a socket, another program. Our own are right by construction."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from lfwidget.errors import EventError
from lfwidget.model import events

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["check_event"]


def check_event(value: Any) -> dict[str, Any]:
    """The same event, if it is one. Unknown kinds and unknown fields are kept: a newer writer may know more.

    Raises:
        EventError: it is not; `.field` is the dotted path of what is wrong.
    """
    if not isinstance(value, dict):
        raise EventError(f"an event is a JSON object, not {type(value).__name__}", value)
    _check_stamp(value)
    adapter = _adapter(value["kind"])
    if adapter is not None:
        _check_fields(adapter, value)
    if value["kind"] == "node.delta":
        _check_tokens(value)
    return value


def _check_stamp(event: dict[str, Any]) -> None:
    """What every event has, also one of a kind that nobody knows yet."""
    kind, seq, t = event.get("kind"), event.get("seq"), event.get("t")
    if not isinstance(kind, str) or not kind:
        raise EventError("an event needs a `kind`, such as 'node.started'", event, "kind")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        raise EventError(f"{kind}: `seq` must be a whole number from 1, not {seq!r}", event, "seq")
    if not isinstance(t, (int, float)) or isinstance(t, bool) or not math.isfinite(t) or t < 0:
        raise EventError(f"{kind}: `t` must be seconds since the run started, not {t!r}", event, "t")


def _check_fields(adapter: TypeAdapter[Any], event: dict[str, Any]) -> None:
    from pydantic import ValidationError

    try:
        adapter.validate_python(event, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise EventError(f"{event['kind']}: `{field}`: {first['msg']}", event, field) from None


def _check_tokens(event: dict[str, Any]) -> None:
    """Token boundaries that disagree with their text would shift every token after them."""
    cuts, dts = event["cuts"], event["dts"]
    if min(cuts, default=0) < 0 or sum(cuts) != len(event["text"]):
        raise EventError("node.delta: `cuts` must be lengths that add up to the length of `text`", event, "cuts")
    if len(dts) != len(cuts) or max(dts, default=0) > 0:
        raise EventError("node.delta: `dts` must have a number, zero or less, for each of `cuts`", event, "dts")


@cache
def _adapter(kind: str) -> TypeAdapter[Any] | None:
    """What checks a kind; None where the kind is unknown. pydantic takes 100 ms to import, so only this imports it."""
    definition = _definitions().get(kind)
    if definition is None:
        return None
    from pydantic import TypeAdapter

    return TypeAdapter(definition)


@cache
def _definitions() -> dict[str, Any]:
    return {get_args(get_type_hints(event)["kind"])[0]: event for event in get_args(events.Event)}
