// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { agent, chain } from "../../dev/graphs.ts";
import { Script } from "../../dev/script.ts";
import { makePlayer, type PlayerOptions } from "../../src/player/player.ts";
import { $, frame, press, sized, words } from "../helpers.ts";

sized();
const over: AbortController[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const each of over.splice(0)) {
    each.abort();
  }
});

const script = () =>
  new Script(chain)
    .start("prompt")
    .finish("prompt", { output: "Tell me" })
    .wait(0.2)
    .start("model")
    .say("model", "one two three four")
    .finish("model")
    .add("run.finished");

async function open(log = script(), more: Partial<PlayerOptions> = {}) {
  const close = new AbortController();
  over.push(close);
  const player = makePlayer(log.events, { title: "Tutor", height: 400, ...more }, close.signal);
  document.body.append(player.element);
  await frame();
  return player;
}

const status = (node: string) => $(`[data-id="${node}"]`).dataset.status;
const said = () => words('[data-id="model"] .lfw-tail');
const slider = () => $<HTMLInputElement>(".lfw-scrub input");
const click = async (label: string) => {
  $(`[aria-label^="${label}"]`).click();
  await frame();
};
const scrub = async (share: number) => {
  slider().value = String(share * Number(slider().max));
  slider().dispatchEvent(new Event("input"));
  await frame();
};

describe("the player", () => {
  it("stands at the end, paused, with everything done", async () => {
    await open();
    expect(status("model")).toBe("finished");
    expect(said()).toBe("one two three four");
    expect(words(".lfw-state")).toBe("✓ done");
    expect(words(".lfw-name")).toBe("Tutor");
  });

  it("shows any moment that is scrubbed to", async () => {
    await open();
    await scrub(0);
    expect(status("model")).toBe("idle");
    await scrub(0.9);
    expect(status("model")).toBe("running");
    expect("one two three four").toContain(said());
    await scrub(1);
    expect(said()).toBe("one two three four");
  });

  it("plays, pauses, and plays again from the start once it is at the end", async () => {
    await open();
    await click("Play from the start");
    expect(Number(slider().value)).toBeLessThan(0.2);
    await click("Pause");
    const at = slider().value;
    await frame();
    expect(slider().value).toBe(at);
    expect($(".lfw-play").getAttribute("aria-label")).toBe("Play (space)");
  });

  it("steps from token to token", async () => {
    await open();
    await scrub(0);
    await click("Next token");
    expect(said()).toBe("one");
    await click("Next token");
    expect(said()).toBe("one two");
    await click("Previous token");
    expect(said()).toBe("one");
  });

  it("steps from node event to node event", async () => {
    await open();
    await click("Previous node event");
    await click("Previous node event");
    await click("Previous node event");
    expect([status("prompt"), status("model")]).toEqual(["finished", "idle"]);
    await click("Next node event");
    expect(status("model")).toBe("running");
  });

  it("obeys the keyboard, but not while somebody types or chooses", async () => {
    const { element } = await open();
    press("Home", element);
    await frame();
    expect(status("prompt")).toBe("idle");
    press("ArrowRight", element);
    press("ArrowRight", element);
    await frame();
    expect(status("prompt")).toBe("running");
    press(".", element);
    await frame();
    expect(said()).toBe("one");
    press(",", $("[aria-label=Speed]"));
    await frame();
    expect(said()).toBe("one");
    expect(press(" ", $(".lfw-play")).defaultPrevented).toBe(false);
    press("End", element);
    await frame();
    expect(status("model")).toBe("finished");
  });

  it("jumps to where a node starts", async () => {
    await open();
    const select = $<HTMLSelectElement>('[aria-label="Jump to a node"]');
    select.value = "model";
    select.dispatchEvent(new Event("change"));
    await frame();
    expect(status("model")).toBe("running");
    expect(said()).toBe("");
  });

  it("draws a bar for each span, with its numbers", async () => {
    await open();
    expect($(".lfw-timeline").hidden).toBe(true);
    await click("Timeline");
    expect($(".lfw-timeline").hidden).toBe(false);
    const lanes = [...document.querySelectorAll<HTMLElement>(".lfw-lane")];
    expect(lanes.map(({ textContent }) => textContent)).toEqual(["Prompt", "gpt-4o-mini"]);
    expect(lanes[1]?.title).toContain("from 200 ms to 320 ms");
    expect(lanes[1]?.title).toContain("first token after 30 ms");
    expect(lanes[1]?.title).toContain("4 tok");
  });

  it("marks starts, ends, errors and notes on the scrub bar", async () => {
    const failed = new Script(chain)
      .start("model")
      .wait(1)
      .add("node.failed", {
        node: "model",
        span: "model",
        error: { type: "ValueError", message: "no" },
      });
    await open(failed.add("run.failed", { error: { type: "ValueError", message: "no" } }));
    const mark = (name: string) => $(`.lfw-mark-${name}` as "path").getAttribute("d");
    expect(mark("start")).toBe("M0 0v10");
    expect(mark("error")).toContain("M1000 0v10");
    expect(mark("note")).toBe("");
  });

  it("shows a note when playback gets there, on its node or above all", async () => {
    const log = script();
    log.add("note", { text: "look at this", node: "model", moment: 0.25 }).add("note", { text: "all", moment: 0.3 });
    await open(log);
    expect(words(".lfw-card-note")).toBe("look at this");
    expect(words(".lfw-banner p")).toBe("all");
    await scrub(0.5);
    expect(document.querySelector(".lfw-card-note")).toBe(null);
    expect($(".lfw-banner").hidden).toBe(true);
  });

  it("puts a note above its card where the next card is close below, if there is room", async () => {
    const [prompt, model] = chain.nodes;
    const stacked = {
      nodes: [
        { ...prompt, y: 0 },
        { ...model, x: prompt?.x, y: 160 },
      ],
      edges: [],
    } as typeof chain;
    const log = new Script(stacked).add("note", { text: "upper", node: "prompt" });
    await open(log.add("note", { text: "lower", node: "model" }).add("run.finished"));
    const sides = [...document.querySelectorAll<HTMLElement>(".lfw-card-note")].map((note) => note.dataset.side);
    expect(sides).toEqual(["above", undefined]);
  });

  it("keeps a group folded while it is played, with the notes of its nodes on it", async () => {
    const log = new Script(agent)
      .wait(0.1)
      .start("tools")
      .start("tools/search")
      .say("tools/search", "the tallest of all");
    await open(log.add("note", { text: "look", node: "tools/search" }).finish("tools").add("run.finished"));
    const note = () => $(".lfw-card-note").closest<HTMLElement>("[data-id]")?.dataset.id;
    expect(note()).toBe("tools/search");
    await click("Fold");
    expect([note(), words('[data-id="tools"] .lfw-tail'), status("tools")]).toEqual([
      "tools",
      "the tallest of all",
      "finished",
    ]);
    await scrub(0);
    expect([status("tools"), document.querySelector('[data-id="tools/search"]')]).toEqual(["idle", null]);
    await scrub(0.8);
    expect([status("tools"), words('[data-id="tools"] .lfw-tail')]).toEqual(["running", "the tallest"]);
    await scrub(1);
    await click("Unfold");
    expect(note()).toBe("tools/search");
  });

  it("lets a note be hidden", async () => {
    await open(script().add("note", { text: "all" }));
    await click("Hide the note");
    expect($(".lfw-banner").hidden).toBe(true);
  });

  it("writes no notes where nobody keeps them", async () => {
    await open();
    expect(document.querySelector('[aria-label="Write a note"]')).toBe(null);
  });

  it("hands on a note with its node and its moment", async () => {
    const note = vi.fn();
    await open(script(), { note });
    await scrub(0.75);
    $('[data-id="model"]').click();
    await click("Write a note");
    const box = $<HTMLInputElement>(".lfw-writing input");
    box.value = "look";
    box.form?.requestSubmit();
    expect(note).toHaveBeenCalledWith({ node: "model", text: "look", moment: 0.24 });
    expect(box.value).toBe("");
  });

  it("takes in what is added, and stays where it is", async () => {
    const log = script();
    const player = await open(log);
    await scrub(0);
    vi.useFakeTimers();
    player.update(log.add("note", { text: "added", moment: 0 }).events);
    vi.runAllTimers();
    expect(words(".lfw-banner p")).toBe("added");
    expect(status("model")).toBe("idle");
  });

  it("shows a run of nothing", async () => {
    await open(new Script({ nodes: [], edges: [] }).add("run.finished"));
    expect(words(".lfw-state")).toBe("✓ done");
  });
});
