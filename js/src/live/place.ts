// Where the page is: what it shows, where that comes from, and the token that opens it. All of it stands in its address.

export interface Place {
  /** Address of the page without query and fragment. */
  readonly url: string;
  readonly kind: "runs" | "flows";
  readonly name: string;
  /** From the fragment, which a browser sends to nobody. */
  readonly token: string;
}

export function placeOf({ origin, pathname, hash }: Pick<Location, "origin" | "pathname" | "hash">): Place {
  const path = pathname.replace(/\/$/, "");
  const [kind = "", name = ""] = path.split("/").slice(-2);
  return { url: origin + path, kind: kind === "flows" ? "flows" : "runs", name, token: hash.slice(1) };
}

export const socketOf = ({ url }: Place): string => `${url.replace(/^http/, "ws")}/stream`;
export const eventsOf = ({ url }: Place): string => `${url}/events`;
