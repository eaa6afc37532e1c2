// What is asked about a picture, in the text below its line: each answer is written into the text as it is typed.

import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";
import { mark } from "./fields.js";
import { pictureAt, written } from "./picture_text.js";

const setOpen = StateEffect.define();

class Panel extends WidgetType {
  constructor(form) {
    super();
    this.form = form;
  }

  toDOM() {
    return this.form.dom;
  }

  get estimatedHeight() {
    return 340;
  }

  ignoreEvent() {
    return true;
  }
}

const open = StateField.define({
  create: () => null,
  update(panel, step) {
    for (const effect of step.effects) if (effect.is(setOpen)) return effect.value && placed(step.state, effect.value);
    if (!panel || !(step.docChanged || step.selection)) return panel;
    return placed(step.state, { ...panel, from: step.changes.mapPos(panel.from, 1) });
  },
  provide: (field) => EditorView.decorations.from(field, (panel) => panel
    ? Decoration.set(Decoration.widget({ widget: panel.widget, block: true, side: 1 }).range(panel.end))
    : Decoration.none),
});

// Nowhere once its picture is gone, or the caret is on another line.
function placed(state, { from, widget }) {
  const line = state.doc.lineAt(from);
  const { head } = state.selection.main;
  const picture = pictureAt(state, from);
  return picture && line.from <= head && head <= line.to ? { from: picture.from, end: line.to, widget } : null;
}

export const picturePanel = [
  open,
  EditorView.updateListener.of(({ startState, state, docChanged }) => {
    const before = startState.field(open);
    const after = state.field(open);
    if (before && before.widget !== after?.widget) before.widget.form.closed();
    if (after && docChanged) after.widget.form.follow(pictureAt(state, after.from));
  }),
];

// Ask about the picture that the caret is at; settled when that is over.
export function askAbout(view, known) {
  const picture = pictureAt(view.state, view.state.selection.main.head);
  if (!picture) return Promise.resolve();
  return new Promise((resolve) => {
    const form = new PictureForm(view, picture, known, resolve);
    view.dispatch({ effects: [setOpen.of({ from: picture.from, widget: new Panel(form) }), EditorView.scrollIntoView(picture.from)] });
    view.requestMeasure({ read() {}, write: () => form.focus() });
  });
}

class PictureForm {
  constructor(view, picture, { url, note, isFollowed }, onClosed) {
    Object.assign(this, { view, isFollowed, closed: onClosed });
    this.dom = document.getElementById("picture-panel").content.firstElementChild.cloneNode(true);
    const at = (id) => this.dom.querySelector(`#picture-${id}`);
    this.fields = { alt: at("alt"), decorative: at("decorative"), caption: at("caption"), width: at("width") };
    this.fault = at("missing");
    at("name").textContent = picture.name;
    at("note").textContent = note ?? "";
    at("shown").hidden = !url;
    if (url) at("shown").src = url;
    this.#fill(picture);
    this.dom.addEventListener("input", (event) => this.#typed(event));
    // A change of the issue's own fields is another thing.
    this.dom.addEventListener("change", (event) => event.stopPropagation());
    this.dom.addEventListener("keydown", (event) => this.#pressed(event));
    at("done").addEventListener("click", () => this.#goOn());
  }

  // All of it in sight, whatever still scrolls smoothly to the caret.
  focus() {
    this.fields.alt.focus({ preventScroll: true });
    requestAnimationFrame(() => this.dom.scrollIntoView({ block: "nearest", behavior: "instant" }));
  }

  // The text was changed: by this form, or by whatever else.
  follow(picture) {
    if (!this.dom.contains(document.activeElement)) this.#fill(picture);
  }

  #fill(picture) {
    for (const name of ["alt", "caption", "width"]) this.fields[name].value = picture[name];
    this.fields.decorative.checked = picture.decorative;
    this.fields.alt.disabled = picture.decorative;
  }

  #typed(event) {
    event.stopPropagation();
    const { alt, decorative, caption, width } = this.fields;
    alt.disabled = decorative.checked;
    this.#complain("");
    const picture = this.#picture();
    const insert = written({ ...picture, alt: alt.value, decorative: decorative.checked, caption: caption.value, width: width.value });
    this.view.dispatch({ changes: { from: picture.from, to: picture.to, insert }, userEvent: "input.type.picture" });
    this.view.requestMeasure();
  }

  #pressed(event) {
    const goesOn = event.key === "Enter" && !event.target.matches("button");
    if (event.isComposing || !(goesOn || event.key === "Escape")) return;
    event.preventDefault();
    if (goesOn) this.#goOn();
    else this.#close();
  }

  #goOn() {
    const { alt, decorative } = this.fields;
    if (!alt.value.trim() && !decorative.checked) {
      this.#complain("Describe what it shows, or tick that it is decorative.");
      alt.focus();
    } else this.#close(this.isFollowed ? {} : below(this.view.state, this.#picture()));
  }

  // The text has the focus before the panel goes: where a focused field vanishes, browsers put the caret elsewhere.
  #close(step = {}) {
    this.view.focus();
    this.view.dispatch({ ...step, effects: setOpen.of(null), scrollIntoView: true });
  }

  #picture() {
    return pictureAt(this.view.state, this.view.state.field(open).from);
  }

  #complain(words) {
    this.fault.textContent = words;
    mark(this.fields.alt, Boolean(words));
    this.view.requestMeasure();
  }
}

// The caret goes to the paragraph below the picture, which is begun where there is none.
function below({ doc }, { to }) {
  const line = doc.lineAt(to);
  if (line.number < doc.lines && doc.line(line.number + 1).text.trim()) return { selection: { anchor: line.to } };
  const insert = "\n\n".slice(0, Math.max(0, line.to + 2 - doc.length));
  return { changes: { from: doc.length, insert }, selection: { anchor: line.to + 2 } };
}
