"""Any Python value as JSON that a person can read. Nothing here raises, and nothing here is ever read back."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["clean_text", "to_json"]

_DEEPEST = 12
_MOST_ITEMS = 1_000
_LONGEST = 200_000
_LONGEST_NUMBER = 2_048
"""Bits of an integer that are written out; how many Python does is a setting (`sys.set_int_max_str_digits`)."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text with every lone surrogate replaced by U+FFFD: neither UTF-8 nor a browser can carry one."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def to_json(value: Any) -> Any:
    """A JSON value for any value: readable stand-ins for what JSON has no form for.

    NaN becomes "NaN", bytes "<bytes: 12>", a set a list, an unknown object "<ClassName>". Text over 200,000
    characters, lists over 1,000 items and anything nested deeper than 12 are cut, and say so.
    """
    return _json(value, ())


def _json(value: Any, around: tuple[int, ...]) -> Any:
    try:
        return _plain(value, around)
    except Exception as error:  # noqa: BLE001 - a value of the user's may raise anything when looked at
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _plain(value: Any, around: tuple[int, ...]) -> Any:  # noqa: PLR0911 - one line per kind of value
    if value is None or isinstance(value, bool):
        return value
    # A subclass may say what it likes of itself; its content is what counts.
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, int):
        return _number(int.__int__(value))
    if isinstance(value, float):
        number = float.__float__(value)
        return number if math.isfinite(number) else str(number).replace("nan", "NaN")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<bytes: {len(value)}>"
    if id(value) in around:
        return "<itself>"
    if len(around) >= _DEEPEST:
        return "<nested too deep>"
    return _nested(value, (*around, id(value)))


def _number(number: int) -> int | str:
    """As such as far as JavaScript does not round it, as text as far as Python writes it out."""
    if abs(number) < 2**53:
        return number
    return str(number) if number.bit_length() < _LONGEST_NUMBER else f"<int: {number.bit_length()} bits>"


def _text(text: str) -> str:
    text = clean_text(text)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more characters)"


def _nested(value: Any, around: tuple[int, ...]) -> Any:  # noqa: PLR0911 - see _json
    if isinstance(value, Mapping):
        return _mapping(value, around)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _items(value, len(value), around)
    if isinstance(value, enum.Enum):
        return _json(value.value, around)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, BaseException):
        return {"type": type(value).__name__, "message": _text(str(value))}
    if isinstance(value, type):
        return f"<class {value.__name__}>"
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _mapping(fields, around)
    if hasattr(value, "get_secret_value"):  # pydantic's SecretStr, without importing pydantic
        return "•••"
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return _json(dump(), around)
    return _object(value, around)


def _object(value: Any, around: tuple[int, ...]) -> Any:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:  # a number of numpy, torch or pandas
        return _json(item(), around)
    tolist = getattr(value, "tolist", None)
    if callable(tolist) and getattr(value, "size", _MOST_ITEMS + 1) <= _MOST_ITEMS:
        return _json(tolist(), around)
    return f"<{type(value).__name__}>"


def _mapping(value: Mapping[Any, Any], around: tuple[int, ...]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, item in value.items():
        if len(out) == _MOST_ITEMS:
            out["…"] = f"({len(value) - _MOST_ITEMS} more items)"
            break
        out[_text(key if isinstance(key, str) else str(key))] = _json(item, around)
    return out


def _items(value: Iterable[Any], size: int, around: tuple[int, ...]) -> list[Any]:
    out = [_json(item, around) for _, item in zip(range(_MOST_ITEMS), value, strict=False)]
    if size > _MOST_ITEMS:
        out.append(f"… ({size - _MOST_ITEMS} more items)")
    return out
