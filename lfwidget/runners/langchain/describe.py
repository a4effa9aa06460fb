"""What a single Runnable is, for a person: its name, its kind, and the parameters somebody chose."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.output_parsers.base import BaseLLMOutputParser
from langchain_core.prompts.base import BasePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnablePassthrough
from langchain_core.runnables.config import run_in_executor
from langchain_core.runnables.passthrough import RunnablePick
from langchain_core.tools import BaseTool

from lfwidget.model.graph import NodeType
from lfwidget.model.values import to_json

__all__ = ["Description", "describe"]

_MODEL_PARAMS = ("temperature", "max_tokens", "max_completion_tokens", "top_p", "seed", "stop", "tokens_per_second")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Description:
    """What a card says before anything runs.

    Args:
        name: for the id: short, lower case.
        title: for a person.
        type: the sort of node.
        subtitle: class or model.
        params: what was chosen, as JSON.
        opaque: whether it may call other runnables that nobody can see from outside.
        function: whether it is a plain function: LangGraph makes no run of its own for one.
        sync: whether it runs in a thread that nobody can stop.
    """

    name: str
    title: str
    type: NodeType
    subtitle: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    opaque: bool = False
    function: bool = False
    sync: bool = False


def describe(runnable: Any) -> Description:  # noqa: PLR0911 - one line per kind of runnable
    """Describe a runnable that is not made of others."""
    if isinstance(runnable, BaseLanguageModel):
        return _model(runnable)
    if isinstance(runnable, BasePromptTemplate):
        return Description("prompt", "Prompt", "prompt", params=_prompt(runnable))
    if isinstance(runnable, BaseLLMOutputParser):
        return Description("parser", "Parser", "parser", subtitle=type(runnable).__name__)
    if isinstance(runnable, BaseTool):
        return _tool(runnable)
    if isinstance(runnable, BaseRetriever):
        return Description("retriever", "Retriever", "retriever", subtitle=type(runnable).__name__, opaque=True)
    if isinstance(runnable, (RunnablePassthrough, RunnablePick)):
        return Description("passthrough", "Passthrough", "passthrough")
    return _function(runnable)


def _model(model: Any) -> Description:
    name = next(
        (str(value) for key in ("model_name", "model", "model_id") if (value := getattr(model, key, None))),
        type(model).__name__,
    )
    params = {key: to_json(value) for key in _MODEL_PARAMS if (value := getattr(model, key, None)) is not None}
    kind = "Model" if isinstance(model, BaseChatModel) else "LLM"
    return Description("model", kind, "model", subtitle=name, params=params)


def _prompt(prompt: Any) -> dict[str, Any]:
    messages = getattr(prompt, "messages", None)
    if messages is None:
        return {"template": to_json(getattr(prompt, "template", ""))}
    return {"template": "\n\n".join(filter(None, map(_template, messages)))}


def _template(message: Any) -> str:
    inner = getattr(message, "prompt", None)
    text = getattr(inner, "template", None) or getattr(message, "content", None)
    role = type(message).__name__.removesuffix("PromptTemplate").removesuffix("Message").lower()
    if text is None:
        return f"{role}: {{{getattr(message, 'variable_name', '…')}}}"
    return f"{role}: {text}"


def _tool(tool: BaseTool) -> Description:
    sync = getattr(tool, "coroutine", None) is None and type(tool)._arun is BaseTool._arun  # noqa: SLF001 - how else would one know whether it can be awaited
    sync = sync or (getattr(tool, "coroutine", False) is None and getattr(tool, "func", None) is not None)
    return Description(tool.name, tool.name, "tool", params={"description": tool.description}, opaque=True, sync=sync)


def _function(runnable: Any) -> Description:
    name = _function_name(runnable)
    is_function = isinstance(runnable, (RunnableLambda, RunnableGenerator)) or not _is_named_class(runnable)
    sync = getattr(runnable, "func", None) is not None and _runs_in_a_thread(getattr(runnable, "afunc", None))
    params = {"code": code} if (code := _source(runnable)) else {}
    return Description(
        name,
        _WORDS.sub(" ", name),
        "function" if is_function else "node",
        params=params,
        opaque=True,
        function=is_function,
        sync=sync,
    )


def _runs_in_a_thread(coroutine_function: Any) -> bool:
    """Whether there is no asynchronous twin, or only LangGraph's: a partial of `run_in_executor`."""
    return coroutine_function is None or getattr(coroutine_function, "func", None) is run_in_executor


def _is_named_class(runnable: Any) -> bool:
    """Whether a class of somebody's own stands behind it, rather than LangGraph's wrapper of a function."""
    return isinstance(runnable, Runnable) and not hasattr(runnable, "func") and not hasattr(runnable, "afunc")


def _function_name(runnable: Any) -> str:
    given = getattr(runnable, "name", None)
    function = getattr(runnable, "func", None) or getattr(runnable, "afunc", None)
    name = given or getattr(function, "__name__", None) or type(runnable).__name__
    return "lambda" if name in ("<lambda>", "RunnableLambda") else str(name)


def _source(runnable: Any) -> str:
    """The code of a plain function, which is what a student wants to read on the panel."""
    function = getattr(runnable, "func", None) or getattr(runnable, "afunc", None)
    if not inspect.isfunction(function):
        return ""
    try:
        return inspect.getsource(function).rstrip()[:4_000]
    except (OSError, TypeError):
        return ""
