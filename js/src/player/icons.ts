// The icons that only the player has.
import shapes from "virtual:player-icons";
import { drawn } from "../icons.ts";

/** `icons.mjs` has the same list. */
export type PlayerIcon =
  | "pause"
  | "replay"
  | "tokenBack"
  | "tokenOn"
  | "nodeBack"
  | "nodeOn"
  | "timeline"
  | "note"
  | "slow"
  | "silence";

export const playerIcon = (name: PlayerIcon): Node => drawn(shapes[name]);
