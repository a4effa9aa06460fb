// What the dev page can show, by name.
import type { Event, Graph } from "../src/model/types.gen.ts";
import { agent, chain, empty, grid, parallel } from "./graphs.ts";
import { Script } from "./script.ts";

export interface Scenario {
  graph: Graph;
  events: Event[];
  form?: unknown;
  more?: { id: string; name: string; status: string }[];
}

const PROSE =
  "Entropy measures how surprised you expect to be. A fair coin has one bit of entropy, because both sides are " +
  "equally likely. A coin that always lands heads has zero bits: you learn nothing by looking.\n\n" +
  "**Two examples**\n\n- a fair die has about 2.58 bits\n- a loaded one has less\n\n" +
  "`H(X) = -Σ p log p` is the formula; see [Shannon 1948](https://example.org/shannon).";
const CJK =
  "熵衡量你预期会有多惊讶。一枚公平的硬币有一比特的熵，因为正反两面出现的可能性相同。总是正面朝上的硬币熵为零：看它不会让你学到任何东西。" +
  "エントロピーは、平均してどれだけ驚くかを測る量です。엔트로피는 평균적으로 얼마나 놀라는지를 재는 양이다. ".repeat(3);
const ERROR = {
  type: "RateLimitError",
  message: "Error code: 429 - Rate limit reached for gpt-4o-mini; please try again in 20 s.",
  traceback:
    'Traceback (most recent call last):\n  File "chain.py", line 12, in <module>\n    await model.ainvoke(x)\nopenai.RateLimitError: Error code: 429',
};
const TEXT_FORM = {
  kind: "text",
  fields: [{ name: "topic", title: "Topic", type: "text", required: true }],
  examples: ["What is entropy?", "Why is the sky blue?"],
  placeholder: "Ask something",
};
const USAGE = { input_tokens: 42, output_tokens: 96, total_tokens: 138 };

const upToModel = (text = PROSE) =>
  new Script(chain)
    .start("prompt", { input: { topic: "entropy" } })
    .wait(0.006)
    .finish("prompt", { output: "You are a patient tutor.\n\nQuestion: What is entropy?", duration: 0.006 })
    .start("model", { input: [{ type: "human", content: "What is entropy?" }] })
    .wait(0.4)
    .say("model", text);

const ended = (text = PROSE) => {
  const script = upToModel(text);
  script.finish("model", { output: { type: "ai", content: text }, usage: USAGE, duration: script.t - 0.006 });
  return script
    .start("parser", { input: { type: "ai", content: text } })
    .wait(0.001)
    .finish("parser", { output: text, duration: 0.001 })
    .add("log", { level: "info", message: "printed by a node", source: "stdout", node: "parser" })
    .add("run.finished", { output: text, usage: USAGE });
};

const failed = () =>
  new Script(chain)
    .start("prompt", { input: { topic: "entropy" } })
    .finish("prompt", { output: "Question: What is entropy?", duration: 0.006 })
    .start("model", { input: "What is entropy?" })
    .wait(0.4)
    .say("model", "Entropy measures how")
    .add("node.failed", { node: "model", span: "model", error: ERROR, duration: 0.8 })
    .add("node.skipped", { node: "parser", reason: "an earlier node failed" })
    .add("log", { level: "error", message: "the model refused", node: "model" })
    .add("run.failed", { error: ERROR, node: "model" });

const fallback = () => {
  const script = new Script(parallel)
    .start("retriever", { input: "entropy" })
    .wait(0.184)
    .finish("retriever", {
      output: [{ page_content: "Shannon (1948)" }, { page_content: "MacKay, ch. 2" }],
      duration: 0.184,
    })
    .start("joke/model", { input: "a joke" })
    .start("poem/model", { input: "a poem" })
    .wait(0.3)
    .say("joke/model", "Let me think about what is funny here.", { channel: "reasoning" })
    .say("poem/model", "Roses are")
    .add("node.failed", { node: "poem/model", span: "poem/model", error: ERROR, duration: 0.6 })
    .add("node.retracted", { node: "poem/model", span: "poem/model", reason: "a fallback follows" })
    .start("poem/model-2", { input: "a poem" })
    .wait(0.2)
    .say("joke/model", "Why did the bit cross the channel? To get to the other sign.")
    .say("poem/model-2", "Roses are red, entropy grows, what order we had, nobody knows.");
  return script;
};

const loop = () => {
  const script = new Script(agent).start("agent", {
    span: "a1",
    input: { messages: [{ type: "human", content: "2+2? and the tallest tower?" }] },
  });
  script.wait(0.4).say("agent", "I should look that up and calculate.", { span: "a1", channel: "reasoning" });
  script.say("agent", '{"query": "tallest tower"}', {
    span: "a1",
    channel: "tool_call",
    call: { index: 0, id: "c1", name: "search" },
  });
  script.say("agent", '{"a": 2, "b": 2}', {
    span: "a1",
    channel: "tool_call",
    call: { index: 1, id: "c2", name: "calculate" },
  });
  script.finish("agent", { span: "a1", usage: USAGE, duration: 1.2 });
  script
    .start("tools", { span: "t1" })
    .start("tools/search", { span: "s1", parent: "t1", input: { query: "tallest tower" } });
  script.start("tools/calculate", { span: "s2", parent: "t1", input: { a: 2, b: 2 } }).wait(0.01);
  script.finish("tools/calculate", { span: "s2", output: "4", duration: 0.01 });
  script.wait(0.6).finish("tools/search", { span: "s1", output: "Burj Khalifa, 828 m", duration: 0.61 });
  script.finish("tools", { span: "t1", duration: 0.61 });
  return script
    .start("agent", { span: "a2", input: { messages: 4 } })
    .wait(0.3)
    .say("agent", "2 + 2 is 4, and the tallest tower is the", { span: "a2" });
};

const waiting = (schema?: unknown) =>
  loop()
    .finish("agent", { span: "a2", duration: 1 })
    .start("ask", { span: "q", input: { draft: "…" } })
    .add("input.requested", {
      node: "ask",
      span: "q",
      request: "q1",
      prompt: "May I send this answer to the student?",
      ...(schema ? { schema } : {}),
    });

const many = (count: number) => {
  const script = new Script(grid(count));
  for (let i = 0; i < count; i += 1) {
    const node = `node-${i}`;
    if (i < count * 0.6) {
      script.start(node).finish(node, { output: `result ${i}` });
    } else if (i < count * 0.7) {
      script.start(node).say(node, `streaming from node ${i}, some words to see`);
    }
  }
  return script;
};

const of = (graph: Graph, script: Script | null, form: unknown = TEXT_FORM): Scenario => ({
  graph,
  events: script?.events ?? [],
  form,
});

const FORM = {
  kind: "fields",
  fields: [
    { name: "topic", title: "Topic", type: "text", required: true, description: "What the answer is about." },
    { name: "words", title: "Words", type: "integer", default: 100 },
    { name: "formal", title: "Formal", type: "boolean", default: false },
    { name: "tone", title: "Tone", type: "choice", choices: ["friendly", "dry", "poetic"], default: "friendly" },
    { name: "context", title: "Context", type: "json", default: { level: 1 } },
  ],
  examples: [{ topic: "Entropy", words: 80, formal: true, tone: "dry", context: {} }],
};

export const SCENARIOS: Record<string, () => Scenario> = {
  idle: () => of(chain, null),
  running: () => of(chain, upToModel()),
  ended: () => of(chain, ended()),
  failed: () => of(chain, failed()),
  cjk: () => of(chain, upToModel(CJK)),
  fallback: () => of(parallel, fallback()),
  loop: () => of(agent, loop()),
  waiting: () => of(agent, waiting()),
  choice: () => of(agent, waiting({ enum: ["approve", "reject"] })),
  boolean: () => of(agent, waiting({ type: "boolean" })),
  form: () => of(chain, null, FORM),
  empty: () => of(empty, null),
  many: () => of(grid(300), many(300)),
  thousand: () => of(grid(1000), many(1000)),
  several: () => ({
    ...of(chain, ended()),
    more: [
      { id: "run-8", name: "Why is the sky blue?", status: "failed" },
      { id: "run-9", name: "How big is the Earth?", status: "running" },
    ],
  }),
  watch: () => of(chain, upToModel(), null),
};
