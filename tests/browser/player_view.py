"""A record that is played: in a cell, or in a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flow_view import FlowView
from playwright.async_api import Locator, expect

if TYPE_CHECKING:
    from lab import NotebookPage

__all__ = ["PlayerView"]


class PlayerView(FlowView):
    """The player of the first record within a place, or of another one there."""

    def __init__(self, within: Locator, index: int = 0) -> None:
        super().__init__(within.locator(".lfw-player").nth(index))
        self.slider = self.root.get_by_label("Position")
        self.play = self.root.locator(".lfw-play")
        self.timeline = self.root.locator(".lfw-timeline")

    @classmethod
    def under(cls, notebook: NotebookPage, cell: int, index: int = 0) -> PlayerView:
        return cls(notebook.cell(cell), index)

    async def press(self, label: str) -> None:
        await self.root.get_by_label(label).first.click()

    async def scrub(self, share: float) -> None:
        """Move the slider to a share of its length."""
        await self.slider.evaluate(
            """(slider, share) => {
                slider.value = share * slider.max;
                slider.dispatchEvent(new Event('input'));
            }""",
            share,
        )

    async def is_at_end(self) -> None:
        """Wait until everything has been played."""
        await expect(self.play).to_have_attribute("aria-label", "Play from the start (space)")

    async def plays_to_its_end(self, node: str, text: str) -> None:
        """Play it from the start: a node is idle, speaks, and has said `text`."""
        await self.is_at_end()
        await self.scrub(0)
        await self.node_is(node, "idle")
        await self.root.get_by_label("Speed").select_option("8")
        await self.play.click()
        await self.is_at_end()
        await self.node_is(node, "finished")
        assert await self.text(node) == text
