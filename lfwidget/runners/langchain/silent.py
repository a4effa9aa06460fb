"""Steps that LangChain tells nothing of.

A Runnable whose author wrote `invoke` by hand, and not a function for LangChain to call, reports to no handler. That it
ran, and mostly on what, follows from what is around it: every step of a sequence runs, and every branch of a parallel.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from lfwidget.runners.langchain.calls import Call
from lfwidget.runners.langchain.slots import Slot

__all__ = ["Silence", "Silent"]

_STREAMED = {"input": ""}
"""What LangChain says is the input of a step that is streamed (`Runnable._atransform_stream_with_config`). No step of
such a sequence waits for the one before it to end."""


@dataclass(frozen=True)
class Silent:
    """A step that ran without a word.

    Attributes:
        slot: its place.
        started: when it started, by `time.perf_counter`.
        input: what it took; None where nobody knows.
        output: what it gave; None where nobody knows.
        index: which item of a map it is.
    """

    slot: Slot
    started: float
    input: Any = None
    output: Any = None
    index: int | None = None


class Silence:
    """What was not heard of in one run."""

    def __init__(self) -> None:
        self._heard: set[int] = set()

    def hear(self, slot: Slot) -> None:
        """LangChain told of a run in this place: whatever is there reports for itself."""
        self._heard.add(id(slot))

    def before(self, call: Call, tags: Sequence[str], value: Any) -> list[Silent]:
        """The steps of a sequence that ran since the last one that told of itself.

        Args:
            call: the sequence.
            tags: of the step that starts now.
            value: its input.
        """
        mine = next((call.slot.tagged[tag] for tag in tags if tag in call.slot.tagged), None)
        if mine is None:
            return []
        call.streams = call.streams or value == _STREAMED
        return self._in_a_row(call, list(takewhile(lambda slot: slot is not mine, _steps(call))), value)

    def within(self, call: Call, output: Any) -> list[Silent]:
        """The steps of a call that ended well, of which none has told yet.

        Args:
            call: what ended.
            output: what it gave.
        """
        if steps := _steps(call):
            return self._in_a_row(call, steps, output)
        if call.slot.role == "each":
            pairs = zip(call.value, output, strict=False) if _is_list(call.value) and _is_list(output) else ()
            items = list(enumerate(pairs))
            return [
                Silent(slot, call.started, value, given, i)
                for slot in self._unheard(call, call.slot.rest)
                for i, (value, given) in items
            ]
        if call.slot.role in ("one", "retry"):
            return [Silent(slot, call.started, call.value, output) for slot in self._unheard(call, call.slot.rest)]
        given = output if isinstance(output, Mapping) else {}
        return [
            Silent(slot, call.started, call.value, given.get(key))
            for key, branch in _branches(call).items()
            for slot in self._unheard(call, [branch])
        ]

    def that_raised(self, call: Call) -> Silent | None:
        """The step that must have raised, where a call failed by an error that no step told of."""
        steps = _steps(call)
        if steps:
            heard = _heard_until(call, steps)
            found = self._unheard(call, steps[heard : heard + 1])
            return Silent(found[0], *_since(call)) if found else None
        found = self._unheard(call, [*_branches(call).values(), *call.slot.rest])
        if len(found) != 1 or call.slot.role in ("each", "tries"):
            return None
        return Silent(found[0], call.started, call.value)

    def _in_a_row(self, call: Call, steps: Sequence[Slot], output: Any) -> list[Silent]:
        """The steps of a sequence after the last that was heard of. Between two of them nobody knows the value."""
        silent = self._unheard(call, steps[_heard_until(call, steps) :])
        if call.streams:
            return [Silent(slot, time.perf_counter()) for slot in silent]
        started, value = _since(call)
        last = len(silent) - 1
        return [
            Silent(
                slot,
                time.perf_counter() if i else started,
                None if i else value,
                output if i == last else None,
            )
            for i, slot in enumerate(silent)
        ]

    def _unheard(self, call: Call, slots: Sequence[Slot]) -> list[Slot]:
        """Those that have a card and hold nothing, and were not heard of."""
        return [
            slot
            for slot in slots
            if slot.node and not slot.tagged and not slot.rest and not {id(slot)} & (call.taken | self._heard)
        ]


def _steps(call: Call) -> list[Slot]:
    # The run of a LangGraph node is told by the node, and what it holds has no card.
    if call.slot.role == "opaque":
        return []
    return [slot for tag, slot in call.slot.tagged.items() if tag.startswith("seq:step:")]


def _branches(call: Call) -> dict[str, Slot]:
    return {tag.removeprefix("map:key:"): slot for tag, slot in call.slot.tagged.items() if tag.startswith("map:key:")}


def _heard_until(call: Call, steps: Sequence[Slot]) -> int:
    """How many steps there are up to the last that told of itself, or was told of."""
    return max((i for i, slot in enumerate(steps, 1) if id(slot) in call.taken), default=0)


def _since(call: Call) -> tuple[float, Any]:
    """When the step of a sequence started that comes now, and what it took: what the last one gave."""
    return (call.left, call.last) if call.taken else (call.started, call.value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
