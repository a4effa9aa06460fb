// One small store per node: text grows without React rendering anything but the card's counters.

/** A card subscribes to `counters` (status, tokens) through React and takes the text as it comes. */
export function createStore() {
  const cells = new Map();
  const of = (id) => {
    if (!cells.has(id)) {
      cells.set(id, createCell());
    }
    return cells.get(id);
  };
  return {
    of,
    push: (changes) => {
      for (const change of changes) {
        of(change.id).change(change);
      }
    },
  };
}

function createCell() {
  let counters = { status: "idle", tokens: 0 };
  const listeners = new Set();
  const cell = {
    append: undefined,
    counters: () => counters,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    change: ({ status = counters.status, text }) => {
      counters = { status, tokens: counters.tokens + (text === undefined ? 0 : 1) };
      if (text !== undefined) {
        cell.append?.(text);
      }
      for (const listener of listeners) {
        listener();
      }
    },
  };
  return cell;
}
