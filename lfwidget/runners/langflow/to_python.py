"""Write a LangFlow flow as Python: LangChain code where its nodes allow that, lfx's own Python elsewhere.

LangChain code is made of chat inputs and outputs, prompts and language models alone, since each of these does exactly
what a line of LangChain does. Everything else is more than LangChain has, so the code builds the same graph of the same
components with lfx (`lfx.graph.Graph`, a component's `.set()`), as LangFlow's own examples do. No key is written: a
secret field is read from the environment, and what looks like a key elsewhere is masked.

An export may be a stranger's: whatever stands in the code of it stands there as a literal, or is a name that was
checked to be one.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from pprint import pformat
from typing import Any

from lfwidget.errors import FlowFormatError
from lfwidget.model.redact import Redactor, is_secret_name
from lfwidget.runners.langflow.export import Component, Export, Link, as_mapping
from lfwidget.runners.langflow.tweak import secrets_of

__all__ = ["to_python"]

_PROMPTS = ("Prompt", "Prompt Template")
_SIMPLE = {"ChatInput", "ChatOutput", "TextInput", "TextOutput", "LanguageModelComponent", *_PROMPTS}
_WIDTH = 100
_MODELS = ("LanguageModelComponent",)
_OUTPUTS = ("ChatOutput", "TextOutput")
_OWN = {"as_tool", "asyncio", "build", "chain", "eval_custom_component_code", "graph", "init_chat_model", "os", "run"}
_RESERVED = {*_OWN, "text", "step", "said", *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
"""What the code itself has names for, and Python."""
_LFX_MODULE = re.compile(r"lfx(\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)


def to_python(export: Export) -> str:
    """The same flow as a Python program.

    Args:
        export: as `read_export()` gives it.

    Raises:
        FlowFormatError: a node has no definition, or groups stand in the way.
    """
    return _LangChain(export).write() if _is_simple(export) else _Lfx(export).write()


def _is_simple(export: Export) -> bool:
    types = {component.type for component in export.components.values()}
    into_models = any(link.field == "model" or link.output == "model_output" for link in export.links)
    tools = any(component.is_tool and component.outputs[0:1] for component in export.components.values())
    return types <= _SIMPLE and not into_models and not tools and export.in_order is not None


class _LangChain:
    """Writes LangChain code: what does not depend on the input stands first, then one function."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.mask = Redactor(secrets_of(export))
        self.function = identifier(export.name, "flow")
        if self.function in _RESERVED:
            self.function += "_flow"
        self.names = names_of(export.components.values(), {self.function})
        self.imports = {"from langchain_core.runnables import chain"}

    def write(self) -> str:
        components = self.export.in_order or []
        made = "\n".join(line for component in components for line in self._made(component))
        steps = [f"    {self._step(component)}" for component in components]
        default = _literal(self.mask.value(_asked_first(components)), 4)
        head = _docstring(self.export, "as LangChain code")
        return (
            f"{head}\n\n{_sorted(self.imports)}\n\n{made}\n\n\n@chain\n"
            f"def {self.function}(text: str) -> {'str' if len(self._ends()) == 1 else 'dict[str, str]'}:\n"
            + "\n".join([*steps, f"    return {self._returned()}"])
            + f'\n\n\nif __name__ == "__main__":\n    print({self.function}.invoke({default}))\n'
        )

    def _ends(self) -> list[Component]:
        """What the flow gives: its outputs, or whatever nothing follows."""
        components = self.export.components.values()
        outputs = [component for component in components if component.type in _OUTPUTS]
        followed = {link.source for link in self.export.links}
        return outputs or [component for component in components if component.id not in followed]

    def _returned(self) -> str:
        ends = self._ends()
        if len(ends) == 1:
            return self._result(ends[0])
        return "{" + ", ".join(f"{_quoted(end.title)}: {self._result(end)}" for end in ends) + "}"

    def _result(self, component: Component) -> str:
        """The variable that holds what a component gave."""
        name = self.names[component.id]
        return f"{name}_text" if component.type in (*_PROMPTS, *_MODELS) else name

    def _made(self, component: Component) -> Iterator[str]:
        name = self.names[component.id]
        if component.type in _PROMPTS:
            self.imports.add("from langchain_core.prompts import PromptTemplate")
            double = ', template_format="mustache"' if component.value("use_double_brackets") else ""
            words = _literal(self.mask.value(component.value("template") or ""), 0)
            yield f"{name} = PromptTemplate.from_template({words}{double})"
        elif component.type == "LanguageModelComponent":
            self.imports.add("from langchain.chat_models import init_chat_model")
            yield f"{name} = {self._model(component)}"

    def _model(self, component: Component) -> str:
        chosen = component.value("model")
        first = as_mapping(chosen[0]) if isinstance(chosen, list) and chosen else {}
        name = component.value("model_name") or first.get("name") or "gpt-4o-mini"
        provider = str(component.value("provider") or first.get("provider") or "OpenAI")
        settings = {"temperature": component.value("temperature"), "max_tokens": component.value("max_tokens") or None}
        given = [f"{key}={value!r}" for key, value in settings.items() if isinstance(value, int | float)]
        if variable := _variable(component, "api_key"):
            self.imports.add("import os")
            given.append(f"api_key=os.environ[{_quoted(variable)}]")
        provider = _PROVIDERS.get(provider) or identifier(provider)
        words = ", ".join([_quoted(str(name)), f"model_provider={_quoted(provider)}", *given])
        return f"init_chat_model({words})" + ("" if first else "  # the flow leaves the choice to you")

    def _step(self, component: Component) -> str:
        """The line that does what a component does."""
        name, result = self.names[component.id], self._result(component)
        if component.type == "ChatInput" and self._link(component, "input_value") is None:
            return f"{result} = text"
        if component.type in _PROMPTS:
            given = ", ".join(f"{_quoted(field)}: {self._value(component, field)}" for field in _variables(component))
            return f"{result} = {name}.invoke({{{given}}}).to_string()"
        if component.type in _MODELS:
            messages = [f"HumanMessage({self._value(component, 'input_value')})"]
            self.imports.add("from langchain_core.messages import HumanMessage")
            if self._link(component, "system_message") or component.value("system_message"):
                self.imports.add("from langchain_core.messages import SystemMessage")
                messages.insert(0, f"SystemMessage({self._value(component, 'system_message')})")
            return f"{result} = {name}.invoke([{', '.join(messages)}]).text"
        return f"{result} = {self._value(component, 'input_value')}"

    def _link(self, component: Component, field: str) -> Link | None:
        return next((x for x in self.export.links if x.target == component.id and x.field == field), None)

    def _value(self, component: Component, field: str) -> str:
        link = self._link(component, field)
        if link:
            return self._result(self.export.components[link.source])
        return _literal(self.mask.value(component.value(field) or ""), 4)


class _Lfx:
    """Writes lfx code: a function that builds the graph, and one that runs it."""

    def __init__(self, export: Export) -> None:
        for component in export.components.values():
            if component.is_group:
                raise FlowFormatError("a group has no Python: ungroup it in LangFlow first", export.path, component.id)
            if not component.definition:
                raise FlowFormatError("a node without a definition has no Python", export.path, component.id)
        self.export = export
        self.mask = Redactor(secrets_of(export))
        self.ordered = export.in_order or list(export.components.values())
        self.names = names_of(self.ordered)
        self.imports = {"import asyncio", "from lfx.graph import Graph"}
        self.sources: dict[str, str] = {}

    def write(self) -> str:
        classes = {component.id: self._class(component) for component in self.ordered}
        lines = [f"{self.names[name]} = {made}(_id={_quoted(name)})" for name, made in classes.items()]
        lines += ["", *(line for component in self.ordered for line in self._settings(component))]
        lines += ["", "graph = Graph()"]
        followed = {link.source for link in self.export.links}
        ends = [component for component in self.ordered if component.id not in followed] or self.ordered[-1:]
        lines += [f"graph.add_component({self.names[end.id]})" for end in ends]
        body = "\n".join(f"    {line}" if line else "" for line in [*lines, "return graph"])
        default = _literal(self.mask.value(_asked_first(self.ordered)), 4)
        head = _docstring(self.export, "as a graph of lfx")
        return (
            f"{head}\n\n{_sorted(self.imports)}\n{''.join(self.sources.values())}\n\n"
            f"def build(text: str) -> Graph:\n{body}\n\n\n{_RUN}\n\n"
            f'if __name__ == "__main__":\n    print(asyncio.run(run({default})))\n'
        )

    def _class(self, component: Component) -> str:
        """The expression for the class of a component; code that was changed in the flow is written out."""
        code = component.value("code")
        text = "\n".join(map(str, code)) if isinstance(code, list) else str(code or "")
        metadata = as_mapping(component.definition.get("metadata"))
        module, _, name = str(metadata.get("module") or "").rpartition(".")
        shipped = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12] == metadata.get("code_hash")
        if shipped and _LFX_MODULE.fullmatch(module) and _is_name(name):
            self.imports.add(f"from {module} import {name}")
            return name
        self.imports.add("from lfx.custom.eval import eval_custom_component_code")
        source = f"{self.names[component.id].upper()}_CODE"
        self.sources[source] = f"\n{_FOREIGN}\n{source} = {_code(self.mask.text(text))}\n"
        return f"eval_custom_component_code({source})"

    def _settings(self, component: Component) -> Iterator[str]:
        """The calls of `.set()` of one component: its values and what is joined to it."""
        given = dict(self._values(component))
        for link in self.export.links:
            if link.target == component.id:
                if link.is_loop and link.input_types:
                    # LangFlow's page lets a loop take back more than it gives, lfx's Python does not.
                    taken = f"{self.names[component.id]}.get_output({_quoted(link.field)})"
                    yield f"{taken}.types = {list(link.input_types)!r}"
                source = self.export.components[link.source]
                joined = self._joined(source, link.output)
                before = given.get(link.field, "")
                given[link.field] = f"[{before.strip('[]')}, {joined}]" if before.startswith("[") else joined
                if self._is_list(component, link.field) and not before.startswith("["):
                    given[link.field] = f"[{joined}]"
        if not given:
            return
        yield f"{self.names[component.id]}.set("
        for field, value in given.items():
            yield f"    {field}={value}," if _is_name(field) else f"    **{{{_quoted(field)}: {value}}},"
        yield ")"

    def _joined(self, source: Component, output: str) -> str:
        """The expression for an output of a component."""
        name = self.names[source.id]
        if output == "component_as_tool":
            self.imports |= {"from collections.abc import Callable", "from lfx.custom import Component"}
            self.sources["as_tool"] = f"\n\n{_AS_TOOL}"
            return f"as_tool({name})"
        found = (each.get("method") for each in source.outputs if each.get("name") == output)
        method = str(next(found, None) or output)
        if not _is_name(method):
            raise FlowFormatError(f"{method!r} is no method", self.export.path, source.id, "outputs")
        return f"{name}.{method}"

    def _is_list(self, component: Component, field: str) -> bool:
        return bool(component.template.get(field, {}).get("list"))

    def _values(self, component: Component) -> Iterator[tuple[str, str]]:
        joined = {link.field for link in self.export.links if link.target == component.id}
        for name, field in component.fields:
            value = field.get("value")
            if name in joined or field.get("type") == "code" or name == "code" or name.startswith("_"):
                continue
            if component.type == "ChatInput" and name == "input_value":
                yield name, "text"
            elif variable := _variable(component, name):
                self.imports.add("import os")
                yield name, f"os.environ[{_quoted(variable)}]"
            elif name == "input_value" and value == "":
                yield name, '""'  # a graph made in Python would have None there
            elif value not in (None, "", [], {}) and not field.get("password"):
                yield name, _literal(self.mask.value(value), 8)


_AS_TOOL = '''def as_tool(component: Component) -> Callable:
    """What an agent calls: the component in LangFlow's tool mode."""
    component._append_tool_to_outputs_map()
    return component.to_toolkit
'''
_RUN = '''async def run(text: str) -> str:
    """The text of the last message that the flow gives."""
    said = ""
    async for step in build(text).async_start():
        for result in getattr(getattr(step, "result_dict", None), "results", {}).values():
            said = getattr(result, "data", {}).get("text") or said
    return said
'''
_FOREIGN = "# This code came with the flow: read it before you run it."
_PROVIDERS = {
    "OpenAI": "openai",
    "Anthropic": "anthropic",
    "Google Generative AI": "google_genai",
    "Ollama": "ollama",
    "Groq": "groq",
    "IBM WatsonX": "ibm",
    "Azure OpenAI": "azure_openai",
}
"""LangFlow's names of providers, and LangChain's."""


def _asked_first(components: Iterable[Component]) -> Any:
    """What stands in the Chat Input, as an example of a question."""
    return next((c.value("input_value") for c in components if c.type == "ChatInput"), "") or ""


def _variables(component: Component) -> list[str]:
    """The variables of a prompt, each of which is a field of its own."""
    custom = component.definition.get("custom_fields") or {}
    names = custom.get("template") if isinstance(custom, Mapping) else None
    return [name for name in names or () if isinstance(name, str)]


def _variable(component: Component, field: str) -> str:
    """The environment variable that a secret field is read from; "" for any other field, and for an empty one."""
    template = component.template.get(field, {})
    value = template.get("value")
    if not value or not (template.get("password") or template.get("load_from_db") or is_secret_name(field)):
        return ""
    if template.get("load_from_db") and isinstance(value, str) and re.fullmatch(r"[A-Za-z_]\w*", value):
        return value
    return f"{identifier(component.title)}_{identifier(field)}".upper()


def _literal(value: Any, indent: int) -> str:
    """A value as people would write it: what has several lines as a text of several lines."""
    if isinstance(value, str):
        plain = all(char.isprintable() or char in "\n\t" for char in value) and "\\" not in value
        as_block = "\n" in value and plain and '"""' not in value and not value.endswith('"')
        return f'"""{value}"""' if as_block else _quoted(value)
    lines = pformat(value, width=_WIDTH - indent, sort_dicts=False).splitlines()
    return f"\n{' ' * indent}".join(lines)


def _is_name(text: str) -> bool:
    """Whether it can stand in code as a name: nothing else of an export may, but as a literal."""
    return text.isidentifier() and text.isascii() and not keyword.iskeyword(text)


def _quoted(text: str) -> str:
    """A text on one line, in double quotes where that is readable."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _code(code: str) -> str:
    """The source of a component, to be read: as it is, where a raw text can hold it."""
    return f"r'''{code}'''" if "'''" not in code and not code.endswith(("\\", "'")) else repr(code)


def _docstring(export: Export, what: str) -> str:
    words = "".join(char for char in export.name if char.isprintable()).replace("\\", "/").replace('"', "'")
    return f'"""{words}: a LangFlow flow {what}."""'


def _sorted(imports: set[str]) -> str:
    """The lines that import, plain ones first; names of one module on one line."""
    plain = sorted(line for line in imports if line.startswith("import"))
    names: dict[str, list[str]] = {}
    for line in sorted(imports - set(plain)):
        module, _, name = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, []).append(name)
    others = [f"from {module} import {', '.join(several)}" for module, several in names.items()]
    return "\n".join([*plain, *([""] if plain and others else []), *others])


def identifier(words: str, default: str = "node") -> str:
    """A name for a variable made of what people call something: "Chat Input" is `chat_input`."""
    name = re.sub(r"\W+", "_", words.strip().lower(), flags=re.ASCII).strip("_") or default
    return f"{default}_{name}" if name[0].isdigit() else name


def names_of(components: Iterable[Component], taken: Iterable[str] = ()) -> Mapping[str, str]:
    """A name for each component, by id; no two are the same, and none hides something else.

    Args:
        components: what is named.
        taken: names that stand for something else.
    """
    names: dict[str, str] = {}
    used = {*_RESERVED, *taken}
    for component in components:
        first = identifier(component.title)
        name, number = first, 1
        while {name, f"{name}_text"} & used:
            number += 1
            name = f"{first}_{number}"
        used |= {name, f"{name}_text"}
        names[component.id] = name
    return names
