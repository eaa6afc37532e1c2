// This tab: its name, which stays through reloads, how many texts it has sent, and what it was left with.

// A page that is being reloaded gives its name back a moment after the next one asks for it.
const PATIENCE = 500;

const fresh = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export class Tab {
  #writer;
  #key;

  // Whoever else signs in in this tab has a name of their own, and removes nothing that was left under this one.
  constructor({ issue, writer, last }) {
    this.#writer = writer;
    this.#keyOf(issue);
    const kept = this.#read();
    this.name = kept.name ?? fresh();
    this.left = kept.left;
    this.turn = kept.turn ?? 0;
    if (last.tab === this.name) this.meet(last.turn);
    this.#write();
    this.claimed = this.#claim();
  }

  // The page goes on as that of an issue, which it has just begun.
  follow(issue) {
    this.#remove();
    this.#keyOf(issue);
    this.#write();
  }

  #keyOf(issue) {
    this.#key = `writing-${issue}-${this.#writer}`;
  }

  next() {
    this.turn += 1;
    this.#write();
    return this.turn;
  }

  // After a crash the browser may have forgotten the last few.
  meet(turn) {
    this.turn = Math.max(this.turn, turn);
  }

  // What the page that comes next in this tab goes on from, though nobody may have heard of it.
  leave(left) {
    this.#write({ left });
  }

  // A duplicated tab brings the name of the other along, which that one holds as long as it is open.
  async #claim() {
    if (await hold(this.name)) return;
    this.name = fresh();
    this.turn = 0;
    this.#write();
    await hold(this.name);
  }

  #read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key)) ?? {};
    } catch {
      return {};
    }
  }

  #remove() {
    try {
      sessionStorage.removeItem(this.#key);
    } catch {
      // Nothing was kept.
    }
  }

  #write(more = {}) {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify({ name: this.name, turn: this.turn, ...more }));
    } catch {
      // Where the browser keeps nothing for a tab, each page is a window of its own.
    }
  }
}

// Whether a tab of that name is open in this browser, as far as it can tell.
export async function isOpen(name) {
  const { held } = (await navigator.locks?.query()) ?? { held: [] };
  return held.some((lock) => lock.name === `writing-${name}`);
}

function hold(name) {
  if (!navigator.locks) return agree(name);
  return new Promise((resolve) => {
    const forever = () => new Promise(() => resolve(true));
    navigator.locks.request(`writing-${name}`, { signal: AbortSignal.timeout(PATIENCE) }, forever).catch(() => resolve(false));
  });
}

// Over plain HTTP there are no locks: whoever has the name says so.
function agree(name) {
  const channel = new BroadcastChannel(`writing-${name}`);
  return new Promise((resolve) => {
    channel.onmessage = ({ data }) => {
      if (data !== "mine") return channel.postMessage("mine");
      channel.close();
      return resolve(false);
    };
    channel.postMessage("whose?");
    setTimeout(() => resolve(true), PATIENCE);
  });
}
