// Two texts that both go on from the same one: side by side, until their writer has made one of them.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { markdown } from "@codemirror/lang-markdown";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { ask } from "./server.js";

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--sheet)", fontSize: ".875rem" },
  ".cm-gutters": { color: "var(--soft)", backgroundColor: "var(--sheet)", border: "0" },
  ".cm-content": { fontFamily: "var(--tblr-font-monospace)", caretColor: "var(--ink)" },
});

export class Merging {
  constructor({ manuscript, nonce, onLater }) {
    Object.assign(this, { manuscript, nonce });
    this.dialog = document.getElementById("ask-both");
    this.dialog.addEventListener("close", () => {
      this.view.destroy();
      onLater();
    });
    this.dialog.querySelector("[value=later]").addEventListener("click", () => this.dialog.close());
    this.dialog.querySelector("[value=save]").addEventListener("click", () => this.#save());
  }

  open(answer) {
    this.answer = answer;
    this.#put("why", answer.fault);
    this.#put("theirs", answer.who);
    this.#put("fault", "");
    if (this.dialog.open) this.view.destroy();
    this.view = new MergeView({
      parent: document.getElementById("both"),
      a: { doc: answer.theirs, extensions: this.#side(answer.who, true) },
      b: { doc: answer.mine, extensions: this.#side("Yours", false) },
      revertControls: "a-to-b",
      renderRevertControl: () => this.#arrow(),
      collapseUnchanged: { margin: 3, minSize: 6 },
    });
    if (!this.dialog.open) this.dialog.showModal();
  }

  #side(label, isTheirs) {
    const fixed = isTheirs ? [EditorState.readOnly.of(true)] : [history(), keymap.of([...defaultKeymap, ...historyKeymap])];
    const name = EditorView.contentAttributes.of({ "aria-label": label });
    return [EditorView.cspNonce.of(this.nonce), theme, EditorView.lineWrapping, markdown(), name, ...fixed];
  }

  #arrow() {
    const arrow = document.createElement("button");
    arrow.type = "button";
    arrow.className = "both-arrow";
    arrow.textContent = "→";
    arrow.setAttribute("aria-label", "Take this passage over");
    return arrow;
  }

  async #save() {
    const words = new URLSearchParams({ source: this.view.b.state.doc.toString(), base: this.answer.revision, draft: this.answer.draft });
    for (const name of ["issue", "tab"]) words.set(name, this.manuscript.get(name));
    const answer = await ask(this.manuscript.form.dataset.save, words);
    if (answer.status === 200) this.onSaved(answer);
    else if (answer.status === 409 && answer.theirs !== undefined) this.open(answer);
    else if (answer.status === 422) {
      this.answer.draft = answer.draft;
      this.#put("fault", answer.faults.map((fault) => fault.text).join(" "));
    } else this.#put("fault", answer.fault ?? "It could not be saved just now. Nothing is lost; try again.");
  }

  #put(name, words) {
    document.getElementById(`ask-both-${name}`.replace("ask-both-theirs", "both-theirs")).textContent = words;
  }
}
