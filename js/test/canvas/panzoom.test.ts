// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { makePanZoom, type PanZoom, shift } from "../../src/canvas/panzoom.ts";
import { sized } from "../helpers.ts";

const size = sized();
let stage: HTMLElement;
let pan: PanZoom;

beforeEach(() => {
  stage = document.createElement("div");
  pan = makePanZoom(stage, () => {});
});

const wheel = (more: WheelEventInit) => {
  const event = Object.defineProperties(
    new WheelEvent("wheel", { cancelable: true }),
    Object.fromEntries(Object.entries({ deltaY: -100, ...more }).map(([name, value]) => [name, { value }])),
  );
  stage.dispatchEvent(event);
  return event;
};

describe("the canvas", () => {
  it("fits a large graph, and shows a small one at its own size", () => {
    pan.fit({ x: 0, y: 0, width: 11_520, height: 100 });
    expect(pan.zoom).toBe(0.1);
    pan.fit({ x: 100, y: 100, width: 100, height: 100 });
    expect([pan.zoom, pan.x, pan.y]).toEqual([1, 450, 150]);
  });

  it("shows the start of what is too large for the least zoom", () => {
    pan.fit({ x: 100, y: 100, width: 11_520, height: 100 }, 0.5);
    expect([pan.zoom, pan.x, pan.fitted]).toEqual([0.5, 24 - 50, true]);
  });

  it("fits beside what covers it", () => {
    Object.assign(pan, { right: 400 });
    pan.fit({ x: 0, y: 0, width: 100, height: 100 });
    expect(pan.x).toBe(350);
  });

  it("is not fitted while it has no size", () => {
    size.width = 0;
    pan.fit({ x: 0, y: 0, width: 100, height: 100 });
    expect(pan.x).toBe(0);
  });

  it("lets the notebook scroll, and zooms with Ctrl or Meta", () => {
    expect(wheel({}).defaultPrevented).toBe(false);
    expect(pan.zoom).toBe(1);
    expect(wheel({ ctrlKey: true }).defaultPrevented).toBe(true);
    expect(pan.zoom).toBeGreaterThan(1);
    const { zoom } = pan;
    wheel({ metaKey: true, deltaY: 100 });
    expect(pan.zoom).toBeLessThan(zoom);
  });

  it("zooms with the bare wheel from a press on it until the pointer leaves", () => {
    stage.dispatchEvent(new PointerEvent("pointerdown", { pointerId: 1 }));
    stage.dispatchEvent(new PointerEvent("pointerup", { pointerId: 1 }));
    expect(wheel({}).defaultPrevented).toBe(true);
    stage.dispatchEvent(new PointerEvent("pointerleave"));
    expect(wheel({}).defaultPrevented).toBe(false);
  });

  it("keeps the point under the pointer where it is", () => {
    const before = (300 - pan.x) / pan.zoom;
    pan.scale(1.7, { x: 300, y: 200 });
    expect((300 - pan.x) / pan.zoom).toBeCloseTo(before);
  });

  it("keeps its zoom within bounds", () => {
    pan.scale(1e9);
    expect(pan.zoom).toBe(2);
    pan.scale(1e-9);
    expect(pan.zoom).toBe(0.02);
  });

  it("moves only as far as a card needs to be seen", () => {
    expect(shift(100, 50, 400)).toBe(0);
    expect(shift(-10, 50, 400)).toBe(34);
    expect(shift(380, 50, 400)).toBe(-54);
    expect(shift(100, 900, 400)).toBe(-76);
  });

  it("follows two fingers, and leaves one to the page", () => {
    stage.setPointerCapture = () => {};
    const touch = (name: string, pointerId: number, clientX: number) =>
      stage.dispatchEvent(new PointerEvent(name, { pointerId, clientX, clientY: 0, pointerType: "touch" }));
    touch("pointerdown", 1, 100);
    touch("pointermove", 1, 150);
    expect(pan.x).toBe(0);
    touch("pointerdown", 2, 200);
    touch("pointermove", 2, 250);
    expect(pan.zoom).toBe(2);
  });
});
