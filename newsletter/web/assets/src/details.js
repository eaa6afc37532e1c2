// The details above the text: the line that they fold into, what the text proposes for them, and when they open.

import { setText } from "./fields.js";

export class Details {
  #faulty = "";

  constructor(form) {
    this.form = form;
    this.part = document.getElementById("details");
    this.line = document.getElementById("details-line");
    this.part.addEventListener("click", (event) => {
      const button = event.target.closest("[name=take]");
      if (!button) return;
      event.preventDefault();
      this.#take(button.value);
    });
  }

  // As the server words it for what is typed.
  show({ details, proposals }) {
    [details.title, details.rest].forEach((words, place) => setText(this.line.children[place], words));
    for (const [name, words] of Object.entries(proposals)) {
      const place = document.getElementById(`${name}-proposal`);
      place.hidden = !words;
      place.querySelector("q").textContent = words;
    }
  }

  // A fault opens them once; who folds them again has seen it.
  complain(faults) {
    const faulty = faults.map(({ field }) => field).filter((name) => name && this.part.querySelector(`#${name}-fault`)).join(" ");
    if (faulty && faulty !== this.#faulty) this.part.open = true;
    this.#faulty = faulty;
  }

  // Only into a field in which nothing was typed.
  #take(name) {
    const field = this.form.elements[name];
    const place = document.getElementById(`${name}-proposal`);
    if (!field.value.trim()) {
      field.value = place.querySelector("q").textContent;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    place.hidden = true;
    field.focus();
  }
}
