// The card: icon and stripe, title, elapsed, status glyph and word, tokens, progress line, the tail of the stream.
import { Handle, Position } from "@xyflow/react";
import { memo, useEffect, useRef, useSyncExternalStore } from "react";

const TAIL = 400;
const GLYPHS = { idle: "○", running: "●", finished: "✓" };

function Frame({ title, subtitle, type, status, tokens, children }) {
  return (
    <div className="card" data-status={status} data-type={type}>
      <Handle position={Position.Left} type="target" />
      <div className="stripe" />
      <div className="head">
        <svg aria-hidden="true" className="icon" viewBox="0 0 24 24">
          <rect height="18" rx="2" width="18" x="3" y="3" />
          <path d="M8 12h8M12 8v8" />
        </svg>
        <span className="title">{title}</span>
        <span className="elapsed">{status === "idle" ? "" : "0.0 s"}</span>
      </div>
      <div className="row">
        <span className="glyph">{GLYPHS[status]}</span>
        <span className="status">{status}</span>
        <span className="subtitle">{subtitle}</span>
        <span className="tokens">{tokens ? `${tokens} tok` : ""}</span>
      </div>
      <div className="progress" />
      {children}
      <Handle position={Position.Right} type="source" />
    </div>
  );
}

/** Everything through props: what `setNodes` re-renders. */
export const Card = memo(({ data }) => (
  <Frame {...data}>
    <div className="body">{data.text.slice(-TAIL)}</div>
  </Frame>
));

/** Counters through the node's store; the text goes straight into the DOM, cut to its tail. */
export const StoredCard = memo(({ data }) => {
  const counters = useSyncExternalStore(data.store.subscribe, data.store.counters);
  const body = useRef(null);
  useEffect(() => {
    const text = document.createTextNode("");
    body.current.append(text);
    data.store.append = (more) => {
      text.data = (text.data + more).slice(-TAIL);
    };
  }, [data.store]);
  return (
    <Frame {...data} {...counters}>
      <div className="body" ref={body} />
    </Frame>
  );
});
