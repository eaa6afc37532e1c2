// Keeping what is typed: on this device at once, on the server at every pause, as a revision on saving.

import * as device from "./device.js";
import { ask } from "./server.js";

const PAUSE = 1200;
const LONGEST = 10_000;
const RETRY = 4000;
const ON_DEVICE = 250;
// What a browser sends for a page that is being closed.
const LAST_WORD = 60_000;

export class Keeper {
  #asking = false;
  // What is asked next, and what stands still until there is a session or a connection again.
  #wanted = "";
  #stands = "";
  #timer;
  #since = 0;

  constructor({ manuscript, tab, told, heard, conflict, signedOut, gone }) {
    Object.assign(this, { manuscript, tab, told, heard, conflict, signedOut, gone });
    this.known = manuscript.typed();
    this.suspended = false;
    addEventListener("online", () => this.#stands && this.resume());
    addEventListener("pagehide", () => this.#leave());
  }

  get issue() {
    return this.manuscript.get("issue");
  }

  get isKept() {
    return this.manuscript.typed() === this.known;
  }

  changed() {
    this.#since ||= Date.now();
    this.#onDevice();
    this.#soon(Date.now() - this.#since > LONGEST ? 0 : PAUSE);
  }

  save() {
    this.suspended = false;
    return this.#ask("save");
  }

  // Go on with whatever stood still: the session is there again, or the two texts are one.
  resume() {
    this.suspended = false;
    return this.#ask(this.#stands || "keep");
  }

  #soon(pause) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.suspended || this.isKept || this.#ask("keep"), pause);
  }

  #onDevice() {
    this.copy ??= setTimeout(() => {
      this.copy = undefined;
      if (!this.isKept) device.put(this.#copied());
    }, ON_DEVICE);
  }

  #copied() {
    const { manuscript, issue, tab } = this;
    const writer = manuscript.form.dataset.writer;
    return { issue, tab, writer, at: Date.now(), base: manuscript.get("base"), typed: manuscript.typed() };
  }

  async #ask(act) {
    this.#wanted = [act, this.#wanted, this.#stands].includes("save") ? "save" : act;
    if (this.#asking) return;
    this.#asking = true;
    const wanted = this.#wanted;
    this.#wanted = this.#stands = "";
    const typed = this.manuscript.typed();
    const answer = await ask(this.manuscript.form.dataset[wanted], this.manuscript.words());
    this.#asking = false;
    this.#take(wanted, typed, answer);
    if (this.#wanted) this.#ask(this.#wanted);
  }

  #take(wanted, typed, answer) {
    if (answer.draft !== undefined && (answer.status !== 409 || answer.kept)) this.#adopt(typed, answer);
    if (answer.status === 200) this.told(answer.said);
    else if (answer.status === 422) this.told(answer.fault, answer.faults);
    else if (answer.status === 409 && answer.theirs !== undefined) this.conflict(answer);
    else if (answer.status === 401) this.#stand(wanted, this.signedOut);
    else if (answer.status === 404) this.gone();
    else if (answer.status && answer.status < 500) this.told(answer.fault ?? "It could not be kept. Your text is on this device.");
    else this.#offline(wanted);
  }

  #adopt(typed, answer) {
    this.manuscript.set("base", answer.base);
    this.manuscript.set("draft", answer.draft);
    this.known = typed;
    this.#since = 0;
    if (this.isKept) device.remove(this);
    else this.changed();
    this.heard(answer);
  }

  #stand(wanted, ask) {
    this.#stands = wanted;
    this.suspended = true;
    device.put(this.#copied());
    ask(wanted);
  }

  #offline(wanted) {
    this.#stands = wanted;
    device.put(this.#copied());
    this.told("Offline: kept on this device. It goes on by itself when the connection is back.");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.resume(), RETRY);
  }

  #leave() {
    const words = this.manuscript.words();
    if (this.isKept || words.toString().length > LAST_WORD) words.delete("body");
    if (!this.isKept) device.put(this.#copied());
    navigator.sendBeacon(this.manuscript.form.dataset.leave, words);
  }
}
