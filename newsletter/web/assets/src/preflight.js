// Preflight of what is typed: asked for at each pause, so that a fault is seen while its words are still at hand.

import { ask } from "./server.js";

const PAUSE = 700;

export class Preflight {
  #asked = 0;

  constructor({ manuscript, onJump }) {
    this.manuscript = manuscript;
    this.part = document.getElementById("write-preflight");
    this.part.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-field]");
      if (!link) return;
      event.preventDefault();
      onJump(link.dataset.field, Number(link.dataset.line));
    });
    this.#look();
  }

  changed() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.#look(), PAUSE);
  }

  async #look() {
    this.part.hidden = !this.manuscript.isBegun;
    if (this.part.hidden) return;
    const turn = ++this.#asked;
    const answer = await ask(this.part.dataset.preflight, this.manuscript.words());
    if (answer.status !== 200 || turn !== this.#asked) return;
    const room = document.getElementById("write-findings");
    const open = [...room.querySelectorAll("details")].map((part) => part.open);
    room.innerHTML = answer.html;
    room.querySelectorAll("details").forEach((part, place) => (part.open = open[place] ?? false));
    const sum = room.querySelector(".findings-sum, .all-well");
    this.part.querySelector("summary .count").textContent = sum ? [...sum.childNodes].map((part) => part.textContent.trim()).filter(Boolean).join(", ") : "";
  }
}
