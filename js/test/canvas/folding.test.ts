// @vitest-environment happy-dom
// Groups: what is drawn of them while they are folded.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agent } from "../../dev/graphs.ts";
import { Script } from "../../dev/script.ts";
import { neighbour } from "../../src/canvas/keys.ts";
import { type Item, sceneOf } from "../../src/canvas/scene.ts";
import type { Edge, Graph, Node } from "../../src/model/types.gen.ts";
import { $, frame, play, press, show, sized, words } from "../helpers.ts";

/** Groups in groups, and edges between any two. */
const graphs = fc.integer({ min: 1, max: 14 }).chain((count) => {
  const id = fc.integer({ min: 0, max: count - 1 }).map(String);
  const nodes = fc.tuple(
    ...Array.from({ length: count }, (_, i) =>
      fc.record({
        id: fc.constant(String(i)),
        title: fc.constant("x"),
        type: fc.constantFrom("node" as const, "model" as const),
        parent: i ? fc.option(fc.integer({ min: 0, max: i - 1 }).map(String), { nil: "" }) : fc.constant(""),
      }),
    ),
  );
  const ends = fc.record({ source: id, target: id, source_port: fc.constantFrom("a", "b") });
  return fc.record({
    graph: fc.record({ nodes: nodes as fc.Arbitrary<Node[]>, edges: fc.array(ends as fc.Arbitrary<Edge>) }),
    folded: fc.array(id).map((ids) => new Set(ids)),
  });
});

/** The node itself and all that it lies in, the outermost first. */
function around(id: string, { nodes }: Graph): string[] {
  const parent = nodes.find((node) => node.id === id)?.parent;
  return parent ? [...around(parent, { nodes, edges: [] }), id] : [id];
}

describe("a scene with folded groups", () => {
  it("shows whatever lies in no folded group, and one card for all that does", () => {
    fc.assert(
      fc.property(graphs, ({ graph, folded }) => {
        const { items, visible } = sceneOf(graph, folded);
        for (const { id } of graph.nodes) {
          const path = around(id, graph);
          const stand = path.find((each, i) => folded.has(each) && i < path.length - 1) ?? id;
          expect(items.get(id)?.shown.id).toBe(stand);
          expect(visible.some((item) => item.id === id)).toBe(stand === id);
        }
        for (const item of visible) {
          const hides = graph.nodes.some(({ parent }) => parent === item.id);
          expect(item.folded).toBe(hides && folded.has(item.id));
          expect(item.shape).toBe(hides && !folded.has(item.id) ? "frame" : "card");
        }
      }),
    );
  });

  it("joins what is shown as the flow joins it: no edge is lost, doubled, or leads to where it came from", () => {
    fc.assert(
      fc.property(graphs, ({ graph, folded }) => {
        const { items, lines, visible } = sceneOf(graph, folded);
        const stand = (id: string) => items.get(id)?.shown as Item;
        const isWhole = ({ source, target }: Edge) => stand(source).id === source && stand(target).id === target;
        const lifted = graph.edges.filter((edge) => !isWhole(edge));
        const pairs = lifted.map(({ source, target }) => [stand(source).id, stand(target).id] as const);
        const wanted = new Set(pairs.filter(([a, b]) => a !== b).map((pair) => pair.join()));
        const drawn = lines.filter(({ edge }) => !graph.edges.includes(edge));
        expect(lines.filter(({ edge }) => graph.edges.includes(edge)).map(({ edge }) => edge)).toEqual(
          graph.edges.filter(isWhole),
        );
        expect(new Set(drawn.map(({ origin, goal }) => `${origin.id},${goal.id}`))).toEqual(wanted);
        expect(drawn).toHaveLength(wanted.size);
        for (const { origin, goal } of lines) {
          expect(visible).toContain(origin);
          expect(visible).toContain(goal);
        }
      }),
    );
  });

  it("moves nothing else, and takes the same room", () => {
    const [open, folded] = [sceneOf(agent), sceneOf(agent, new Set(["tools"]))];
    const place = ({ x, y }: Item) => [x, y];
    expect(folded.box).toEqual(open.box);
    expect(folded.visible.map(place)).toEqual(folded.visible.map(({ id }) => place(open.items.get(id) as Item)));
    expect(folded.items.get("tools")).toMatchObject({ width: 230, height: 132 });
  });

  it("hides the notes in a group with it, and none that lies beside it", () => {
    const nodes: Node[] = [
      { id: "group", title: "Group", type: "graph" },
      { id: "a", title: "A", type: "model", parent: "group" },
      { id: "in", title: "In", type: "note", parent: "group" },
      { id: "out", title: "Out", type: "note" },
    ];
    const notes = (...folded: string[]) => sceneOf({ nodes, edges: [] }, new Set(folded)).notes.map(({ id }) => id);
    expect([notes(), notes("group"), notes("a")]).toEqual([["in", "out"], ["out"], ["in", "out"]]);
  });

  it("has no arrow key that leads into a folded group", () => {
    const scene = sceneOf(agent, new Set(["tools"]));
    const from = (id: string) => scene.items.get(id) as Item;
    expect(neighbour(from("agent"), "right", scene)?.id).toBe("tools");
    expect(neighbour(from("tools"), "right", scene)?.id).toBe("__end__");
  });
});

sized();
const card = (id: string) => $(`[data-id="${id}"]`);
const button = () => $<HTMLButtonElement>('[data-id="tools"] .lfw-fold');
const ids = () => [...document.querySelectorAll<HTMLElement>("[data-id]")].map((each) => each.dataset.id);
const calling = () =>
  new Script(agent).start("tools", { span: "t" }).start("tools/search", { parent: "t" }).start("tools/calculate");

describe("a group on the page", () => {
  it("is folded to a card by its button, and unfolded by the same", async () => {
    show({ graph: agent });
    await frame();
    expect([button().title, card("tools").className]).toEqual(["Fold", "lfw-card lfw-frame"]);
    button().click();
    await frame();
    expect(ids()).not.toContain("tools/search");
    expect([button().title, card("tools").className]).toEqual(["Unfold", "lfw-card lfw-card"]);
    expect(document.activeElement).toBe(button());
    button().click();
    await frame();
    expect(ids()).toContain("tools/search");
    expect(card("tools").className).toContain("lfw-frame");
    expect(document.activeElement).toBe(button());
  });

  it("opens no panel by that button, and keeps the one that is open", async () => {
    show({ graph: agent });
    await frame();
    button().click();
    expect($(".lfw-panel").hidden).toBe(true);
    button().click();
    card("tools/search").click();
    button().click();
    await frame();
    expect([words(".lfw-panel h3"), card("tools").getAttribute("aria-expanded")]).toEqual(["search", "true"]);
    button().click();
    expect(card("tools/search").getAttribute("aria-expanded")).toBe("true");
  });

  it("has such a button only where it has nodes", async () => {
    show({ graph: agent });
    await frame();
    expect(document.querySelectorAll(".lfw-fold")).toHaveLength(1);
  });

  it("says while it is folded what its nodes say, with its own status and time", async () => {
    const { model } = show({ graph: agent });
    await frame();
    button().click();
    const script = calling().say("tools/search", "The tallest tower").say("tools/calculate", "two and two");
    play(model, script);
    await frame();
    expect(card("tools").dataset.status).toBe("running");
    expect(words('[data-id="tools"] .lfw-body')).toBe("two and two");
    expect(words('[data-id="tools"] .lfw-tokens')).toMatch(/^6 tok/);
    const before = script.events.length;
    play(model, script.say("tools/calculate", " is four").finish("tools", { span: "t", duration: 2 }), before);
    await frame();
    expect(words('[data-id="tools"] .lfw-body')).toBe("two and two is four");
    expect([card("tools").dataset.status, words('[data-id="tools"] .lfw-elapsed')]).toEqual(["finished", "2.0 s"]);
    button().click();
    await frame();
    expect(words('[data-id="tools/search"] .lfw-body')).toBe("The tallest tower");
    expect(card("tools/search").dataset.status).toBe("running");
  });

  it("stays folded in the next run", async () => {
    const { model } = show({ graph: agent });
    await frame();
    button().click();
    play(model, calling());
    const next = new Script(agent, "again", "Tutor", "run-2").start("agent");
    model.set("runs", [
      { id: "run-1", name: "A question", status: "running" },
      { id: "run-2", name: "again", status: "running" },
    ]);
    model.receive({ kind: "frame", run: "run-2", events: next.events });
    model.set("shown", "run-2");
    await frame();
    expect(ids()).not.toContain("tools/search");
    expect(card("tools").dataset.status).toBe("idle");
  });

  it("shows the question of a node in it, wherever that can be seen", async () => {
    const { model } = show({ graph: agent });
    const asked = { node: "tools/search", span: "tools/search", request: "q", prompt: "Which tower?" };
    await frame();
    button().click();
    play(model, calling().add("input.requested", asked));
    await frame();
    expect(words('[data-id="tools"] .lfw-question p')).toBe("Which tower?");
    button().click();
    await frame();
    expect(words('[data-id="tools/search"] .lfw-question p')).toBe("Which tower?");
    expect(document.querySelectorAll(".lfw-question")).toHaveLength(1);
    button().click();
    await frame();
    expect(words('[data-id="tools"] .lfw-question p')).toBe("Which tower?");
  });

  it("takes the place of its nodes in the tab order", async () => {
    show({ graph: agent });
    await frame();
    card("tools/search").click();
    press("Escape", card("tools/search"));
    button().click();
    const stops = [...document.querySelectorAll<HTMLElement>('[data-id][tabindex="0"]')];
    expect(stops.map(({ dataset }) => dataset.id)).toEqual(["tools"]);
  });
});
