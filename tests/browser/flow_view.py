"""The widget as a person sees it: its cards, its panel, its buttons."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from lab import HANG
from playwright.async_api import Locator, expect

if TYPE_CHECKING:
    from lab import NotebookPage

__all__ = ["FlowView"]


class FlowView:
    """One view of a FlowWidget: the first below a cell, or another one of it."""

    def __init__(self, within: Locator, index: int = 0) -> None:
        self.root = within.locator(".lfw").nth(index)
        self.canvas = self.root.locator(".lfw-canvas")
        self.panel = self.root.locator(".lfw-panel")
        self.notice = self.root.locator(".lfw-notice")
        self.stop = self.root.get_by_role("button", name="Stop the run")
        self.send = self.root.locator(".lfw-composer .lfw-send")
        self.status = self.root.locator(".lfw-state")
        self.runs = self.root.get_by_label("Run", exact=True)

    @classmethod
    def under(cls, notebook: NotebookPage, cell: int, index: int = 0) -> FlowView:
        return cls(notebook.cell(cell), index)

    def card(self, node: str) -> Locator:
        return self.canvas.locator(f'[data-id="{node}"]')

    async def cards(self) -> set[str]:
        """Ids of everything drawn: cards, frames and pills."""
        await self.canvas.locator("[data-id]").first.wait_for()
        return set(await self.canvas.locator("[data-id]").evaluate_all("cards => cards.map(card => card.dataset.id)"))

    async def node_is(self, node: str, status: str) -> None:
        """Wait until a card has this status."""
        await expect(self.card(node)).to_have_attribute("data-status", status)

    async def run_is(self, status: str) -> None:
        """Wait until the run that is shown has this status."""
        await expect(self.status).to_have_attribute("data-status", status)

    async def tokens(self, node: str) -> int:
        """The number of tokens that a card tells; 0 where it tells none."""
        words = await self.card(node).locator(".lfw-tokens").text_content()
        count = re.match(r"([\d,]+) tok", words)
        return int(count[1].replace(",", "")) if count else 0

    async def more_tokens_than(self, node: str, count: int) -> int:
        """Wait until a card tells more tokens than `count`; how many it tells then."""
        async with asyncio.timeout(HANG):
            while (told := await self.tokens(node)) <= count:  # noqa: ASYNC110 - a card may be redrawn
                await asyncio.sleep(0.05)
        return told

    async def open(self, node: str) -> None:
        """Open the panel on a node, by the keyboard: a card may be too small to hit."""
        await self.card(node).focus()
        await self.root.page.keyboard.press("Enter")
        await expect(self.panel).to_be_visible()

    def section(self, title: str) -> Locator:
        """A part of the open panel: "Text", "Error", "Tool calls"."""
        return self.panel.locator(f'section > [aria-label="{title}"]')

    async def text(self, node: str) -> str:
        """The whole text of a node, as the open panel has it, to the byte."""
        await self.open(node)
        return await self.section("Text").text_content()

    async def type_in(self, text: str, field: str = "input") -> None:
        await self.root.locator(f'.lfw-composer [name="{field}"]').fill(text)

    async def run(self, text: str) -> None:
        """Type an input, press Run, and wait until the run that this starts is shown."""
        await self.type_in(text)
        await self._send()

    async def run_example(self, name: str) -> None:
        """Take an example, press Run, and wait until the run that this starts is shown."""
        await self.root.get_by_role("button", name=name).click()
        await self._send()

    async def _send(self) -> None:
        before = await self.runs.input_value()
        await self.send.click()
        await expect(self.runs).not_to_have_value(before)

    async def answer(self, node: str, text: str) -> None:
        """Answer the question on a card."""
        question = self.card(node).locator(".lfw-question")
        await question.locator("textarea").fill(text)
        await question.locator(".lfw-send").click()
