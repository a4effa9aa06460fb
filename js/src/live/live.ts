// The page of a gateway: the widget, fed by a socket, below a line that says how the connection is.
import "./live.css";
import type { AnyModel, RenderProps } from "@anywidget/types";
import type { Traits } from "../model/store.ts";
import { openLink, type Standing } from "./link.ts";
import { Model } from "./model.ts";
import { placeOf } from "./place.ts";
import { type Message, makeTracks, type Track } from "./tracks.ts";

/** How often the widget is told that all is well (ms): it takes silence for the end of its kernel. */
const BEAT = 1000;
const LEAST_HEIGHT = 280;

const main = document.getElementById("live") as HTMLElement;
const version = main.dataset.version ?? "";
const place = placeOf(location);
const tracks = makeTracks();
const title = document.createElement("h1");
const standing = document.createElement("p");
const view = document.createElement("div");
let stands: Standing = { kind: "connecting" };

const asset = (name: string) => new URL(`../static/${name}?${version}`, place.url).href;

const model = new Model({
  send: (message) => link?.send(message) ?? false,
  player: async () => (await fetch(asset("record.js"))).text(),
  log: (run) => tracks.runs.get(run)?.log ?? [],
});

function words(): string {
  const newest = [...tracks.runs.values()].at(-1);
  switch (stands.kind) {
    case "connecting":
      return "Connecting…";
    case "reconnecting":
      return "Connection lost, reconnecting…";
    case "over":
      return stands.words;
    default:
      if (!newest) {
        return place.kind === "flows" ? "Connected. Waiting for the first run…" : "Connected. Waiting for the run…";
      }
      return newest.alive || newest.ended
        ? newest.ended
          ? "The run has ended."
          : "Live"
        : newest.reason || "Whoever runs this is not heard of just now. It goes on when they are back.";
  }
}

function tell(): void {
  const said = words();
  const text = said.charAt(0).toUpperCase() + said.slice(1);
  if (standing.textContent !== text) {
    standing.textContent = text;
  }
  const newest = [...tracks.runs.values()].at(-1);
  const well = stands.kind === "connected" && (!newest || newest.alive || newest.ended);
  main.dataset.can = tracks.can;
  main.dataset.empty = String(!newest);
  main.dataset.standing = stands.kind === "over" ? "over" : well ? "well" : "lost";
  if (well) {
    model.receive({ kind: "beat" });
  }
}

function stand(next: Standing): void {
  stands = next;
  tell();
}

function take(message: Message): void {
  const taken = tracks.take(message);
  if (message.kind === "room") {
    offerInput();
  } else if (message.kind === "refused") {
    model.receive(message);
  }
  if (taken) {
    show(taken.track, taken.events);
  }
  tell();
}

const shown = new Set<string>();

function show(track: Track, events: Track["log"]): void {
  if (track.log.length > 0 && !shown.has(track.run)) {
    shown.add(track.run);
    model.add(track);
    title.textContent = String(model.get("title"));
    document.title = `${title.textContent} · lfwidget`;
    offerInput();
  }
  if (events.length > 0) {
    model.receive({ kind: "frame", run: track.run, events });
  }
}

/** Who may start runs gets a box to type into. */
function offerInput(): void {
  if (place.kind === "flows" && tracks.can === "run" && !model.get("form")) {
    model.set("form", { kind: "text", fields: [], examples: [] });
  }
}

function fit(): void {
  const around = main.offsetHeight - (view.querySelector<HTMLElement>(".lfw-stage")?.offsetHeight ?? 0);
  const height = Math.max(LEAST_HEIGHT, Math.floor(window.innerHeight - around - 1));
  if (height !== model.get("height")) {
    model.set("height", height);
  }
}

async function start(): Promise<void> {
  const { default: widget } = await import(asset("widget.js"));
  const signal = new AbortController().signal;
  const made = widget();
  const props = { model: model as unknown as AnyModel<Traits>, signal };
  made.initialize(props);
  made.render({ ...props, el: view } as unknown as RenderProps<Traits>);
  window.addEventListener("resize", fit);
  // A box to type into appears, or the bar takes two lines.
  new ResizeObserver(fit).observe(main);
}

title.textContent = "lfwidget";
standing.setAttribute("role", "status");
const head = document.createElement("header");
head.append(title, standing);
main.replaceChildren(head, view);
window.addEventListener("hashchange", () => location.reload());
if (place.token) {
  await start();
}
const link = place.token ? openLink({ place, position: () => tracks.position, take, stand }) : undefined;
if (!link) {
  stand({ kind: "over", words: "This link is not whole: what follows # is missing. Copy it again, to its end." });
}
setInterval(tell, BEAT);
