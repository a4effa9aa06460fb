// Folds logs for the parity test: each line of stdin is a JSON array of events, each line of stdout the state they make.
import { createInterface } from "node:readline";
import { toJson } from "./model/json.ts";
import { makeRun } from "./model/state.ts";
import type { Event } from "./model/types.gen.ts";

for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
  const state = makeRun();
  for (const event of JSON.parse(line) as Event[]) {
    state.apply(event);
  }
  process.stdout.write(`${JSON.stringify(toJson(state))}\n`);
}
