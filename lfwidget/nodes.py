"""`run.nodes`: what is known of each node of a run, by id or title, at the moment it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from lfwidget.errors import UnknownNameError
from lfwidget.model.node_state import NodeState, Span
from lfwidget.model.state import RunState

__all__ = ["NodeView", "Nodes", "Source", "find_node"]


class Source(Protocol):
    """What a view reads from: the run."""

    def read(self, question: Callable[[RunState], Any]) -> Any:
        """The answer of `question`, from the state after the newest event, while nobody changes it."""

    def live_output(self, span: str) -> tuple[bool, Any]:
        """Whether the object that a span returned is still here, and the object."""


class NodeView:
    """One node of a run. It is read afresh each time, so it follows a run that goes on.

    Times are seconds. Everything is JSON data, but `output` is the very object in the kernel that ran it.
    """

    def __init__(self, run: Source, node_id: str) -> None:
        self._run = run
        self.id = node_id

    @property
    def title(self) -> str:
        """What its card is headed with."""
        return str(self._read("title"))

    @property
    def status(self) -> str:
        """`idle`, `running`, `waiting`, `finished`, `failed`, `cancelled` or `skipped`."""
        return str(self._read("status"))

    @property
    def text(self) -> str:
        """What its last model said, without attempts that were given up."""
        return str(self._read("text"))

    @property
    def reasoning(self) -> str:
        """What its last model thought before it spoke."""
        return str(self._read("reasoning"))

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls its last model asked for: index, id, name, and args as JSON text."""
        return list(self._read("tool_calls"))

    @property
    def input(self) -> Any:
        """What went in."""
        return self._read("input")

    @property
    def output(self) -> Any:
        """What came out: the live object where there is one, else its JSON form."""
        span = self._read("current")
        if span is None:
            return None
        is_live, value = self._run.live_output(span.id)
        return value if is_live else span.output

    @property
    def error(self) -> dict[str, Any] | None:
        """Its error: type, message and, where the error arose, traceback."""
        error: dict[str, Any] | None = self._read("error")
        return error

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens it was billed for: input_tokens, output_tokens, total_tokens."""
        usage: dict[str, int] | None = self._read("usage")
        return usage

    @property
    def tokens(self) -> int:
        """Output tokens, once known; until then the streamed chunks counted."""
        return int(self._read("tokens"))

    @property
    def duration(self) -> float | None:
        """How long it took; None until it ends."""
        return self._seconds("duration")

    @property
    def self_time(self) -> float | None:
        """How long it took without the nodes inside it; None until it ends."""
        return self._seconds("self_time")

    @property
    def first_token(self) -> float | None:
        """From its start to the first token."""
        return self._seconds("first_token")

    @property
    def spans(self) -> list[Span]:
        """Each execution of it, also those that were retracted, in the order they started."""
        return list(self._read("spans"))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        data: dict[str, Any] = self._of(lambda node: node.to_json())
        return data

    def __repr__(self) -> str:
        words = [f"{self.id}: {self.status}", f"{self.tokens} tokens" if self.tokens else ""]
        words += [f"{self.duration:.2f} s" if self.duration is not None else ""]
        return f"<node {' · '.join(filter(None, words))}>"

    def _seconds(self, name: str) -> float | None:
        value = self._read(name)
        return None if value is None else float(value)

    def _read(self, name: str) -> Any:
        return self._of(lambda node: getattr(node, name))

    def _of(self, question: Callable[[NodeState], Any]) -> Any:
        return self._run.read(lambda state: question(state.node(self.id)))


class Nodes(Mapping[str, NodeView]):
    """The nodes of a run, by id or by a title that only one of them has."""

    def __init__(self, run: Source) -> None:
        self._run = run

    def __getitem__(self, name: str) -> NodeView:
        return NodeView(self._run, find_node(name, self._titles()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._titles())

    def __len__(self) -> int:
        return len(self._titles())

    def __contains__(self, name: object) -> bool:
        return name in self._titles()

    def __repr__(self) -> str:
        return "\n".join(repr(node) for node in self.values())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _titles(self) -> dict[str, str]:
        titles: dict[str, str] = self._run.read(lambda state: {key: node.title for key, node in state.nodes.items()})
        return titles


def find_node(name: str, titles: Mapping[str, str]) -> str:
    """The id of the node that is called so.

    Args:
        name: an id, or a title.
        titles: every node's title by its id.

    Raises:
        UnknownNameError: there is no such node, or several have this title.
    """
    if not isinstance(name, str):
        raise UnknownNameError("node", str(name), list(titles))
    if name in titles:
        return name
    found = [node_id for node_id, title in titles.items() if title == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownNameError("single node titled", name, found)
    raise UnknownNameError("node", name, [*titles, *(title for title in titles.values() if title not in titles)])
