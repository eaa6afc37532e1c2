// Who else writes here: other tabs of this browser at once, everybody else by asking every few seconds.

import { ask } from "./server.js";
import { setText } from "./fields.js";

const EVERY = 5000;
const IDLE = 15 * 60_000;
const HERE_TOO = "You have this issue open in another window too.";

export class Presence {
  #tabs = new Set();
  #message = "";
  #lastTouch = Date.now();

  constructor({ manuscript, tab, heard, signedOut, gone }) {
    Object.assign(this, { manuscript, tab, heard, signedOut, gone });
    this.place = document.getElementById("presence");
    for (const kind of ["keydown", "pointerdown", "focus"]) addEventListener(kind, () => this.#touched());
    document.addEventListener("visibilitychange", () => this.hello());
    setInterval(() => this.hello(), EVERY);
    if (manuscript.isBegun) this.start();
  }

  // There is an issue now, which others can write on.
  async start() {
    const { tab } = this;
    this.channel = new BroadcastChannel(`writing-${this.manuscript.name}`);
    this.channel.addEventListener("message", ({ data }) => this.#receive(data));
    addEventListener("pagehide", () => this.channel.postMessage({ kind: "bye", tab: tab.name }));
    await tab.claimed;
    this.channel.postMessage({ kind: "hello", tab: tab.name });
    this.hello();
  }

  get tabs() {
    return [...this.#tabs];
  }

  saved() {
    this.channel.postMessage({ kind: "saved", tab: this.tab.name });
  }

  // A window that nobody looks at does not count as presence, and keeps no session alive.
  async hello() {
    if (!this.manuscript.isBegun || document.hidden || Date.now() - this.#lastTouch > IDLE) return undefined;
    await this.tab.claimed;
    const words = new URLSearchParams({ tab: this.tab.name });
    for (const name of ["issue", "base"]) words.set(name, this.manuscript.get(name));
    const answer = await ask(this.manuscript.form.dataset.hello, words);
    if (answer.status === 200) this.heard(answer);
    else if (answer.status === 401) this.signedOut();
    else if (answer.status === 404) this.gone();
    return answer.status;
  }

  show(message) {
    this.#message = message;
    const words = this.#tabs.size && !message.includes(HERE_TOO) ? `${message} ${HERE_TOO}`.trim() : message;
    setText(this.place, words);
    this.place.hidden = !words;
  }

  #touched() {
    const wasIdle = Date.now() - this.#lastTouch > IDLE;
    this.#lastTouch = Date.now();
    if (wasIdle) this.hello();
  }

  #receive({ kind, tab }) {
    if (kind === "hello") this.channel.postMessage({ kind: "here", tab: this.tab.name });
    if (kind === "bye") this.#tabs.delete(tab);
    else this.#tabs.add(tab);
    if (kind === "saved") this.hello();
    this.show(this.#message.replace(HERE_TOO, "").trim());
  }
}
