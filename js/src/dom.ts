// Makes elements. Text only ever enters the page as text: there is no way here to parse a string as HTML.

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | undefined | ((event: never) => void)>;

const SVG = "http://www.w3.org/2000/svg";

function fill<T extends Element>(element: T, attributes: Attributes, children: readonly Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      listen(element, name, value);
    } else if (value !== undefined && value !== false) {
      element.setAttribute(name, (name === "class" ? "lfw-" : "") + value);
    }
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** An HTML element: attributes by name, listeners as functions by event name. A class is one of ours: `note` is
 * `lfw-note`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** The most common one: a div of ours, by the name of its class. */
export const d = (name: string, ...children: Child[]): HTMLDivElement => h("div", { class: name }, ...children);

export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag) as SVGElementTagNameMap[K], attributes, children);
}

/** Writes only what differs: an unchanged text costs no layout. */
export function setText(element: Node, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export const toggle = (element: Element, name: string, on: boolean): boolean =>
  element.classList.toggle(`lfw-${name}`, on);

export const renew = (element: Element, ...children: (Node | string)[]): void => element.replaceChildren(...children);

export const listen = (target: EventTarget, name: string, act: (event: never) => void): void =>
  target.addEventListener(name, act as EventListener);

export const atEnd = (signal: AbortSignal, act: () => void): void => listen(signal, "abort", act);

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

export function button(label: string, onClick: () => void, attributes: Attributes, ...children: Child[]) {
  return h("button", { type: "button", "aria-label": label, title: label, click: onClick, ...attributes }, ...children);
}

/** Says what was masked in a text, to whoever points at it. */
export function explain(element: HTMLElement, text: string): void {
  if (text.includes("•••")) {
    element.title = "••• stands for a secret";
  }
}
