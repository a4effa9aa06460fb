// The golden logs, which Python must meet too.
import { readdirSync, readFileSync } from "node:fs";
import type { Event } from "../src/model/types.gen.ts";

const folder = new URL("../../tests/golden/", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, folder), "utf8");

export const names = readdirSync(folder)
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => name.slice(0, -".jsonl".length));

export const eventsOf = (name: string): Event[] =>
  read(`${name}.jsonl`)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

export const stateOf = (name: string): unknown => JSON.parse(read(`${name}.state.json`));

/** The logs as lfwidget/record/pack.py packed them, by name. */
export const packed = (): Record<string, string> => JSON.parse(read("packed.json"));
