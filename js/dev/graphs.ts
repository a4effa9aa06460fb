// Graphs to look at, with positions as the kernel's layout would give them.
import type { Edge, Graph, Node, NodeType } from "../src/model/types.gen.ts";

type Given = Partial<Node> & { id: string; type: NodeType };

function at(x: number, y: number, node: Given): Node {
  const pill = node.type === "start" || node.type === "end";
  const size = pill ? { width: 64, height: 32 } : { width: 230, height: 132 };
  return { title: node.id, ...size, ...node, x, y };
}

const edge = (source: string, target: string, more: Partial<Edge> = {}): Edge => ({ source, target, ...more });

/** prompt, then model, then parser. */
export const chain: Graph = {
  nodes: [
    at(0, 0, {
      id: "prompt",
      type: "prompt",
      title: "Prompt",
      subtitle: "ChatPromptTemplate",
      params: { template: "Explain {topic} to a first-year student." },
    }),
    at(310, 0, {
      id: "model",
      type: "model",
      title: "gpt-4o-mini",
      subtitle: "ChatOpenAI",
      params: { temperature: 0.2, max_tokens: 512 },
    }),
    at(620, 0, { id: "parser", type: "parser", title: "Parser", subtitle: "StrOutputParser" }),
  ],
  edges: [edge("prompt", "model"), edge("model", "parser")],
};

/** Two branches, joined at named ports, with a fallback. */
export const parallel: Graph = {
  nodes: [
    at(0, 76, { id: "retriever", type: "retriever", title: "Retriever", subtitle: "InMemoryVectorStore" }),
    at(302, 0, { id: "joke/model", type: "model", title: "llama3", subtitle: "ChatOllama" }),
    at(302, 192, { id: "poem/model", type: "model", title: "gpt-4o-mini", subtitle: "ChatOpenAI" }),
    at(604, 244, { id: "poem/model-2", type: "model", title: "gpt-4.1-nano", subtitle: "ChatOpenAI" }),
    at(906, 96, {
      id: "parallel",
      type: "parallel",
      title: "Parallel",
      subtitle: "RunnableParallel",
      inputs: [{ name: "joke" }, { name: "poem" }],
    }),
    at(1208, 96, { id: "judge", type: "function", title: "judge", subtitle: "RunnableLambda" }),
  ],
  edges: [
    edge("retriever", "joke/model"),
    edge("retriever", "poem/model"),
    edge("poem/model", "poem/model-2", { kind: "fallback" }),
    edge("joke/model", "parallel", {
      target_port: "joke",
      points: [
        [604, 66],
        [834, 66],
      ],
    }),
    edge("poem/model", "parallel", {
      target_port: "poem",
      points: [
        [604, 204],
        [834, 204],
      ],
    }),
    edge("poem/model-2", "parallel", { target_port: "poem" }),
    edge("parallel", "judge"),
  ],
};

/** A LangGraph agent: pills, conditions, a loop, a frame of tools. */
export const agent: Graph = {
  nodes: [
    at(0, 101, { id: "__start__", type: "start", title: "start" }),
    at(130, 51, { id: "agent", type: "model", title: "Tutor", subtitle: "ChatOpenAI" }),
    at(440, 0, { id: "tools", type: "graph", title: "tools", subtitle: "ToolNode", width: 548, height: 190 }),
    at(459, 39, { id: "tools/search", type: "tool", title: "search", subtitle: "tool", parent: "tools" }),
    at(739, 39, { id: "tools/calculate", type: "tool", title: "calculate", subtitle: "tool", parent: "tools" }),
    at(440, 240, { id: "ask", type: "function", title: "ask_human", subtitle: "RunnableLambda" }),
    at(1060, 290, { id: "__end__", type: "end", title: "end" }),
  ],
  edges: [
    edge("__start__", "agent"),
    edge("agent", "tools", { kind: "conditional", label: "tools" }),
    edge("agent", "ask", { kind: "conditional", label: "unsure" }),
    edge("tools", "agent", {
      points: [
        [1006, 390],
        [112, 390],
      ],
    }),
    edge("ask", "__end__"),
    edge("agent", "__end__", {
      kind: "conditional",
      label: "done",
      points: [
        [440, 215],
        [988, 215],
      ],
    }),
  ],
};

const TYPES: NodeType[] = ["prompt", "model", "parser", "tool", "retriever", "function", "parallel", "branch"];

/** `count` nodes in a grid of chains. */
export function grid(count: number): Graph {
  const columns = Math.ceil(Math.sqrt(count * 0.6));
  const nodes = Array.from({ length: count }, (_, i) =>
    at((i % columns) * 310, Math.floor(i / columns) * 172, {
      id: `node-${i}`,
      type: TYPES[i % TYPES.length] ?? "node",
      title: `Step ${i + 1} of the flow`,
      subtitle: "RunnableLambda",
    }),
  );
  const edges = nodes.flatMap((_, i) =>
    (i + 1) % columns && i + 1 < count ? [edge(`node-${i}`, `node-${i + 1}`)] : [],
  );
  return { nodes, edges };
}

export const empty: Graph = { nodes: [], edges: [] };
