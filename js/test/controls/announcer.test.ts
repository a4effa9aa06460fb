// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeAnnouncer } from "../../src/controls/announcer.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const announcer = () => makeAnnouncer(new AbortController().signal);

describe("the announcer", () => {
  it("tells what changed its status, once a second at most", () => {
    const { element, tell } = announcer();
    tell("model", "idle", "Model: ready");
    tell("model", "running", "Model: running");
    tell("model", "running", "Model: running");
    expect(element.textContent).toBe("");
    vi.advanceTimersByTime(1000);
    expect(element.textContent).toBe("Model: running");
    tell("model", "finished", "Model: done");
    expect(element.textContent).toBe("Model: running");
    vi.advanceTimersByTime(1000);
    expect(element.textContent).toBe("Model: done");
  });

  it("tells nothing of where things stood at first", () => {
    const { element, tell } = announcer();
    tell("model", "finished", "Model: done");
    vi.advanceTimersByTime(5000);
    expect(element.textContent).toBe("");
  });

  it("tells only the newest where much happened at once", () => {
    const { element, tell } = announcer();
    for (const i of [1, 2, 3, 4, 5, 6]) {
      tell(`${i}`, "idle", "");
      tell(`${i}`, "running", `${i} runs`);
    }
    vi.advanceTimersByTime(1000);
    expect(element.textContent).toBe("3 runs. 4 runs. 5 runs. 6 runs");
  });
});
