"""The messages of a flow, by session: what `lfx.memory` asks where there is no LangFlow with a database."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from lfwidget.errors import InputError

__all__ = ["History", "MessageFile"]

_MOST = 10_000
"""Messages that are kept, over all sessions; then the oldest are forgotten."""


class History:
    """Everything that was said in the runs of one flow. Its methods are those of `lfx.memory.stubs`.

    Messages are copied on their way in and out: lfx goes on writing to those that it stored.

    Args:
        file: where messages outlive this process; None forgets them with it.
    """

    def __init__(self, file: MessageFile | None = None) -> None:
        self._file = file
        self._found: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def _messages(self) -> dict[str, Any]:
        """By id, the oldest first. A file is read when lfx, whose messages these are, is there."""
        if self._found is None:
            self._found = {}
            if self._file is not None:
                from lfx.schema.message import Message

                self._found = {key: Message(**fields) for key, fields in self._file.read()}
        return self._found

    def store_message(self, message: Any, *_: Any, **__: Any) -> list[Any]:
        """Keep a message; one whose id is known takes its place.

        Raises:
            ValueError: it does not say of which session it is, or who said it; as in LangFlow.
        """
        if not (message.session_id and message.sender and message.sender_name):
            raise ValueError("a message that is stored has a session_id, a sender and a sender_name")
        if not message.get_id():
            message.id = str(uuid.uuid4())
        with self._lock:
            self._messages[str(message.get_id())] = _copy(message)
            if self._file is not None:
                self._file.put(str(message.get_id()), message.model_dump_json())
            while len(self._messages) > _MOST:
                self._forget(next(iter(self._messages)))
        return [message]

    def _forget(self, key: str) -> None:
        self._messages.pop(key, None)
        if self._file is not None:
            self._file.drop(key)

    def get_messages(  # noqa: PLR0913, PLR0917 - it is lfx's signature
        self,
        sender: str | None = None,
        sender_name: str | None = None,
        session_id: Any = None,
        context_id: Any = None,
        order_by: str | None = "timestamp",  # noqa: ARG002 - they are in that order
        order: str | None = "DESC",
        flow_id: Any = None,  # noqa: ARG002 - there is one flow
        limit: int | None = None,
        user_id: Any = None,  # noqa: ARG002 - and one user
    ) -> list[Any]:
        """Messages, the newest first unless `order` is "ASC"; errors are not among them, as in LangFlow."""
        wanted = {"sender": sender, "sender_name": sender_name, "session_id": session_id, "context_id": context_id}
        with self._lock:
            found = [_copy(message) for message in self._messages.values() if _fits(message, wanted)]
        if (order or "DESC").upper() == "DESC":
            found.reverse()
        return found[:limit] if limit else found

    def delete_messages(self, session_id: str | None = None, context_id: str | None = None) -> None:
        """Forget a session, or what has this context."""
        wanted = {"session_id": session_id, "context_id": context_id}
        with self._lock:
            for key in [key for key, each in self._messages.items() if _fits(each, wanted, errors=True)]:
                self._forget(key)

    async def astore_message(self, message: Any, *_: Any, **__: Any) -> list[Any]:
        """As `store_message`."""
        return self.store_message(message)

    async def aget_messages(self, *args: Any, **filters: Any) -> list[Any]:
        """As `get_messages`."""
        return self.get_messages(*args, **filters)

    async def aupdate_messages(self, messages: Any) -> list[Any]:
        """Keep messages as they are now."""
        several = messages if isinstance(messages, list) else [messages]
        return [stored for message in several for stored in self.store_message(message)]

    async def delete_message(self, id_: str) -> None:
        """Forget one message."""
        with self._lock:
            self._forget(str(id_))

    async def adelete_messages(self, session_id: str | None = None, context_id: str | None = None) -> None:
        """As `delete_messages`."""
        self.delete_messages(session_id, context_id)

    def add_messages(self, messages: Any, *_: Any, **__: Any) -> list[Any]:
        """Keep messages."""
        several = messages if isinstance(messages, list) else [messages]
        return [stored for message in several for stored in self.store_message(message)]

    async def aadd_messages(self, messages: Any, *_: Any, **__: Any) -> list[Any]:
        """As `add_messages`."""
        return self.add_messages(messages)

    aadd_messagetables = aadd_messages


class MessageFile:
    """An SQLite file with the messages of one flow, as JSON. A connection lasts as long as one statement: calls come
    from any thread.

    Args:
        path: of the file; it is made where there is none.

    Raises:
        InputError: the file is there and is something else, or cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        try:
            with self._open() as file:
                file.execute("CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, fields TEXT NOT NULL)")
        except sqlite3.Error as error:
            raise InputError(f"history={self._path!r} is no SQLite file of lfwidget: {error}") from error

    def read(self) -> list[tuple[str, dict[str, Any]]]:
        """Messages with their ids, the oldest first."""
        with self._open() as file:
            rows = file.execute("SELECT id, fields FROM message ORDER BY rowid").fetchall()
        return [(key, json.loads(fields)) for key, fields in rows]

    def put(self, key: str, fields: str) -> None:
        """Keep a message; one whose id is known takes its place."""
        with self._open() as file:
            file.execute(
                "INSERT INTO message VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET fields = excluded.fields",
                (key, fields),
            )

    def drop(self, key: str) -> None:
        """Forget a message."""
        with self._open() as file:
            file.execute("DELETE FROM message WHERE id = ?", (key,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            yield connection


def _fits(message: Any, wanted: Mapping[str, Any], *, errors: bool = False) -> bool:
    if message.error and not errors:
        return False
    return all(not value or str(getattr(message, name)) == str(value) for name, value in wanted.items())


def _copy(message: Any) -> Any:
    from lfx.schema.message import Message

    # Not of its own class: an error message is made of an exception.
    return Message(**message.model_dump())
