// React Flow drawing the same cards, fed in the two ways its users feed it: a new `nodes` array at every change
// (`setNodes`, what its documentation shows), and a store per node that leaves the array alone.
import { Background, Controls, ReactFlow, useNodesState } from "@xyflow/react";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import { flushSync } from "react-dom";
import "@xyflow/react/dist/style.css";
import "./cards.css";
import { Card, StoredCard } from "./card.jsx";
import { createStore } from "./store.js";

const MODES = { setNodes: { card: Card }, store: { card: StoredCard } };

function Flow({ nodes: initial, edges, feed, types }) {
  const [nodes, setNodes, onNodesChange] = useNodesState(initial);
  useEffect(() => {
    feed.setNodes = setNodes;
  }, [feed, setNodes]);
  return (
    <ReactFlow
      defaultEdges={edges}
      fitView
      minZoom={0.05}
      nodes={nodes}
      nodesConnectable={false}
      nodeTypes={types}
      onNodesChange={onNodesChange}
    >
      <Background />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

const asNode = (node, store) => ({
  id: node.id,
  type: "card",
  position: { x: node.x, y: node.y },
  width: node.width,
  height: node.height,
  data: { ...node, status: "idle", text: "", tokens: 0, store: store?.of(node.id) },
});

const asEdge = ({ source, target }) => ({ id: `${source}>${target}`, source, target });

/** Draws `graph` in `element`; the answer is `push([{id, status?, text?}])`, one call a frame. */
function mount(element, graph, mode) {
  const store = mode === "store" ? createStore() : undefined;
  const feed = {};
  const nodes = graph.nodes.map((node) => asNode(node, store));
  flushSync(() =>
    createRoot(element).render(
      <Flow edges={graph.edges.map(asEdge)} feed={feed} nodes={nodes} types={MODES[mode]} />,
    ),
  );
  if (store) {
    return (changes) => store.push(changes);
  }
  return (changes) => {
    const byId = new Map(changes.map((change) => [change.id, change]));
    feed.setNodes((now) =>
      now.map((node) => {
        const change = byId.get(node.id);
        return change ? { ...node, data: grown(node.data, change) } : node;
      }),
    );
  };
}

const grown = (data, { status = data.status, text }) =>
  text === undefined
    ? { ...data, status }
    : { ...data, status, text: data.text + text, tokens: data.tokens + 1 };

window.reactFlow = { mount };
