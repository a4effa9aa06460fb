"""The two obvious ways to stream into a Jupyter widget, as references: a trait per token, a message per token."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

__all__ = ["MessagePerToken", "TraitPerToken"]

# Both append what arrived once per animation frame: the page is not what loses tokens.
PAGE = """
function text(model, el, listen) {
  const box = document.createElement("pre");
  box.className = "benchmark-text";
  box.style.cssText = "height:200px;overflow:hidden;white-space:pre-wrap;contain:strict";
  el.append(box);
  let pending = "";
  const add = (token) => {
    if (!pending) requestAnimationFrame(() => { box.append(pending); pending = ""; });
    pending += token;
  };
  listen(add);
}
"""


class TraitPerToken(anywidget.AnyWidget):
    """`widget.last = {...}` for each token."""

    _esm = f"""{PAGE}
export default {{ render: ({{ model, el }}) =>
  text(model, el, (add) => model.on("change:last", () => add(model.get("last").text))) }};
"""
    last = traitlets.Dict().tag(sync=True)

    def put(self, index: int, text: str) -> None:
        self.last = {"index": index, "text": text}


class MessagePerToken(anywidget.AnyWidget):
    """`widget.send({...})` for each token."""

    _esm = f"""{PAGE}
export default {{ render: ({{ model, el }}) =>
  text(model, el, (add) => model.on("msg:custom", (message) => add(message.text))) }};
"""

    def put(self, index: int, text: str) -> None:
        content: dict[str, Any] = {"index": index, "text": text}
        self.send(content)
