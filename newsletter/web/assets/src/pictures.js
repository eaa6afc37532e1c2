// Pictures, pasted, dropped or chosen: sent up, described, and put into the text.

import { ask } from "./server.js";

export class Pictures {
  constructor({ manuscript, editor, announce }) {
    Object.assign(this, { manuscript, editor, announce });
    this.dialog = document.getElementById("ask-picture");
    this.dialog.querySelector("form").addEventListener("submit", (event) => this.#answered(event));
    document.getElementById("picture-decorative").addEventListener("change", (event) => {
      document.getElementById("picture-alt").disabled = event.target.checked;
    });
    const chosen = document.getElementById("picture-file");
    chosen.addEventListener("change", async () => {
      await this.take([...chosen.files]);
      chosen.value = "";
    });
  }

  // One after the other, for each is asked about.
  async take(files) {
    for (const file of files) await this.#take(file);
  }

  // Pictures within what was pasted: those that came along are taken; of the others the editor is told.
  async takePasted({ pictures, left }) {
    await this.take(pictures);
    if (left === 1) this.announce("One picture did not come with the paste. Save it as a file and drop it here.");
    if (left > 1) this.announce(`${left} pictures did not come with the paste. Save each one as a file and drop it here.`);
  }

  async #take(file) {
    this.announce(`Uploading ${file.name} …`);
    const form = new FormData();
    form.set("picture", file);
    const answer = await ask(this.manuscript.form.dataset.pictures, form);
    if (answer.name === undefined) {
      this.announce(answer.fault ?? `${file.name} could not be uploaded. Check the connection, and drop it again.`);
      return;
    }
    this.announce(`${answer.name} has been uploaded. Describe what it shows.`);
    const described = await this.#describe(answer, file);
    if (described) this.editor.insertBlock(described);
    this.announce(described ? `${answer.name} is in the text.` : `${answer.name} was left out.`);
  }

  #describe(answer, file) {
    const shown = this.dialog.querySelector("img");
    shown.src = answer.url;
    document.getElementById("ask-picture-note").textContent = [`${answer.width} × ${answer.height} pixels.`, answer.note].filter(Boolean).join(" ");
    for (const id of ["picture-alt", "picture-caption"]) document.getElementById(id).value = "";
    document.getElementById("picture-alt").disabled = false;
    document.getElementById("picture-decorative").checked = false;
    this.#fault("");
    this.name = answer.name;
    this.dialog.returnValue = "";
    this.dialog.showModal();
    return new Promise((resolve) => {
      this.dialog.addEventListener("close", () => {
        resolve(this.dialog.returnValue === "insert" ? this.#written() : "");
        this.editor.view.focus();
      }, { once: true });
    });
  }

  #answered(event) {
    const alt = document.getElementById("picture-alt");
    const isOpen = event.submitter?.value === "insert" && !alt.value.trim() && !document.getElementById("picture-decorative").checked;
    if (!isOpen) return;
    event.preventDefault();
    this.#fault("Describe what it shows, or tick that it is decorative.");
    alt.focus();
  }

  #fault(words) {
    document.getElementById("picture-alt-fault").textContent = words;
    document.getElementById("picture-alt").classList.toggle("is-invalid", Boolean(words));
  }

  #written() {
    const decorates = document.getElementById("picture-decorative").checked;
    const alt = decorates ? "" : oneLine("picture-alt").replace(/[[\]\\]/g, "\\$&");
    const caption = oneLine("picture-caption").replace(/["\\]/g, "\\$&");
    return `![${alt}](${this.name}${caption && ` "${caption}"`})${decorates ? "{.decorative}" : ""}`;
  }
}

const oneLine = (id) => document.getElementById(id).value.trim().replace(/\s+/g, " ");
