// The editor of the text: CodeMirror 6 for Markdown, in the desk's own colours.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import { diff } from "@codemirror/merge";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { ChangeSet, EditorSelection, EditorState, StateEffect, StateField, Transaction } from "@codemirror/state";
import { Decoration, EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

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

// What is written must not stand behind the bars that stay in sight.
function covered() {
  const bar = document.querySelector(".write-bar").getBoundingClientRect();
  const top = document.querySelector(".next")?.getBoundingClientRect().bottom ?? 0;
  return { top: Math.max(top, 0) + 16, bottom: innerHeight - bar.top + 16 };
}

function around(mark) {
  return (view) => {
    view.dispatch(view.state.changeByRange((range) => ({
      changes: [{ from: range.from, insert: mark }, { from: range.to, insert: mark }],
      range: EditorSelection.range(range.anchor + mark.length, range.head + mark.length),
    })), { userEvent: "input" });
    return true;
  };
}

export class Editor {
  #marked = "[]";
  // What was changed since the text was last sent.
  #since = ChangeSet.empty(0);

  constructor({ textarea, nonce, onChange, handlers }) {
    const place = document.createElement("div");
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
          markdown({ base: markdownLanguage, completeHTMLTags: false }),
          syntaxHighlighting(colours),
          theme,
          faultLines,
          EditorView.contentAttributes.of({
            "aria-labelledby": "body-label",
            "aria-describedby": "body-hint body-fault",
            "aria-multiline": "true",
            spellcheck: "true",
            lang: textarea.lang,
          }),
          EditorView.domEventHandlers(handlers),
          keymap.of([
            { key: "Mod-b", run: around("**") },
            { key: "Mod-i", run: around("*") },
            indentWithTab,
            ...defaultKeymap,
            ...historyKeymap,
          ]),
          EditorView.updateListener.of((update) => {
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
    this.view.dispatch({ changes: { from: line.to, insert }, selection: { anchor: line.to + insert.length }, scrollIntoView: true });
  }

  mark(lines) {
    if (this.#marked === JSON.stringify(lines)) return;
    this.#marked = JSON.stringify(lines);
    this.view.dispatch({ effects: setFaults.of(lines) });
  }

  goTo(number) {
    const { from } = this.view.state.doc.line(Math.min(Math.max(number, 1), this.view.state.doc.lines));
    this.view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.view.focus();
  }
}
