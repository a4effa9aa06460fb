// @vitest-environment happy-dom
// The whole page, as a person meets it.
import { describe, expect, it, vi } from "vitest";
import { agent, chain, grid, parallel } from "../dev/graphs.ts";
import { Script } from "../dev/script.ts";
import { $, frame, play, press, show, sized, words } from "./helpers.ts";

const size = sized();
const FORM = { kind: "text", fields: [], examples: ["What is entropy?"] };
const started = () => new Script(chain).start("prompt").finish("prompt", { output: "Question" }).start("model");
const cards = () => [...document.querySelectorAll<HTMLElement>(".lfw-card")];
const card = (id: string) => $(`[data-id="${id}"]`);
const statuses = () => cards().map((each) => each.dataset.status);

describe("a flow", () => {
  it("is drawn before any run", async () => {
    show({ graph: chain, form: FORM });
    await frame();
    expect(cards().map((each) => words(`[data-id="${each.dataset.id}"] .lfw-title`))).toEqual([
      "Prompt",
      "gpt-4o-mini",
      "Parser",
    ]);
    expect(statuses()).toEqual(["idle", "idle", "idle"]);
    expect(document.querySelectorAll(".lfw-edge")).toHaveLength(2);
  });

  it("without nodes says so", async () => {
    show({ graph: { nodes: [], edges: [] } });
    await frame();
    expect($(".lfw-empty").hidden).toBe(false);
  });

  it("that is no graph at all is drawn as an empty one", async () => {
    show({ graph: { nodes: "none" } });
    await frame();
    expect($(".lfw-empty").hidden).toBe(false);
  });

  it("draws containers as frames, pills as pills, and labels on edges and ports", async () => {
    show({ graph: agent });
    await frame();
    expect(card("tools").className).toContain("lfw-frame");
    expect(card("__start__").className).toBe("lfw-pill");
    expect([...document.querySelectorAll(".lfw-edge-label")].map((each) => each.textContent)).toContain("unsure");
    expect(document.querySelectorAll(".lfw-edge-conditional")).toHaveLength(3);
    document.body.replaceChildren();
    show({ graph: parallel });
    expect([...document.querySelectorAll(".lfw-port-name")].map((each) => each.textContent)).toContain("joke");
    expect(document.querySelectorAll(".lfw-edge-fallback")).toHaveLength(1);
  });
});

describe("a run", () => {
  it("streams into the card of the model", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, started().say("model", "Entropy measures surprise."));
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("Entropy measures surprise.");
    expect(words('[data-id="model"] .lfw-tokens')).toMatch(/^3 tok · \d+\/s$/);
    expect(statuses()).toEqual(["finished", "running", "idle"]);
    expect(words(".lfw-state")).toBe("◐ running");
  });

  it("shows an error on its card", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const error = { type: "RateLimitError", message: "slow down" };
    play(model, started().add("node.failed", { node: "model", span: "model", error }).add("run.failed", { error }));
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("RateLimitError: slow down");
    expect($('[data-id="model"] .lfw-body').dataset.channel).toBe("error");
    expect(words(".lfw-state")).toBe("✕ error");
  });

  it("strikes out what an attempt said that was withdrawn, until the next one speaks", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const script = started().say("model", "Wrong start");
    script.add("node.retracted", { node: "model", span: "model" }).start("model", { span: "again", attempt: 2 });
    play(model, script);
    await frame();
    expect($('[data-id="model"] .lfw-tail').className).toContain("lfw-struck");
    expect(words('[data-id="model"] .lfw-subtitle')).toBe("attempt 2");
    const had = script.events.length;
    play(model, script.say("model", "Right", { span: "again" }), had);
    await frame();
    expect($('[data-id="model"] .lfw-tail').className).not.toContain("lfw-struck");
    expect(words('[data-id="model"] .lfw-body')).toBe("Right");
  });

  it("draws nodes that are found while it runs, and keeps the cards that were there", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const script = started();
    play(model, script);
    await frame();
    const before = card("model");
    const had = script.events.length;
    const node = { id: "tool", title: "Tool", type: "tool", x: 930, y: 0 };
    play(model, script.add("graph.changed", { nodes: [node], edges: [{ source: "parser", target: "tool" }] }), had);
    await frame();
    expect(card("model")).toBe(before);
    expect(card("tool").dataset.status).toBe("idle");
    expect(document.querySelectorAll(".lfw-edge")).toHaveLength(3);
  });

  it("asks for what it missed after a reload, and shows it", async () => {
    const script = started().say("model", "Hello there");
    const { model } = show({ graph: chain, runs: [{ id: "run-1", name: "x", status: "running" }], shown: "run-1" });
    expect(model.sent).toEqual([{ kind: "resync", run: "run-1", have: 0 }]);
    play(model, script);
    model.receive({ kind: "head", run: "run-1", seq: script.events.length });
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("Hello there");
    expect(model.sent).toHaveLength(1);
  });

  it("asks again for what is missing in the middle", async () => {
    const { model } = show({ graph: chain, runs: [{ id: "run-1", name: "x", status: "running" }] });
    model.receive({ kind: "head", run: "run-1", seq: 0 });
    const script = started().say("model", "one two three four five six");
    play(model, { events: [...script.events.slice(0, 4), ...script.events.slice(5)] } as unknown as Script);
    expect(model.sent.at(-1)).toEqual({ kind: "resync", run: "run-1", have: 4 });
    play(model, script, 4);
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("one two three four five six");
  });

  it("that is not shown is followed all the same", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, started().say("model", "first"));
    const run = (id: string) => ({ id, name: id, status: "running" });
    model.set("runs", [run("run-1"), run("run-2")]);
    const other = new Script(chain, "again", "Tutor", "run-2").start("model").say("model", "second");
    model.receive({ kind: "frame", run: "run-2", events: other.events });
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("first");
    const picker = $<HTMLSelectElement>("select[aria-label=Run]");
    expect(picker.hidden).toBe(false);
    picker.value = "run-2";
    picker.dispatchEvent(new Event("change"));
    await frame();
    expect(model.get("shown")).toBe("run-2");
    expect(words('[data-id="model"] .lfw-body')).toBe("second");
  });
});

describe("the input", () => {
  const type = (text: string) => {
    const box = $<HTMLTextAreaElement>("textarea");
    box.value = text;
    return box;
  };

  it("starts a run with Enter, and a new line with Shift", () => {
    const { model } = show({ graph: chain, form: FORM });
    const box = type("What is entropy?");
    press("Enter", box, { shiftKey: true });
    press("Enter", box, { isComposing: true });
    expect(model.sent).toEqual([]);
    press("Enter", box);
    expect(model.sent).toMatchObject([{ kind: "start", input: "What is entropy?" }, { kind: "ping" }]);
  });

  it("can be pressed again as soon as the run has started", () => {
    const { model } = show({ graph: chain, form: FORM });
    press("Enter", type("one"));
    const run = $<HTMLButtonElement>(".lfw-send");
    expect(run.disabled).toBe(true);
    model.receive({ kind: "started", request: model.sent[0]?.request, run: "run-1" });
    expect(run.disabled).toBe(false);
  });

  it("says why a start was refused, and with which fields", () => {
    const fields = [
      { name: "topic", title: "Topic", type: "text" },
      { name: "tone", title: "Tone", type: "text" },
    ];
    const { model } = show({ graph: chain, form: { kind: "fields", fields, examples: [] } });
    $<HTMLButtonElement>(".lfw-send").click();
    const request = model.sent[0]?.request;
    model.receive({ kind: "refused", request: "another page's", message: "Not yours.", fields: [] });
    expect($(".lfw-error").hidden).toBe(true);
    model.receive({ kind: "refused", request, message: "This flow wants a tone.", fields: ["tone"] });
    expect(words(".lfw-error")).toBe("This flow wants a tone.");
    expect($("[name=tone]").getAttribute("aria-invalid")).toBe("true");
    expect($("[name=topic]").getAttribute("aria-invalid")).toBe("false");
  });

  it("takes an example", () => {
    show({ graph: chain, form: FORM });
    $<HTMLButtonElement>(".lfw-chips button").click();
    expect($<HTMLTextAreaElement>("textarea").value).toBe("What is entropy?");
  });

  it("is not there where the page only watches, but Stop is", async () => {
    const { model } = show({ graph: chain, form: null });
    play(model, started());
    await frame();
    expect($(".lfw-composer").hidden).toBe(true);
    $<HTMLButtonElement>(".lfw-bar .lfw-stop").click();
    expect(model.sent).toContainEqual({ kind: "cancel", run: "run-1" });
  });

  it("keeps what is being typed while a run goes on", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const box = type("half a quest");
    play(model, started());
    await frame();
    expect($("textarea")).toBe(box);
    expect(box.value).toBe("half a quest");
  });
});

describe("an error", () => {
  const error = { type: "GraphRecursionError", message: "too many rounds" };

  it("that belongs to no node is told above the cards", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, started().finish("model", {}).add("run.failed", { error }));
    await frame();
    expect(words(".lfw-notice")).toBe("GraphRecursionError: too many rounds");
    expect([$(".lfw-notice").hidden, $(".lfw-notice").dataset.status]).toEqual([false, "failed"]);
  });

  it("that is only a warning is told above the cards until the run says something else, or ends", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const lost = { level: "warning", message: "the connection was lost: reconnecting" };
    const log = started().add("log", lost);
    play(model, log);
    await frame();
    expect(words(".lfw-notice")).toBe(lost.message);
    play(model, log.add("log", { level: "info", message: "connected again" }));
    await frame();
    expect($(".lfw-notice").hidden).toBe(true);
    play(model, log.add("log", lost).add("run.finished"));
    await frame();
    expect($(".lfw-notice").hidden).toBe(true);
  });

  it("that a card tells of is not told twice", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const failed = { node: "model", span: "model", error };
    play(model, started().add("node.failed", failed).add("run.failed", { error, node: "model" }));
    await frame();
    expect($(".lfw-notice").hidden).toBe(true);
  });
});

describe("a question", () => {
  const asked = (more = {}) =>
    started().add("input.requested", {
      node: "model",
      span: "model",
      request: "q1",
      prompt: "May I?",
      ...more,
    });

  it("stands on the card of the node that asks, and the header says so", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, asked());
    await frame();
    expect(words('[data-id="model"] .lfw-question p')).toBe("May I?");
    expect(words(".lfw-state")).toBe("? waiting for you");
    expect($<HTMLButtonElement>(".lfw-state").disabled).toBe(false);
  });

  it("is answered with text", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, asked());
    await frame();
    const box = $<HTMLTextAreaElement>(".lfw-question textarea");
    box.value = "Yes, do.";
    press("Enter", box);
    expect(model.sent).toContainEqual(
      expect.objectContaining({ kind: "answer", run: "run-1", question: "q1", value: "Yes, do." }),
    );
  });

  const yesOrNo = [
    { title: "Yes", value: true },
    { title: "No", value: { why: "not" } },
  ];

  it("with few answers has a button for each, and no other way", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, asked({ schema: { type: "boolean" }, choices: yesOrNo }));
    await frame();
    expect($(".lfw-question form").classList).toContain("lfw-only-message");
    $<HTMLButtonElement>('.lfw-question [aria-label="No"]').click();
    expect(model.sent).toContainEqual(expect.objectContaining({ kind: "answer", value: { why: "not" } }));
  });

  it("may offer some answers and take any other", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, asked({ choices: yesOrNo, hint: "or say why not" }));
    await frame();
    const box = $<HTMLTextAreaElement>(".lfw-question textarea");
    expect([box.placeholder, $(".lfw-question form").className]).toEqual(["or say why not", "lfw-form"]);
    box.value = "no time";
    press("Enter", box);
    expect(model.sent).toContainEqual(expect.objectContaining({ kind: "answer", value: "no time" }));
  });

  it("can be answered again after a refusal, and goes when it is answered", async () => {
    const { model } = show({ graph: chain, form: FORM });
    const script = asked({ schema: { type: "boolean" }, choices: yesOrNo });
    play(model, script);
    await frame();
    const yes = $<HTMLButtonElement>(".lfw-question [aria-label=Yes]");
    yes.click();
    expect(yes.disabled).toBe(true);
    const request = model.sent.find(({ kind }) => kind === "answer")?.request;
    model.receive({ kind: "refused", request, message: "Too late." });
    expect([yes.disabled, words(".lfw-question .lfw-error")]).toEqual([false, "Too late."]);
    const had = script.events.length;
    play(model, script.add("input.given", { node: "model", span: "model", request: "q1", value: true }), had);
    await frame();
    expect(document.querySelector(".lfw-question")).toBeNull();
  });

  it("does not move the canvas while somebody types", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, asked());
    await frame();
    expect(press("0", $(".lfw-question textarea")).defaultPrevented).toBe(false);
    expect(press("ArrowLeft", $(".lfw-question textarea")).defaultPrevented).toBe(false);
  });
});

describe("the kernel", () => {
  it("that is busy is said to be", async () => {
    const { model } = show({ graph: chain, form: FORM });
    model.receive({ kind: "beat", busy: true });
    await frame();
    expect(words(".lfw-notice")).toContain("Kernel busy");
    model.receive({ kind: "beat", busy: false });
    await frame();
    expect($(".lfw-notice").hidden).toBe(true);
  });

  it("that is gone leaves nothing streaming and no button that does nothing", async () => {
    const { model } = show({ graph: chain, form: FORM });
    play(model, started().say("model", "Hello"));
    await frame();
    model.emit("comm:close");
    await frame();
    expect(statuses()).toEqual(["finished", "lost", "idle"]);
    expect(words(".lfw-state")).toBe("⚠ interrupted");
    expect(words(".lfw-notice")).toContain("Run the cell again");
    expect($<HTMLButtonElement>(".lfw-send").disabled).toBe(true);
    expect($(".lfw-stop").hidden).toBe(true);
  });

  it("that was restarted is noticed when a button finds the comm closed", async () => {
    const { model } = show({ graph: chain, form: FORM });
    model.onSend = () => {
      throw new Error("Cannot send");
    };
    $<HTMLButtonElement>(".lfw-send").click();
    await frame();
    expect(words(".lfw-notice")).toContain("Run the cell again");
  });

  it("that was restarted is noticed by what ipywidgets does to the view", async () => {
    const { model } = show({ graph: chain, form: FORM });
    document.body.classList.add("jupyter-widgets-disconnected");
    model.emit("comm_live_update");
    await frame();
    document.body.classList.remove("jupyter-widgets-disconnected");
    expect(words(".lfw-notice")).toContain("Run the cell again");
  });
});

describe("views", () => {
  it("of one model show the same run", async () => {
    const { model, view } = show({ graph: chain, form: FORM });
    view();
    play(model, started().say("model", "Hello"));
    await frame();
    expect([...document.querySelectorAll('[data-id="model"] .lfw-tail')].map((each) => each.textContent)).toEqual([
      "Hello",
      "Hello",
    ]);
  });

  it("that were closed do nothing more", async () => {
    const { model, close } = show({ graph: chain, form: FORM });
    await frame();
    close.abort();
    play(model, started().say("model", "Hello"));
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("");
  });

  it("that were hidden at first are written when they get a size", async () => {
    size.width = 0;
    const { model } = show({ graph: chain, form: FORM });
    play(model, started().say("model", "Hello"));
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("");
    size.width = 1200;
    $(".lfw-zoom button:last-child").click();
    await frame();
    expect(words('[data-id="model"] .lfw-body')).toBe("Hello");
  });

  it("hide bodies from afar, and write them when they come near", async () => {
    const { model } = show({ graph: grid(400) });
    const script = new Script(grid(400)).start("node-0").say("node-0", "Hello");
    play(model, script);
    await frame();
    expect($(".lfw-canvas").className).toContain("lfw-far");
    expect(words('[data-id="node-0"] .lfw-body')).toBe("");
    expect(card("node-0").dataset.status).toBe("running");
  });

  it("have the height they are told", () => {
    const { model } = show({ graph: chain, height: 300 });
    model.set("height", 500);
    expect($(".lfw-stage").style.height).toBe("500px");
  });
});

describe("what a model says", () => {
  const PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    '"><svg onload=alert(1)>',
    "{{constructor.constructor(`alert(1)`)()}}",
  ];

  it.each(PAYLOADS)("is only ever text: %s", async (payload) => {
    const alerted = vi.fn();
    vi.stubGlobal("alert", alerted);
    const node = {
      id: "model",
      title: payload,
      type: "model" as const,
      subtitle: payload,
      params: { payload },
      x: 0,
      y: 0,
    };
    const { model } = show({
      graph: { nodes: [node], edges: [] },
      title: payload,
      form: { kind: "text", fields: [], examples: [payload], placeholder: payload },
    });
    const script = new Script({ nodes: [node], edges: [] }, payload, payload).start("model", { input: payload });
    script.say("model", payload).add("log", { level: "info", message: payload, node: "model" });
    script.add("input.requested", {
      node: "model",
      span: "model",
      request: payload,
      prompt: payload,
      schema: { enum: [payload] },
    });
    play(model, script);
    await frame();
    card("model").click();
    await frame();
    expect(document.querySelectorAll("img,script,a,iframe,svg[onload],[onerror]")).toHaveLength(0);
    expect(words('.lfw-panel [aria-label="Text"]')).toContain(payload);
    expect(alerted).not.toHaveBeenCalled();
  });
});
