// The text and the mail, each brought to where the other is.

import { ChangeSet } from "@codemirror/state";
import { columnIn } from "./spot.js";

export class Following {
  // The text that was last sent, and the one that the mail shows, each with what was changed since.
  #asked;
  #shown;
  #pause;

  constructor({ view, panes, onJump }) {
    this.view = view;
    this.panes = panes;
    this.onJump = onJump;
    addEventListener("scroll", () => this.#scrolled(), { capture: true, passive: true });
  }

  asked() {
    const { doc } = this.view.state;
    this.#asked = { doc, since: ChangeSet.empty(doc.length) };
  }

  answered() {
    this.#shown = this.#asked;
  }

  changed({ docChanged, selectionSet, changes }) {
    if (docChanged) for (const text of new Set([this.#asked, this.#shown])) if (text) text.since = text.since.compose(changes);
    // What is typed is followed as soon as the mail shows it.
    if (selectionSet && !docChanged) this.follow();
  }

  follow(place = this.view.state.selection.main.head, isCursor = true) {
    if (!this.#shown) return;
    for (const pane of this.panes()) {
      const at = pane.blocks.findLastIndex(({ line }) => this.#start(line) <= place);
      pane.follow(pane.blocks[at], at < 0 ? 0 : this.#share(pane.blocks, at, place), { isCursor });
    }
  }

  jump({ field, line, words, column = 0 }) {
    if (field) this.onJump(field, 1);
    else if (this.#shown) {
      const { number, text } = this.view.state.doc.lineAt(this.#start(line));
      this.onJump("body", number, words ? columnIn(text, { words, column }) : 0);
    }
  }

  // Where a line of the text that the mail shows is in the text now.
  #start(line) {
    const { doc, since } = this.#shown;
    return since.mapPos(doc.line(Math.min(line, doc.lines)).from, 1);
  }

  // How far down in its block a place is, from 0 to 1.
  #share(blocks, at, place) {
    const { state } = this.view;
    const start = this.#start(blocks[at].line);
    const next = blocks.find(({ line }) => line > blocks[at].line);
    const length = state.sliceDoc(start, next ? this.#start(next.line) : undefined).trimEnd().length;
    return length ? Math.min((place - start) / length, 1) : 0;
  }

  // Looked at is the cursor, while it is in sight, and else what stands in the upper third.
  #scrolled() {
    cancelAnimationFrame(this.#pause);
    this.#pause = requestAnimationFrame(() => {
      const { top, bottom, left } = this.#sight();
      if (bottom <= top) return;
      const cursor = this.view.coordsAtPos(this.view.state.selection.main.head);
      if (cursor && cursor.bottom > top && cursor.top < bottom) this.follow();
      else this.follow(this.view.posAtCoords({ x: left + 24, y: top + (bottom - top) / 3 }, false), false);
    });
  }

  #sight() {
    const { top, bottom, left } = this.view.dom.getBoundingClientRect();
    return { top: Math.max(top, 0), bottom: Math.min(bottom, innerHeight), left };
  }
}
