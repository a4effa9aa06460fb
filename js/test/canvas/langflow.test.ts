// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { makeCard, makeNote } from "../../src/canvas/card.ts";
import { drawEdge } from "../../src/canvas/edges.ts";
import { type Item, sceneOf } from "../../src/canvas/scene.ts";
import type { Graph } from "../../src/model/types.gen.ts";
import { $, frame, show, sized } from "../helpers.ts";

const GRAPH: Graph = {
  nodes: [
    {
      id: "in",
      title: "Chat Input",
      type: "node",
      icon: "M1 2h3",
      color: "#4f46e5",
      outputs: [{ name: "message", title: "Chat Message", color: "#4f46e5" }],
      x: 400,
    },
    {
      id: "db",
      title: "Astra DB",
      type: "retriever",
      icon: "A",
      warning: "it has no fields",
      inputs: [{ name: "a", title: "Query", color: "#dc2626" }, { name: "b" }],
      x: 800,
    },
    {
      id: "note",
      title: "Read me",
      type: "note",
      color: "#bfdbfe",
      words: [
        ["h", "Read <b>me</b>"],
        ["", "\nnow "],
        ["c", "x = 1"],
        ["constructor", "!"],
      ],
    },
  ],
  edges: [{ source: "in", target: "db", source_port: "message", target_port: "a" }],
};
sized();
const scene = sceneOf(GRAPH);
const card = (id: string) => makeCard(scene.items.get(id) as Item).element;
const color = (element: Element | null) => (element as HTMLElement).style.getPropertyValue("--lT");

describe("a card of a LangFlow flow", () => {
  it("has its own colour and icon, which may be a letter", () => {
    expect(color(card("in"))).toBe("#4f46e5");
    expect(card("in").querySelector(".lfw-icon path")?.getAttribute("d")).toBe("M1 2h3");
    expect(card("db").querySelector(".lfw-icon")?.textContent).toBe("A");
  });

  it("has ports in the colours of their types, also where no edge ends", () => {
    const ports = [...card("db").querySelectorAll<HTMLElement>(".lfw-inputs")];
    expect(ports.map((port) => [port.title, color(port)])).toEqual([["Query", "#dc2626"]]);
    expect(card("in").querySelectorAll(".lfw-port")).toHaveLength(1);
  });

  it("says what is wrong with it", () => {
    const title = card("db").querySelector<HTMLElement>(".lfw-title");
    expect([title?.textContent, title?.title]).toEqual(["⚠ Astra DB", "it has no fields"]);
  });

  it("takes nothing but a colour for one", () => {
    const node = { id: "x", title: "X", type: "node", color: "#fff;background:url(//x)" } as const;
    const item = sceneOf({ nodes: [node], edges: [] }).items.get("x") as Item;
    expect(makeCard(item).element.getAttribute("style")).not.toContain("url");
  });
});

describe("an edge of a LangFlow flow", () => {
  it("has the colour of the port it leaves", () => {
    expect(drawEdge(scene.lines[0] as (typeof scene.lines)[0], "arrow").getAttribute("style")).toBe("--lT:#4f46e5");
  });
});

describe("a note", () => {
  const note = makeNote(scene.notes[0] as Item);

  it("shows its words in their styles, and HTML as text", () => {
    expect([...note.children].map(({ tagName }) => tagName)).toEqual(["STRONG", "SPAN", "CODE", "SPAN"]);
    expect(note.textContent).toBe("Read <b>me</b>\nnow x = 1!");
  });

  it("is no step: it has no status, no key leads to it, and it opens nothing", async () => {
    show({ graph: GRAPH });
    await frame();
    const shown = $(".lfw-note");
    expect([shown.dataset.status, shown.getAttribute("tabindex"), scene.items.has("note")]).toEqual([
      undefined,
      null,
      false,
    ]);
    shown.click();
    expect($(".lfw-panel").hidden).toBe(true);
    expect($(".lfw-canvas").getAttribute("aria-label")).toContain("2 nodes");
  });
});
