// Writes lfwidget/runners/langflow/drawing/icons.py: the icons that LangFlow's components name, as the data of single paths.
// Run it with `node scripts/generate_icons.mjs`, then `ruff format`, after a name was added here or lucide was updated.
import { writeFile } from "node:fs/promises";
import { dataOf } from "../js/icons.mjs";

/** By the name in a LangFlow export, in small letters and without signs, where it is not lucide's own. */
const OTHER_NAMES = { prompts: "SquareTerminal", group: "Group", notetext: "StickyNote", lambda: "SquareFunction" };

const NAMES = `
  Bot Brain BrainCircuit Braces Binary Calculator CaseSensitive ChartBar Check Clock Cloud Code Columns3 Combine Cpu
  Database Download Ellipsis Equal File FileCode FileJson FileSearch FileText FileType Filter Folder FolderSync Funnel
  GitBranch Globe Hash History Image Infinity Key Layers LayoutTemplate Library Link List ListFilter Mail
  MemoryStick Merge MessageSquare MessagesSquare Mic Network Package PenLine Plug Repeat Route Rss Save Scan
  ScissorsLineDashed Search Send Server Settings Sparkles Split SquareFunction StickyNote Table TextCursorInput
  Type Upload Users Webhook Workflow Wrench
`;

const key = (name) => name.toLowerCase().replace(/[^a-z0-9]/g, "");
const icons = new Map(
  NAMES.trim()
    .split(/\s+/)
    .map((name) => [key(name), dataOf(name)]),
);
for (const [name, icon] of Object.entries(OTHER_NAMES)) {
  icons.set(name, dataOf(icon));
}

const pieces = (data) => data.match(/.{1,100}/g).map((piece) => `        "${piece}"`);
const entries = [...icons]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, data]) => `    "${name}": (\n${pieces(data).join("\n")}\n    ),`);
const code = `"""The icons that LangFlow's components name. Made by scripts/generate_icons.mjs. Do not edit.

Shapes from lucide (https://lucide.dev), ISC licence, Copyright (c) Lucide Contributors; parts of them are from Feather,
MIT licence, Copyright (c) 2013-2023 Cole Bemis.
"""

from __future__ import annotations

import re

__all__ = ["PATHS", "icon"]

PATHS: dict[str, str] = {
${entries.join("\n")}
}
"""The data of an SVG path on a grid of 24 by 24, by name in small letters without signs."""

_SIGNS = re.compile("[^a-z0-9]+")


def icon(name: str, title: str) -> str:
    """The path of an icon, or a letter for one that is not here.

    Args:
        name: as LangFlow has it: "brain-circuit", "MessagesSquare", "AstraDB"; "" where a component has none.
        title: of the component; its letter is taken where there is no name.

    Returns:
        The data of an SVG path, one letter, or "" where there is nothing to take a letter from.
    """
    path = PATHS.get(_SIGNS.sub("", name[:100].lower()))
    # JavaScript counts letters beyond U+FFFF as two, and would take them for a path.
    return path or next((char.upper()[0] for char in name + title if char.isalnum() and char <= "\\uffff"), "")
`;
await writeFile(new URL("../lfwidget/runners/langflow/drawing/icons.py", import.meta.url), code);
