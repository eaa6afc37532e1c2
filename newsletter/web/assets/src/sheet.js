// The live preview. The mail lies on a page of its own that runs no script and obeys none of the desk's styles;
// from one text to the next only what differs is exchanged, so nothing flashes and nothing scrolls away.

import { ask } from "./server.js";

const PAUSE = 30;
const DESKTOP = 680;

export class Sheet {
  #asked = false;
  #again = false;
  #stop = new AbortController();

  constructor({ manuscript, view, onFaults }) {
    this.manuscript = manuscript;
    this.view = view;
    this.onFaults = onFaults;
    this.frame = document.getElementById("sheet");
    this.text = document.getElementById("sheet-text");
    this.room = document.getElementById("sheet-room");
    this.frame.addEventListener("load", () => this.#show());
    new ResizeObserver(() => this.#fit()).observe(this.room);
    this.look(view);
  }

  // Something was typed. However fast, every answer is shown and the newest text asked for after it.
  changed() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.#show(), PAUSE);
  }

  look(view) {
    const barred = (name) => name === "images-off";
    const reload = barred(view) !== barred(this.view);
    this.view = view;
    this.frame.className = `sheet sheet-${view}`;
    delete this.frame.dataset.shown;
    this.frame.hidden = view === "text";
    this.text.hidden = view !== "text";
    this.#fit();
    // Whether a page may load pictures is settled when it comes.
    if (reload) this.frame.src = `${this.manuscript.form.dataset.sheet}?view=${view}`;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#asked = false;
    this.#show();
  }

  async #show() {
    if (this.#asked) {
      this.#again = true;
      return;
    }
    this.#asked = true;
    const { signal } = this.#stop;
    const words = this.manuscript.words();
    words.set("view", this.view);
    try {
      this.#lay(await ask(this.manuscript.form.dataset.preview, words, { signal }));
    } catch {
      return;
    }
    this.#asked = false;
    if (this.#again) {
      this.#again = false;
      this.#show();
    }
  }

  #lay(answer) {
    if (answer.status !== 200) return;
    this.onFaults(answer.faults);
    put("text-length", answer.length);
    const isStale = answer.subject === undefined;
    document.getElementById("mail-stale").hidden = !isStale;
    if (isStale) return;
    put("mail-subject", answer.subject);
    put("mail-preheader", answer.preheader);
    if (answer.html === null) this.text.textContent = answer.text;
    else exchange(this.frame.contentDocument, answer.html);
    // After the frame that shows it: what somebody waits for is the paint.
    requestAnimationFrame(() => setTimeout(() => this.#painted()));
  }

  #painted() {
    performance.mark("mail-shown");
    this.frame.dataset.shown = this.view;
  }

  #fit() {
    const scale = this.view === "desktop" ? Math.min(1, this.room.clientWidth / DESKTOP) : 1;
    this.frame.style.transform = scale < 1 ? `scale(${scale})` : "";
    this.frame.style.width = scale < 1 ? `${DESKTOP}px` : "";
    this.frame.style.maxWidth = scale < 1 ? "none" : "";
    this.room.classList.toggle("is-scaled", scale < 1);
  }
}

function exchange(sheet, html) {
  if (!sheet?.documentElement) return;
  const fresh = sheet.createElement("html");
  fresh.innerHTML = html;
  [sheet.head, sheet.body].forEach((part, place) => match(part, fresh.children[place]));
}

function match(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  matchChildren(old, [...old.childNodes], [...fresh.childNodes]);
}

function matchChildren(parent, old, fresh) {
  while (old.length && fresh.length && old[0].isEqualNode(fresh[0])) [old, fresh].forEach((nodes) => nodes.shift());
  const after = old.at(-1)?.nextSibling ?? null;
  let end = after;
  while (old.length && fresh.length && old.at(-1).isEqualNode(fresh.at(-1))) {
    end = old.pop();
    fresh.pop();
  }
  const both = Math.min(old.length, fresh.length);
  for (let place = 0; place < both; place += 1) match(old[place], fresh[place]);
  old.slice(both).forEach((node) => node.remove());
  fresh.slice(both).forEach((node) => parent.insertBefore(node, end));
}

function put(id, words) {
  document.getElementById(id).textContent = words;
}
