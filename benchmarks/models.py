"""The chat model every measurement streams from: numbered tokens, native async, as fast as asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

__all__ = ["NumberedModel", "token"]


def token(index: int) -> str:
    """Six characters that say which token they are, so that a page can tell what has arrived."""
    return f"{index:05d} "


class NumberedModel(BaseChatModel):
    """Streams `count` tokens; `rate` is tokens per second, 0 for full speed without ever waiting.

    `sent` gets the wall-clock time (seconds) at which each token left the model.
    """

    count: int = 20_000
    rate: float = 0
    sent: list[float] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "numbered"

    def _generate(self, messages: list[BaseMessage], stop=None, run_manager=None, **kwargs: Any) -> ChatResult:  # noqa: ARG002
        text = "".join(token(index) for index in range(self.count))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop=None,  # noqa: ARG002
        run_manager=None,
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        begin = time.perf_counter()
        for index in range(self.count):
            if self.rate:
                await self._wait_for(begin + index / self.rate)
            text = token(index)
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=text), text=text)
            if run_manager:
                await run_manager.on_llm_new_token(text, chunk=chunk)
            yield chunk
        usage = {"input_tokens": 1, "output_tokens": self.count, "total_tokens": self.count + 1}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))

    async def _wait_for(self, due: float) -> None:
        """Timers are no finer than about 1 ms: tokens that are due already go out in one burst, as HTTP chunks do."""
        ahead = due - time.perf_counter()
        if ahead > 0.001:
            await asyncio.sleep(ahead)
        self.sent.append(time.time())
