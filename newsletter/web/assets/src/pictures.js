// Pictures, pasted, dropped or chosen: sent up, put into the text, and asked about there.

import { askAbout } from "./picture_panel.js";
import { pictureAt } from "./picture_text.js";
import { ask } from "./server.js";

export class Pictures {
  #uploaded = new Map();

  constructor({ manuscript, editor, announce, begin }) {
    Object.assign(this, { manuscript, editor, announce, begin });
    this.chooser = document.getElementById("picture-file");
    this.chooser.addEventListener("change", async () => {
      const files = [...this.chooser.files];
      this.chooser.value = "";
      await this.take(files);
    });
  }

  // What the toolbar's button does: change the picture that the caret is at, or add one.
  changeOrAdd() {
    const { state } = this.editor.view;
    const picture = pictureAt(state, state.selection.main.head);
    if (picture) this.#ask(picture.name);
    else this.choose();
  }

  choose() {
    this.chooser.click();
  }

  // One after the other, for each is asked about.
  async take(files) {
    for (const [place, file] of files.entries()) await this.#take(file, place < files.length - 1);
  }

  // Pictures within what was pasted: those that came along are taken; of the others the editor is told.
  async takePasted({ pictures, left }) {
    await this.take(pictures);
    if (left === 1) this.announce("One picture did not come with the paste. Save it as a file and drop it here.");
    if (left > 1) this.announce(`${left} pictures did not come with the paste. Save each one as a file and drop it here.`);
  }

  // One that is followed by another leaves the caret at its line.
  async #take(file, isFollowed) {
    this.announce(`Uploading ${file.name} …`);
    const form = new FormData();
    form.set("picture", file);
    const begun = await this.begin();
    const answer = begun.status === 201 ? await ask(this.manuscript.form.dataset.pictures, form) : begun;
    if (answer.name === undefined) {
      this.announce(answer.fault ?? `${file.name} could not be uploaded. Check the connection, and drop it again.`);
      return;
    }
    const note = [`${answer.width} × ${answer.height} pixels.`, answer.note].filter(Boolean).join(" ");
    this.#uploaded.set(answer.name, { url: answer.url, note });
    this.editor.insertBlock(`![](${answer.name})`);
    this.announce(`${answer.name} is in the text. Describe what it shows.`);
    await this.#ask(answer.name, isFollowed);
  }

  #ask(name, isFollowed = false) {
    return askAbout(this.editor.view, { ...this.#uploaded.get(name), isFollowed });
  }
}
