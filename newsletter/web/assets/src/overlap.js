// Two texts that changed the same passage: the merged text, and a choice wherever they did, until both are one.

import { ask } from "./server.js";

export class Overlap {
  constructor({ manuscript, tab, onLater, onOne }) {
    Object.assign(this, { manuscript, tab, onOne });
    this.dialog = document.getElementById("ask-both");
    this.place = document.getElementById("both");
    this.dialog.addEventListener("close", onLater);
    this.dialog.querySelector("[value=later]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.#save(event.target);
    });
  }

  open(answer) {
    const { body } = new DOMParser().parseFromString(answer.overlap, "text/html");
    this.place.replaceChildren(...body.children);
    if (!this.dialog.open) this.dialog.showModal();
  }

  async #save(form) {
    const words = new URLSearchParams(new FormData(form));
    words.set("tab", this.tab.name);
    words.set("turn", this.tab.next());
    const answer = await ask(this.manuscript.form.dataset.save, words);
    if (answer.overlap) this.open(answer);
    // Where something is still to be mended, the text that was put together is a draft, and the page says what.
    else if (answer.status === 200 || answer.status === 422) this.onOne(answer);
    else form.querySelector("[role=alert]").textContent = answer.fault ?? "It could not be saved just now. Nothing is lost; try again.";
  }
}
