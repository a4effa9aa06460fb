// Runs in the measured page: mounts one of the two, waits until it is drawn, and feeds it once a frame.
// biome-ignore-all lint: a script of its own, outside js/

const frames = (count) =>
  new Promise((done) => {
    const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
    next();
  });

async function until(condition, limit = 60_000) {
  const begin = performance.now();
  while (!condition()) {
    if (performance.now() - begin > limit) {
      throw new Error(`nothing drawn in ${limit} ms: ${condition}`);
    }
    await frames(1);
  }
}

const count = (selector) => document.querySelectorAll(selector).length;

/** What anywidget gives a widget, with a kernel that has sent all it has. */
function fakeModel(traits) {
  const listeners = new Map();
  const on = (names, listener) => {
    for (const name of names.split(" ")) {
      listeners.set(name, [...(listeners.get(name) ?? []), listener]);
    }
  };
  const off = (name, listener) =>
    name ? listeners.set(name, (listeners.get(name) ?? []).filter((each) => each !== listener)) : listeners.clear();
  return {
    get: (name) => traits[name],
    set: (name, value) => {
      traits[name] = value;
    },
    save_changes: () => {},
    send: () => {},
    on,
    off,
    emit: (name, ...values) => {
      for (const listener of listeners.get(name) ?? []) {
        listener(...values);
      }
    },
  };
}

const own = {
  async mount(element, graph) {
    const module = await import(window.bundle);
    const definition = typeof module.default === "function" ? await module.default() : module.default;
    const runs = [{ id: "run-1", name: "Run 1", status: "running" }];
    const traits = { graph, form: null, title: "Benchmark", runs, shown: "run-1", nodes: {}, height: 760 };
    this.model = fakeModel(traits);
    const { signal } = new AbortController();
    await definition.initialize?.({ model: this.model, signal, experimental: {} });
    await definition.render({ model: this.model, el: element, signal, experimental: {} });
    this.begin = performance.now();
    this.seq = 0;
    this.graph = structuredClone(graph);
  },
  send(events) {
    const t = (performance.now() - this.begin) / 1000;
    this.model.emit("msg:custom", { kind: "frame", run: "run-1", events: events.map((event) => ({ seq: ++this.seq, t, ...event })) }, []);
  },
  start(ids) {
    // All in view, as the reference shows it; a large flow is else shown from its start.
    document.querySelector(".lfw-zoom button:last-child").click();
    const started_at = new Date().toISOString();
    this.send([{ kind: "run.started", run_id: "run-1", flow: "Benchmark", input: "x", started_at, graph: this.graph, format: 1 }]);
    this.send(ids.map((id) => ({ kind: "node.started", node: id, span: id, attempt: 1, input: "x" })));
  },
  push(ids, text) {
    const cuts = [text.length];
    this.send(ids.map((id) => ({ kind: "node.delta", node: id, span: id, channel: "text", text, cuts, dts: [0] })));
  },
  drawn: (nodes, edges) => count(".lfw-card") >= nodes && count(".lfw-edge") >= edges,
};

const reactFlow = (mode) => ({
  async mount(element, graph) {
    await import(window.bundle);
    this.changes = window.reactFlow.mount(element, graph, mode);
  },
  start(ids) {
    this.changes(ids.map((id) => ({ id, status: "running" })));
  },
  push(ids, text) {
    this.changes(ids.map((id) => ({ id, text })));
  },
  drawn: (nodes, edges) =>
    count('.react-flow__node:not([style*="visibility: hidden"])') >= nodes && count(".react-flow__edge") >= edges,
});

const stacks = { own, setNodes: reactFlow("setNodes"), store: reactFlow("store") };

window.bench = {
  /** From nothing (the bundle is not yet parsed) to every card and edge on the screen. */
  async paint(stack, graph) {
    const element = document.createElement("div");
    element.style.cssText = "width:1200px;height:760px";
    document.body.append(element);
    await stacks[stack].mount(element, graph);
    await until(() => stacks[stack].drawn(graph.nodes.length, graph.edges.length));
    await frames(3);
  },
  async start(stack, ids) {
    stacks[stack].start(ids);
    await frames(20);
  },
  /** Feeds for `seconds`, every node once a frame; the answer is how many frames there were. */
  async stream(stack, ids, seconds) {
    const end = performance.now() + 1000 * seconds;
    let fed = 0;
    while (performance.now() < end) {
      stacks[stack].push(ids, `word ${String(fed % 1000).padStart(4, "0")}, ${fed % 9 === 8 ? "\n" : ""}`);
      fed += 1;
      await frames(1);
    }
    return fed;
  },
};
