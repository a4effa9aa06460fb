"""Write js/src/model/types.gen.ts from the TypedDicts of the package. With `--check`, only say whether it is stale.

The sources are read, not imported: a docstring, the order of the definitions and the names of aliases survive that way.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "js" / "src" / "model" / "types.gen.ts"
SOURCES = ("lfwidget/model/graph.py", "lfwidget/model/events.py", "lfwidget/runners/base.py")
HEAD = "// Made by scripts/generate_types.py from {}. Do not edit."
PRIMITIVES = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "Any": "unknown", "None": "null"}
WIDEST = 120


def module(path: str) -> Iterator[str]:
    """Every TypedDict and type alias of a module, in its order, as TypeScript."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    records = {"TypedDict"}
    for i, statement in enumerate(body):
        if isinstance(statement, ast.ClassDef) and records & set(map(ast.unparse, statement.bases)):
            records.add(statement.name)
            yield interface(statement)
        elif isinstance(statement, ast.AnnAssign) and ast.unparse(statement.annotation) == "TypeAlias":
            yield alias(statement, docstring_at(body, i + 1))


def docstring_at(body: list[ast.stmt], i: int) -> str:
    """The string that stands after an alias to document it."""
    if i < len(body):
        statement = body[i]
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return str(statement.value.value)
    return ""


def interface(definition: ast.ClassDef) -> str:
    bases = [exported(base) for base in map(ast.unparse, definition.bases) if base != "TypedDict"]
    extends = f" extends {', '.join(bases)}" if bases else ""
    fields = [field(line) for line in definition.body if isinstance(line, ast.AnnAssign)]
    lines = [f"export interface {exported(definition.name)}{extends} {{", *fields, "}"]
    return comment(ast.get_docstring(definition) or "") + "\n".join(lines)


def field(definition: ast.AnnAssign) -> str:
    annotation, optional = definition.annotation, ""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "NotRequired":
        annotation, optional = annotation.slice, "?"
    return f"  {ast.unparse(definition.target)}{optional}: {typescript(annotation)};"


def alias(definition: ast.AnnAssign, doc: str) -> str:
    if definition.value is None:
        raise TypeError(f"a type alias without a type: {ast.unparse(definition)}")
    name, meaning = ast.unparse(definition.target), typescript(definition.value)
    line = f"export type {name} = {meaning};"
    if len(line) > WIDEST:
        line = f"export type {name} =\n  | " + meaning.replace(" | ", "\n  | ") + ";"
    return comment(doc) + line


def typescript(annotation: ast.expr) -> str:
    """An annotation in TypeScript. What has no form there stops the program: a wrong type is worse than none."""
    match annotation:
        case ast.Name(name):
            return PRIMITIVES.get(name) or exported(name)
        case ast.Constant(None):
            return "null"
        case ast.BinOp(left, ast.BitOr(), right):
            return f"{typescript(left)} | {typescript(right)}"
        case ast.Subscript(ast.Name("Literal"), values):
            choices = values.elts if isinstance(values, ast.Tuple) else [values]
            return " | ".join(ast.unparse(choice).replace("'", '"') for choice in choices)
        case ast.Subscript(ast.Name("list"), item):
            element = typescript(item)
            return f"({element})[]" if "|" in element else f"{element}[]"
        case ast.Subscript(ast.Name("dict"), ast.Tuple([ast.Name("str"), item])):
            return f"Record<string, {typescript(item)}>"
    raise TypeError(f"no TypeScript for {ast.unparse(annotation)}")


def exported(name: str) -> str:
    return name.lstrip("_")


def comment(doc: str) -> str:
    lines = [line.rstrip() for line in dedent(doc).strip().splitlines()]
    if len(lines) <= 1:
        return f"/** {lines[0]} */\n" if lines else ""
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */"]) + "\n"


def generated() -> str:
    definitions = [definition for path in SOURCES for definition in module(path)]
    return "\n\n".join([HEAD.format(", ".join(SOURCES)), *definitions]) + "\n"


def main() -> None:
    new = generated()
    old = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if new == old:
        return
    if "--check" in sys.argv[1:]:
        sys.exit(f"{TARGET.relative_to(ROOT)} is stale: run python scripts/generate_types.py")
    TARGET.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
