"""Make the README's picture and the page behind it, a record of a real run: `make picture`."""

from __future__ import annotations

from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel

import lfwidget as lf

DOCS = Path(__file__).resolve().parent.parent / "docs"
STORY = (
    "Once, the Sun sent out light of every colour. The air let red and yellow pass, but it threw the blue about, from "
    "one grain of air to the next, until it came down from all sides. Since then whoever looks up sees blue."
)
FACT = (
    "Sunlight is a mix of all colours. Molecules of air scatter short waves far more than long ones, by the fourth "
    "power of the frequency, so the blue part reaches us from every direction. At dusk the light comes a longer way "
    "through the air: most of the blue is lost on it, and what is left is red."
)
HALF_WAY = 1.4
"""Seconds: both models speak."""


def main() -> None:
    model = lf.ScriptedModel(lambda question: STORY if "story" in question else FACT, tokens_per_second=24)
    fact = ChatPromptTemplate.from_template("Explain: {question}") | model | StrOutputParser()
    story = ChatPromptTemplate.from_template("Tell a story: {question}") | model | StrOutputParser()
    run = lf.Flow(RunnableParallel(fact=fact, story=story), name="Fact and story").run("Why is the sky blue?")
    run.result()
    run.note("fact/model", "The first token is there at once; the rest comes one by one.", at=0.3)
    run.to_svg(DOCS / "quickstart.svg", at=HALF_WAY)
    run.to_html(DOCS / "quickstart.html")
    for path in sorted(DOCS.glob("quickstart.*")):
        print(f"docs/{path.name}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
