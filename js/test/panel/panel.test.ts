// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { agent, chain } from "../../dev/graphs.ts";
import { Script } from "../../dev/script.ts";
import { $, frame, play, press, show, sized, words } from "../helpers.ts";

sized();
const section = (title: string) => words(`section > [aria-label="${title}"]`);
const hidden = (title: string) => $(`[data-section="${title}"]`).hidden;
const ran = () =>
  new Script(chain)
    .start("prompt")
    .finish("prompt")
    .start("model", { input: { topic: "entropy" } });
const picker = () => $<HTMLSelectElement>("select[aria-label=Execution]");

async function opened(script: Script, id = "model") {
  const shown = show({ graph: chain });
  play(shown.model, script);
  await frame();
  $(`[data-id="${id}"]`).click();
  await frame();
  return shown;
}

describe("the panel", () => {
  it("shows what went in, what came out, and what is known of the node", async () => {
    const usage = { input_tokens: 3, output_tokens: 2 };
    await opened(
      ran()
        .say("model", "Hello there")
        .finish("model", { output: { type: "ai" }, usage, duration: 1.5 }),
    );
    expect(section("Text")).toBe("Hello there");
    expect(section("Input")).toBe('{\n  "topic": "entropy"\n}');
    expect(section("Output")).toBe('{\n  "type": "ai"\n}');
    expect(section("Parameters")).toContain('"temperature": 0.2');
    expect(words(".lfw-panel .lfw-facts")).toContain("✓ done · 1.5 s · 3 in · 2 out · first token 30 ms");
    expect(["Error", "Reasoning", "Tool calls", "Log"].map(hidden)).toEqual([true, true, true, true]);
  });

  it("goes on while the node speaks", async () => {
    const script = ran().say("model", "Hello");
    const { model } = await opened(script);
    const had = script.events.length;
    play(model, script.say("model", " again"), had);
    await frame();
    expect(section("Text")).toBe("Hello again");
  });

  it("shows reasoning, tool calls with their arguments, errors, and the node's log", async () => {
    const script = ran().say("model", "Let me see.", { channel: "reasoning" });
    script.say("model", '{"q":1}', { channel: "tool_call", call: { index: 0, name: "search" } });
    script.add("log", { level: "warning", message: "slow", node: "model" });
    script.add("node.failed", { node: "model", span: "model", error: { type: "E", message: "no", traceback: "at 1" } });
    await opened(script);
    expect(section("Reasoning")).toBe("Let me see.");
    expect(section("Tool calls")).toBe('search {\n  "q": 1\n}');
    expect([section("Error"), section("Traceback"), section("Log")]).toEqual(["E: no", "at 1", "warning: slow"]);
  });

  it("lets one choose between executions, and keeps the choice", async () => {
    const script = ran().say("model", "First").add("node.retracted", { node: "model", span: "model" });
    script.start("model", { span: "again", attempt: 2 }).say("model", "Second", { span: "again" });
    const { model } = await opened(script);
    expect([...picker().options].map(({ text }) => text)).toEqual([
      "Overview",
      "2 · attempt 2 · running",
      "1 · withdrawn",
    ]);
    expect(section("Text")).toBe("Second");
    picker().value = "model";
    const had = script.events.length;
    play(model, script.say("model", " go", { span: "again" }), had);
    await frame();
    expect(section("Text")).toBe("First");
  });

  it("shows the calls inside a function that have no card of their own", async () => {
    const inner = { id: "parser/model", title: "Inner", type: "model", parent: "parser", card: false };
    const script = ran()
      .start("parser")
      .add("graph.changed", { nodes: [inner], edges: [] });
    script.start("parser/model", { parent: "parser" }).say("parser/model", "from inside");
    await opened(script, "parser");
    expect(section("Text")).toBe("from inside");
    expect(words('[data-id="parser"] .lfw-body')).toBe("from inside");
    expect([...picker().options].map(({ text }) => text)).toContain("2 · Inner · running");
  });

  it("opens with Enter, closes with Escape, and gives the focus back", async () => {
    show({ graph: chain });
    await frame();
    const card = $('[data-id="prompt"]');
    card.focus();
    press("ArrowRight");
    expect(document.activeElement).toBe($('[data-id="model"]'));
    press("Enter");
    expect([$(".lfw-panel").hidden, words(".lfw-panel h3")]).toEqual([false, "gpt-4o-mini"]);
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Close (Esc)");
    press("Escape");
    expect($(".lfw-panel").hidden).toBe(true);
    expect(document.activeElement).toBe($('[data-id="model"]'));
  });

  it("does not open on a pill, which never runs", async () => {
    show({ graph: agent });
    await frame();
    $('[data-id="__start__"]').click();
    expect($(".lfw-panel").hidden).toBe(true);
  });

  it("has exactly one card in the tab order", async () => {
    show({ graph: chain });
    await frame();
    $('[data-id="parser"]').click();
    const tabbable = [...document.querySelectorAll<HTMLElement>('[data-id][tabindex="0"]')];
    expect(tabbable.map((each) => each.dataset.id)).toEqual(["parser"]);
  });

  it("copies a section", async () => {
    const copied: string[] = [];
    Object.defineProperty(navigator, "clipboard", {
      configurable: true,
      value: { writeText: async (text: string) => void copied.push(text) },
    });
    await opened(ran().say("model", "Hello there"));
    $('[aria-label="Copy: Text"]').click();
    expect(copied).toEqual(["Hello there"]);
  });

  it("keeps keys from the notebook, whose shortcuts would act on cells", async () => {
    const { model } = await opened(ran());
    const heard: string[] = [];
    document.addEventListener("keydown", (event) => heard.push(event.key));
    press("d", $(".lfw-panel button"));
    expect(heard).toEqual([]);
    expect($(".lfw").hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
    expect(model.sent.some(({ kind }) => kind === "cancel")).toBe(false);
  });
});

describe("the log of the run", () => {
  it("opens below the canvas, and grows", async () => {
    const script = ran().add("log", { level: "info", message: "printed" });
    const { model } = await opened(script);
    expect(words(".lfw-bar [aria-expanded]")).toBe("Log 1");
    $(".lfw-bar [aria-expanded]").click();
    const had = script.events.length;
    play(model, script.add("log", { level: "error", message: "oh no", node: "model" }), had);
    await frame();
    expect([...document.querySelectorAll(".lfw-log-line")].map((each) => each.textContent)).toEqual([
      "0 msinfoprinted",
      "0 mserrorgpt-4o-minioh no",
    ]);
    expect($(".lfw-bar [aria-expanded]").dataset.level).toBe("high");
  });
});
