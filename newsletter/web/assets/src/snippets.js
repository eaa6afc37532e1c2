// The publication's snippets: those that the page lists, and the dialog that saves another.

import { mark } from "./fields.js";
import { ask } from "./server.js";

const list = document.getElementById("snippets");

// As they stand on the page.
export function snippets() {
  return [...list.querySelectorAll("li")].map((item) => ({ name: item.dataset.name, text: item.querySelector("pre").textContent }));
}

export class SnippetDialog {
  constructor({ manuscript, editor, announce }) {
    Object.assign(this, { manuscript, editor, announce });
    this.dialog = document.getElementById("ask-snippet");
    this.fields = { name: document.getElementById("snippet-name"), text: document.getElementById("snippet-text") };
    this.dialog.querySelector("form").addEventListener("submit", (event) => this.#answered(event));
    this.dialog.addEventListener("close", () => this.editor.view.focus());
  }

  // With what is selected; without a selection what was typed here before stays.
  open() {
    const selected = this.editor.selected();
    if (selected.trim()) this.fields.text.value = selected;
    this.#complain({});
    this.dialog.showModal();
    this.fields.name.focus();
  }

  async #answered(event) {
    if (event.submitter?.value === "cancel") return;
    event.preventDefault();
    const { name, text } = this.fields;
    const body = new URLSearchParams({ name: name.value, text: text.value });
    const publication = this.manuscript.form.elements.publication;
    if (publication) body.set("publication", publication.value);
    const answer = await ask(this.manuscript.form.dataset.snippets, body);
    if (answer.status === 201) this.#saved(answer);
    else this.#complain(answer.faults ?? { text: answer.fault ?? "It could not be saved. Check the connection, and try again." });
  }

  #saved(snippet) {
    const item = document.createElement("li");
    item.dataset.name = snippet.name;
    const name = Object.assign(document.createElement("span"), { className: "form-label", dir: "auto", textContent: snippet.name });
    const text = Object.assign(document.createElement("pre"), { className: "snippet-text", dir: "auto", textContent: snippet.text });
    item.append(name, text);
    list.querySelector("ul").append(item);
    list.hidden = false;
    for (const field of Object.values(this.fields)) field.value = "";
    this.dialog.close();
    this.announce(`The snippet “${snippet.name}” is saved. Type / on a new line to put it in.`);
  }

  #complain(faults) {
    for (const [name, field] of Object.entries(this.fields)) {
      document.getElementById(`snippet-${name}-fault`).textContent = faults[name] ?? "";
      mark(field, Boolean(faults[name]));
    }
    Object.entries(this.fields).find(([name]) => faults[name])?.[1].focus();
  }
}
