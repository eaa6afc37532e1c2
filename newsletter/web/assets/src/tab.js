// This tab: its name, which stays through reloads, how many texts it has sent, and what it was left with.

// A tab that has the name holds its lock, and says so. One that hangs with it says nothing; and where there are no locks,
// over plain HTTP, a name of which nobody says anything is free.
const PATIENCE = navigator.locks ? 10_000 : 500;

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

  // A duplicated tab brings along the name of the other.
  #claim() {
    return take(this.name, () => {
      this.name = fresh();
      this.turn = 0;
      this.#write();
      return this.#claim();
    });
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

// The names of those that are open in this browser, as far as it can tell.
export async function openTabs() {
  const { held } = (await navigator.locks?.query()) ?? { held: [] };
  return held.map((lock) => lock.name.replace(/^writing-/, ""));
}

// Resolves once the name is this tab's, or the one that it took instead: `another` is called when somebody else has it,
// however late they say so.
function take(name, another) {
  const channel = new BroadcastChannel(`writing-${name}`);
  const waiting = new AbortController();
  return new Promise((resolve) => {
    const giveUp = () => {
      clearTimeout(patience);
      channel.close();
      waiting.abort();
      resolve(another());
    };
    const patience = setTimeout(navigator.locks ? giveUp : resolve, PATIENCE);
    const holdForever = () => {
      clearTimeout(patience);
      resolve();
      return new Promise(() => {});
    };
    channel.onmessage = ({ data }) => (data === "mine" ? giveUp() : channel.postMessage("mine"));
    channel.postMessage("whose?");
    navigator.locks?.request(`writing-${name}`, { signal: waiting.signal }, holdForever).catch(() => {});
  });
}
