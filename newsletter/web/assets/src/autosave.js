// Keeping what is typed: on this device at once, on the server at every pause, as a revision on saving.

import * as device from "./device.js";
import { ask } from "./server.js";

const PAUSE = 1200;
const LONGEST = 10_000;
const RETRY = 4000;
const ON_DEVICE = 250;
// What a browser sends for a page that is being closed.
const LAST_WORD = 60_000;
// How long the next page waits for what was typed on this one: as long as a slow server takes.
const LEAVING = 10_000;

export class Autosave {
  #asking = false;
  // What is asked next, and what stands still until there is a session or a connection again.
  #wanted = "";
  #stands = "";
  #timer;
  #since = 0;

  // The newest revision that the server has merged in, or could not.
  #seen = 0;

  #beginning;

  // What the server had when the next page was asked for.
  #stored;

  constructor({ manuscript, tab, showState, heard, begun, overlap, signedOut, gone }) {
    Object.assign(this, { manuscript, tab, showState, heard, begun, overlap, signedOut, gone });
    this.known = manuscript.typed();
    this.suspended = false;
    addEventListener("online", () => this.#stands && this.resume());
    addEventListener("beforeunload", () => (this.#stored = this.known));
    addEventListener("pagehide", () => this.#close());
    document.addEventListener("visibilitychange", () => document.hidden && this.#soon(0));
  }

  get issue() {
    return this.manuscript.name;
  }

  get isKept() {
    return this.manuscript.typed() === this.known;
  }

  changed() {
    this.#since ||= Date.now();
    this.#onDevice();
    this.#soon(Date.now() - this.#since > LONGEST ? 0 : PAUSE);
  }

  // What this tab was left with a moment ago, or when the browser fell; unless the page that came has it already.
  takeUp(left, last) {
    if (left.writer !== this.manuscript.form.dataset.writer) return;
    const arrived = last.tab === this.tab.name && last.turn >= left.turn;
    if (arrived || left.typed === this.known) {
      this.forget();
      return;
    }
    this.restore(left);
    this.#soon(0);
  }

  // What this tab left on the device is needed no more.
  forget() {
    return device.remove({ issue: this.issue, tab: this.tab.name });
  }

  restore(text) {
    this.manuscript.set("base", text.base);
    this.manuscript.set("draft", text.draft ?? 0);
    this.known = text.known;
    this.manuscript.fill(text.typed);
  }

  // Something was written elsewhere: it comes in now, unless something typed here is about to fetch it anyway.
  hear({ draft, revision, open }) {
    const known = Math.max(this.#seen, Number(this.manuscript.get("base")));
    const isNews = draft !== Number(this.manuscript.get("draft")) || revision > known;
    if (open && isNews && this.isKept && !this.suspended && !this.#asking) this.#ask("keep");
  }

  save() {
    this.suspended = false;
    if (!this.manuscript.isBegun && this.isKept) return this.showState("There is nothing to save yet. Write something first.");
    return this.#ask("save");
  }

  // Go on with whatever stood still: the session is there again, or the two texts are one.
  resume() {
    this.suspended = false;
    return this.#ask(this.#stands || "keep");
  }

  // Before another page of the desk is opened, so that it shows what was typed here: by the time a page hears that it
  // is being closed, the next one has already been made.
  async leave() {
    if (this.suspended || (!this.manuscript.isBegun && this.isKept)) return;
    this.showState("Saving…");
    await Promise.race([this.#leave(), new Promise((resolve) => setTimeout(resolve, LEAVING))]);
  }

  async #leave() {
    const begun = await this.begin();
    if (begun.status !== 201) return;
    const typed = this.manuscript.typed();
    const answer = await ask(this.manuscript.form.dataset.leave, this.#withKnown(this.#words()));
    if (answer.status === 204) this.known = typed;
  }

  // Resolves to an answer with status 201 once there is an issue: the first save of an empty page creates it.
  begin() {
    if (this.manuscript.isBegun) return Promise.resolve({ status: 201 });
    this.#beginning ??= this.#begin().finally(() => (this.#beginning = undefined));
    return this.#beginning;
  }

  async #begin() {
    await this.tab.claimed;
    const answer = await ask(this.manuscript.form.dataset.begin, this.#words());
    if (answer.status !== 201) return answer;
    this.forget();
    this.manuscript.set("issue", answer.issue);
    this.tab.follow(answer.issue);
    this.begun();
    return answer;
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

  #copied(turn = this.tab.turn + 1) {
    const { manuscript, issue, known } = this;
    const [base, draft] = ["base", "draft"].map((name) => manuscript.get(name));
    const { writer } = manuscript.form.dataset;
    const page = manuscript.get("page");
    return { issue, page, tab: this.tab.name, turn, writer, at: Date.now(), base, draft, known, typed: manuscript.typed() };
  }

  async #ask(act) {
    this.#wanted = [act, this.#wanted, this.#stands].includes("save") ? "save" : act;
    if (this.#asking) return;
    this.#asking = true;
    await this.tab.claimed;
    const wanted = this.#wanted;
    this.#wanted = this.#stands = "";
    const begun = await this.begin();
    if (begun.status === 201) await this.#send(wanted);
    else {
      this.#asking = false;
      this.#take(wanted, {}, begun);
    }
    if (this.#wanted) this.#ask(this.#wanted);
  }

  async #send(wanted) {
    const typed = this.manuscript.typed();
    const body = this.manuscript.sent();
    const words = this.#words();
    let answer = await ask(this.manuscript.form.dataset[wanted], words);
    if (answer.ask) answer = await ask(this.manuscript.form.dataset[wanted], this.#withKnown(words));
    this.#asking = false;
    if (answer.turn > Number(words.get("turn"))) this.#again(wanted, answer.turn);
    else this.#take(wanted, { typed, body }, answer);
  }

  #words() {
    const words = this.manuscript.words();
    words.set("tab", this.tab.name);
    words.set("turn", this.tab.next());
    return words;
  }

  // With the text that this window last had in common with the server; nothing but its revision, if that is forgotten.
  #withKnown(words) {
    words.set("before", this.known ? `base=${this.manuscript.get("base")}&${this.known}` : "");
    return words;
  }

  #again(wanted, turn) {
    this.tab.meet(turn);
    this.#wanted ||= wanted;
  }

  #take(wanted, sent, answer) {
    if (answer.draft !== undefined && (answer.status !== 409 || answer.kept)) this.#adopt(sent, answer);
    if (answer.status === 200) this.showState(answer.said);
    else if (answer.status === 422) this.showState(answer.fault, answer.faults);
    else if (answer.status === 409 && answer.overlap) this.overlap(answer);
    else if (answer.status === 401) this.#stand(wanted, this.signedOut);
    else if (answer.status === 404) this.gone();
    else if (answer.status && answer.status < 500) this.showState(answer.fault ?? "It could not be saved. Your text is on this device.");
    else this.#offline(wanted);
  }

  #adopt({ typed, body }, answer) {
    const isAsSent = this.manuscript.typed() === typed;
    this.manuscript.set("base", answer.base);
    this.manuscript.set("draft", answer.draft);
    this.#seen = answer.revision;
    this.known = typed;
    if (answer.form) this.known = this.manuscript.takeIn(answer.form, new URLSearchParams(typed), body);
    if (answer.form && isAsSent) this.known = this.manuscript.typed();
    this.#since = 0;
    if (this.isKept) this.forget();
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
    this.showState("Offline: kept on this device. It goes on by itself when the connection is back.");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.resume(), RETRY);
  }

  #close() {
    const { isBegun } = this.manuscript;
    if (!isBegun && this.isKept) return;
    const words = this.#words();
    const turn = Number(words.get("turn"));
    if (this.isKept) {
      words.delete("body");
      // The next page may have been made just before the server got this text.
      if ((this.#stored ?? this.known) !== this.known) this.tab.leave(this.#copied(turn - 1));
    } else {
      this.tab.leave(this.#copied(turn));
      device.put(this.#copied(turn));
      this.#withKnown(words);
      if (words.toString().length > LAST_WORD) words.delete("before");
      if (words.toString().length > LAST_WORD) words.delete("body");
    }
    if (isBegun || words.has("body")) navigator.sendBeacon(this.manuscript.form.dataset[isBegun ? "leave" : "begin"], words);
  }
}
