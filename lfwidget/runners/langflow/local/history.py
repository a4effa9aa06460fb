"""The messages of a flow, by session: what `lfx.memory` asks where there is no LangFlow with a database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import Any

__all__ = ["History"]

_MOST = 10_000
"""Messages that are kept, over all sessions; then the oldest are forgotten."""


class History:
    """Everything that was said in the runs of one flow. Its methods are those of `lfx.memory.stubs`.

    Messages are copied on their way in and out: lfx goes on writing to those that it stored.
    """

    def __init__(self) -> None:
        self._messages: dict[str, Any] = {}
        self._lock = threading.Lock()

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
            while len(self._messages) > _MOST:
                del self._messages[next(iter(self._messages))]
        return [message]

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
            self._messages = {key: each for key, each in self._messages.items() if not _fits(each, wanted, errors=True)}

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
            self._messages.pop(str(id_), None)

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


def _fits(message: Any, wanted: Mapping[str, Any], *, errors: bool = False) -> bool:
    if message.error and not errors:
        return False
    return all(not value or str(getattr(message, name)) == str(value) for name, value in wanted.items())


def _copy(message: Any) -> Any:
    from lfx.schema.message import Message

    # Not of its own class: an error message is made of an exception.
    return Message(**message.model_dump())
