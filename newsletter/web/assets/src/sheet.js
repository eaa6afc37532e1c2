// The live preview: asks for the mail of what is typed, and shows it in the view that was chosen.

import { FramePane, TextPane } from "./pane.js";
import { ask } from "./server.js";

const PAUSE = 30;
const DESKTOP = 680;

export class Sheet {
  #asked = false;
  #again = false;
  #stop = new AbortController();
  #panes;

  // `onAsk`, `onAnswer`: the mail is asked for, and there; `onShow`: it is shown, or shown anew.
  constructor({ manuscript, view, onFaults, onAsk, onAnswer, onShow, onPick }) {
    Object.assign(this, { manuscript, view, onFaults, onAsk, onAnswer, onShow });
    const at = (id) => document.getElementById(id);
    const told = { onPick, onArrival: () => this.#shown(), onResize: () => onShow() };
    this.room = at("sheet-room");
    this.#panes = {
      mail: new FramePane(at("sheet"), told),
      wide: new FramePane(at("sheet-wide"), told),
      text: new TextPane(at("sheet-text"), told),
    };
    this.look(view);
  }

  // Something was typed. However fast, every answer is shown and the newest text asked for after it.
  changed() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.#show(), PAUSE);
  }

  // What is in sight; on a wide screen two of them.
  panes() {
    const { mail, wide, text } = this.#panes;
    return this.view === "text" ? [text] : this.view === "both" ? [mail, wide] : [mail];
  }

  look(view) {
    const barred = (name) => name === "images-off";
    const reload = barred(view) !== barred(this.view);
    this.view = view;
    const { mail, wide, text } = this.#panes;
    const isBoth = view === "both";
    this.room.classList.toggle("is-both", isBoth);
    mail.look({ name: isBoth ? "phone" : view, width: view === "desktop" ? DESKTOP : 0 });
    wide.look({ name: "desktop", width: DESKTOP });
    mail.element.parentElement.hidden = view === "text";
    wide.element.parentElement.hidden = !isBoth;
    text.element.hidden = view !== "text";
    text.begin();
    // Whether a page may load pictures is settled when it comes.
    if (reload) this.#load(mail, view);
    if (isBoth && !wide.element.src) this.#load(wide, "desktop");
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#asked = false;
    this.#show();
  }

  // There is an issue now, whose mail can be shown.
  begin() {
    document.getElementById("mail-waits").hidden = true;
    const { mail, wide } = this.#panes;
    this.#load(mail, ["both", "text"].includes(this.view) ? "phone" : this.view);
    if (this.view === "both") this.#load(wide, "desktop");
    this.#show();
  }

  #load(pane, view) {
    if (this.manuscript.isBegun) pane.load(`${this.manuscript.form.dataset.sheet}?view=${view}`);
  }

  async #show() {
    if (!this.manuscript.isBegun) return;
    if (this.#asked) {
      this.#again = true;
      return;
    }
    this.#asked = true;
    const { signal } = this.#stop;
    const words = this.manuscript.words();
    words.set("view", this.view);
    this.onAsk();
    let answer;
    try {
      answer = await ask(this.manuscript.form.dataset.preview, words, { signal });
    } catch {
      return;
    }
    this.#lay(answer);
    this.#asked = false;
    if (this.#again) {
      this.#again = false;
      this.#show();
    }
  }

  #lay(answer) {
    if (answer.status !== 200) return;
    this.onFaults(answer.faults, answer);
    put("text-length", answer.length);
    const isStale = answer.subject === undefined;
    document.getElementById("mail-stale").hidden = !isStale;
    if (isStale) return;
    put("mail-subject", answer.subject);
    put("mail-preheader", answer.preheader);
    this.onAnswer();
    this.panes().forEach((pane) => pane.show(answer));
    this.#shown();
  }

  // Jumps to the part of the text that stands at the top of the mail.
  pickTop() {
    this.panes()[0].pickTop();
  }

  #shown() {
    this.onShow();
    // After the frame that shows it: what somebody waits for is the paint.
    requestAnimationFrame(() => setTimeout(() => this.#painted()));
  }

  #painted() {
    if (!this.panes().every((pane) => pane.isLoaded)) return;
    performance.mark("mail-shown");
    this.#panes.mail.element.dataset.shown = this.view;
  }
}

function put(id, words) {
  document.getElementById(id).textContent = words;
}
