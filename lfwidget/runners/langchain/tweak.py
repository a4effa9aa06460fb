"""Parameters for one run: copies of the steps that are tweaked, in copies of what holds them. Nothing of the user's
is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase, RunnableEachBase
from langchain_core.runnables.configurable import RunnableConfigurableAlternatives, RunnableConfigurableFields
from langchain_core.runnables.passthrough import RunnableAssign
from langchain_core.runnables.retry import RunnableRetry
from pydantic import BaseModel, ValidationError

from lfwidget.errors import InputError, UnknownNameError
from lfwidget.runners.langchain.slots import Slot

__all__ = ["tweaked"]

Tweaks = Mapping[str, Mapping[str, Any]]

_OUT_OF_REACH = (
    "parameters can be set for one run on the models, prompts, parsers and retrievers of a chain, and {node!r} is not "
    "one of those (it is a function, or lies inside a LangGraph graph). Let the function take its config, and pass "
    'config={{"configurable": {{...}}}}'
)


def tweaked(runnable: Runnable[Any, Any], slot: Slot, tweaks: Tweaks) -> Runnable[Any, Any]:
    """The flow with other parameters.

    Args:
        runnable: the flow.
        slot: its slot, as `walk` gave it.
        tweaks: parameters by node id: {"model": {"temperature": 0}}.

    Raises:
        UnknownNameError: a node has no such parameter.
        InputError: a parameter cannot have this value, or a node has none that can be set.
    """
    tweaker = _Tweaker({node: fields for node, fields in tweaks.items() if fields})
    out: Runnable[Any, Any] = tweaker.copy(runnable, slot)
    for node in tweaker.left:
        raise InputError(_OUT_OF_REACH.format(node=node), [node])
    return out


class _Tweaker:
    def __init__(self, tweaks: Tweaks) -> None:
        self._tweaks = tweaks
        self.left = set(tweaks)
        self._configurable: dict[str, Any] = {}

    def copy(self, runnable: Any, slot: Slot) -> Any:  # noqa: PLR0911 - one line per kind of runnable
        """The same runnable, or a copy where something in it is tweaked."""
        if isinstance(runnable, RunnableAssign):
            return self._with(runnable, mapper=self.copy(runnable.mapper, slot.rest[0]))
        if isinstance(runnable, (RunnableRetry, RunnableEachBase)):
            return self._with(runnable, bound=self.copy(runnable.bound, slot.rest[0]))
        if isinstance(runnable, RunnableConfigurableFields):
            return self._with(runnable, default=self.copy(runnable.default, slot))
        if isinstance(runnable, RunnableConfigurableAlternatives):
            return self._alternatives(runnable, slot)
        if isinstance(runnable, RunnableBindingBase):
            return self._binding(runnable, slot)
        if isinstance(runnable, RunnableSequence):
            return self._sequence(runnable, slot)
        if isinstance(runnable, RunnableParallel):
            steps = {key: self.copy(step, slot.tagged[f"map:key:{key}"]) for key, step in runnable.steps__.items()}
            return self._with(runnable, steps__=steps)
        if isinstance(runnable, RunnableBranch):
            return self._branch(runnable, slot)
        if isinstance(runnable, RunnableWithFallbacks):
            tries = [runnable.runnable, *runnable.fallbacks]
            first, *rest = [self.copy(attempt, place) for attempt, place in zip(tries, slot.rest, strict=True)]
            return self._with(runnable, runnable=first, fallbacks=rest)
        return self._leaf(runnable, slot)

    def _with(self, runnable: BaseModel, /, **parts: Any) -> Any:
        return runnable.model_copy(update=parts)

    def _binding(self, binding: Any, slot: Slot) -> Any:
        """What is bound to a model would win over the model's own parameter."""
        fields = self._tweaks.get(slot.node or "", {})
        kwargs = {key: value for key, value in binding.kwargs.items() if key not in fields}
        around = self._configurable
        self._configurable = {**(binding.config.get("configurable") or {}), **around}
        bound = self.copy(binding.bound, slot)
        self._configurable = around
        return self._with(binding, bound=bound, kwargs=kwargs)

    def _alternatives(self, runnable: Any, slot: Slot) -> Any:
        """The one that is drawn: what is bound around it chooses, further out before further in."""
        chosen, config = runnable.prepare({"configurable": self._configurable})
        around = self._configurable
        self._configurable = config.get("configurable") or {}
        copied = self.copy(chosen, slot)
        self._configurable = around
        if chosen is runnable.default:
            return self._with(runnable, default=copied)
        # `with_config` on one of these makes no binding but a copy with a config of its own.
        which = {**((runnable.config or {}).get("configurable") or {}), **around}[runnable.which.id]
        return self._with(runnable, alternatives={**runnable.alternatives, which: copied})

    def _sequence(self, sequence: Any, slot: Slot) -> Any:
        steps = [self.copy(step, slot.tagged[f"seq:step:{i}"]) for i, step in enumerate(sequence.steps, 1)]
        return self._with(sequence, first=steps[0], middle=steps[1:-1], last=steps[-1])

    def _branch(self, branch: Any, slot: Slot) -> Any:
        branches = [
            (condition, self.copy(then, slot.tagged[f"branch:{i}"]))
            for i, (condition, then) in enumerate(branch.branches, 1)
        ]
        return self._with(branch, branches=branches, default=self.copy(branch.default, slot.tagged["branch:default"]))

    def _leaf(self, runnable: Any, slot: Slot) -> Any:
        fields = self._tweaks.get(slot.node or "")
        if fields is None or not isinstance(runnable, BaseModel) or isinstance(runnable, RunnableLambda):
            return runnable
        if slot.role == "graph":
            return runnable
        self.left.discard(slot.node or "")
        return _rebuilt(runnable, slot.node or "", fields)


def _rebuilt(runnable: BaseModel, node: str, fields: Mapping[str, Any]) -> Any:
    """A new object, built from what this one was built from: so a parameter that only counts then counts too, such as
    the address of a server, and a value is checked. What is excluded from the fields are clients it made itself.
    """
    kind = type(runnable)
    names = {field.alias or name: name for name, field in kind.model_fields.items() if not field.exclude}
    for name in fields:
        if name not in names and name not in names.values():
            raise UnknownNameError(f"parameter of {node!r}", name, [*names])
    same = {names.get(name, name) for name in fields}
    given = {
        alias: getattr(runnable, name)
        for alias, name in names.items()
        if name in runnable.model_fields_set and name not in same
    }
    try:
        return kind(**given, **fields)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{node!r} cannot be tweaked so: {problems}", [node]) from error
