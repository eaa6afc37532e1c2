// The editor of the text: CodeMirror 6 for Markdown, in the desk's own colours.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import { diff } from "@codemirror/merge";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { ChangeSet, EditorSelection, EditorState, StateEffect, StateField, Transaction } from "@codemirror/state";
import { Decoration, EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { finding, openAt } from "./finding.js";
import { FORMATS, linking, marksAt } from "./formatting.js";
import { isOffering, offering } from "./offers.js";
import { picturePanel } from "./picture_panel.js";

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--sheet)" },
  "&.cm-focused": { outline: "3px solid var(--teal)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--tblr-font-monospace)", fontSize: ".9375rem", lineHeight: "1.65" },
  ".cm-content": { padding: ".75rem .25rem", caretColor: "var(--ink)", minHeight: "18rem" },
  ".cm-line": { padding: "0 .75rem" },
  ".cm-fault": { boxShadow: "inset 4px 0 var(--red)", backgroundColor: "light-dark(#f9e4e1, #41231f)" },
});

const colours = HighlightStyle.define([
  { tag: tags.heading, fontWeight: "700", color: "var(--ink)" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: tags.strikethrough, textDecoration: "line-through" },
  { tag: [tags.link, tags.url], color: "var(--teal)" },
  { tag: [tags.processingInstruction, tags.meta, tags.labelName], color: "var(--soft)" },
  { tag: [tags.quote, tags.monospace], color: "var(--blue)" },
]);

const setFaults = StateEffect.define();
const line = Decoration.line({ class: "cm-fault" });
const faultLines = StateField.define({
  create: () => Decoration.none,
  update(marks, step) {
    for (const effect of step.effects) if (effect.is(setFaults)) return Decoration.set(placed(step.state.doc, effect.value));
    return marks.map(step.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function placed(doc, numbers) {
  const within = numbers.filter((number) => number <= doc.lines).sort((one, other) => one - other);
  return [...new Set(within)].map((number) => line.range(doc.line(number).from));
}

// What is written must not stand behind the bars that stay in sight. (The popup takes margins for the text's own edges.)
function covered(view) {
  if (isOffering(view.state)) return null;
  const bar = document.querySelector(".write-bar").getBoundingClientRect();
  const top = document.querySelector(".next")?.getBoundingClientRect().bottom ?? 0;
  const tools = document.getElementById("write-tools").offsetHeight;
  return { top: Math.max(top, 0) + tools + 16, bottom: innerHeight - bar.top + 16 };
}

// Escape, which lets Tab leave, leaves what is selected to the toolbar.
const keepingSelection = defaultKeymap.filter(({ key }) => key !== "Escape");

const pressing = (name) => (view) => {
  view.dispatch({ ...FORMATS[name](view.state), scrollIntoView: true, userEvent: "input.format" });
  return true;
};

export class Editor {
  #marked = "[]";
  // What was changed since the text was last sent.
  #since = ChangeSet.empty(0);

  constructor({ textarea, nonce, onChange, onUpdate, onMarks, onPicture, handlers }) {
    const place = document.createElement("div");
    place.className = "cm-place";
    textarea.before(place);
    textarea.hidden = true;
    this.view = new EditorView({
      parent: place,
      state: EditorState.create({
        doc: textarea.value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          history(),
          EditorView.lineWrapping,
          EditorView.scrollMargins.of(covered),
          markdown({ base: markdownLanguage, completeHTMLTags: false, pasteURLAsLink: false }),
          syntaxHighlighting(colours),
          theme,
          faultLines,
          offering({ onPicture }),
          finding(document.getElementById("write-panels")),
          picturePanel,
          EditorView.contentAttributes.of({
            "aria-labelledby": "body-label",
            "aria-describedby": "body-hint body-fault",
            "aria-multiline": "true",
            spellcheck: "true",
            lang: textarea.lang,
          }),
          EditorView.domEventHandlers(handlers),
          keymap.of([
            { key: "Mod-b", run: pressing("bold") },
            { key: "Mod-i", run: pressing("italic") },
            { key: "Mod-k", run: pressing("link") },
            indentWithTab,
            ...keepingSelection,
            ...historyKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            onUpdate(update);
            if (update.docChanged || update.selectionSet) onMarks(marksAt(update.state));
            if (!update.docChanged) return;
            this.#since = this.#since.compose(update.changes);
            onChange();
          }),
        ],
      }),
    });
    this.follow();
  }

  text() {
    return this.view.state.doc.toString();
  }

  replace(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  follow() {
    this.#since = ChangeSet.empty(this.view.state.doc.length);
  }

  // What came from elsewhere into the text that was sent; the caret stays, and to undo it is not ours.
  takeIn(sent, text) {
    const parts = diff(sent, text).map((part) => ({ from: part.fromA, to: part.toA, insert: text.slice(part.fromB, part.toB) }));
    const changes = ChangeSet.of(parts, sent.length).map(this.#since);
    this.view.dispatch({ changes, annotations: Transaction.addToHistory.of(false) });
  }

  isOffering() {
    return isOffering(this.view.state);
  }

  selected() {
    const { from, to } = this.view.state.selection.main;
    return this.view.state.sliceDoc(from, to);
  }

  find() {
    openAt(this.view, "find");
  }

  press(name) {
    pressing(name)(this.view);
    this.view.focus();
  }

  // Whether what is pasted made a link of what is selected.
  link(url) {
    const made = linking(this.view.state, url);
    if (made) this.view.dispatch({ ...made, scrollIntoView: true, userEvent: "input.paste" });
    return Boolean(made);
  }

  insert(text) {
    this.view.dispatch(this.view.state.replaceSelection(text), { scrollIntoView: true, userEvent: "input.paste" });
  }

  // Into a paragraph of its own, at or below the line that is written on.
  insertBlock(text) {
    const { doc, selection } = this.view.state;
    const line = doc.lineAt(selection.main.head);
    const above = line.text.trim() ? line : line.number > 1 && doc.line(line.number - 1);
    const below = line.number < doc.lines && doc.line(line.number + 1);
    const before = line.text.trim() ? "\n\n" : above && above.text.trim() ? "\n" : "";
    const insert = `${before}${text}${below && below.text.trim() ? "\n" : ""}`;
    const anchor = line.to + before.length + text.length;
    this.view.dispatch({ changes: { from: line.to, insert }, selection: { anchor }, scrollIntoView: true });
  }

  mark(lines) {
    if (this.#marked === JSON.stringify(lines)) return;
    this.#marked = JSON.stringify(lines);
    this.view.dispatch({ effects: setFaults.of(lines) });
  }

  goTo(number, column = 0) {
    const { from, length } = this.view.state.doc.line(Math.min(Math.max(number, 1), this.view.state.doc.lines));
    const anchor = from + Math.min(column, length);
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    this.view.focus();
  }
}
