// What can be inserted, offered while somebody types: `/` where a line begins, `{{`, and `> [!`.

import { autocompletion, completionStatus, currentCompletions, snippet } from "@codemirror/autocomplete";
import { EditorView } from "@codemirror/view";
import { snippets } from "./snippets.js";

const CALLOUTS = ["Tip", "Note", "Important", "Warning", "Caution"];
// As the text's rules know them (docs/issue-files.md); `${…}` is what is typed over first.
const NAME = "{{ name | ${friend} }}";
const EMAIL = "{{ email }}${}";
const BUTTON = "[${Words on the button}](${https://}){.button}";

const callouts = (opener) => CALLOUTS.map((name) => {
  const kind = `[!${name.toUpperCase()}]`;
  return { label: opener(name, kind), displayLabel: name, detail: "callout", apply: block(`> ${kind}\n> \${}`) };
});
const fields = (opener) => [
  { label: opener("name"), displayLabel: "Reader’s name", detail: "with a fallback", apply: inline(NAME) },
  { label: opener("email"), displayLabel: "Reader’s email address", apply: inline(EMAIL) },
];

const ofPublication = (opener, apply) => snippets().map(({ name, text }) => ({
  label: opener(name), displayLabel: name, detail: "snippet", apply: apply(text),
}));

// The popup beside the caret, a listbox to a screen reader.
export function offering({ onPicture }) {
  const picture = { label: "/picture", displayLabel: "Picture", detail: "from this device", apply: cleared(onPicture) };
  const openers = [
    { pattern: /^\/[\p{L}\p{N}_-]*/u, options: () => [
      ...callouts((name) => `/${name.toLowerCase()}`),
      { label: "/button", displayLabel: "Button", detail: "a link to press", apply: block(BUTTON) },
      picture,
      { label: "/divider", displayLabel: "Divider", detail: "a line across", apply: block("---\n\n${}") },
      ...fields((name) => `/${name}`),
      ...ofPublication((name) => `/${name}`, paragraphs),
    ] },
    { pattern: /\{\{ ?[\p{L}\p{N}_-]*/u, options: () => [
      ...fields((name) => `{{ ${name}`),
      ...ofPublication((name) => `{{ ${name}`, words),
    ] },
    { pattern: /^> ?\[!\w*/, options: () => callouts((_, kind) => `> ${kind}`) },
  ];
  return [
    autocompletion({ override: openers.map(offersAt), icons: false, interactionDelay: 0, compareCompletions: () => 0 }),
    EditorView.updateListener.of(tellHowMany),
    theme,
  ];
}

export const isOffering = (state) => completionStatus(state) === "active";

const offersAt = ({ pattern, options }) => (context) => {
  const typed = context.matchBefore(pattern);
  return typed && { from: typed.from, options: options() };
};

// In a paragraph of its own.
function block(template) {
  return (view, offer, from, to) => snippet(gap(view.state, from) + template)(view, offer, from, to);
}

// In the place of the braces that were closed already, too.
function inline(template) {
  return (view, offer, from, to) => snippet(template)(view, offer, from, closed(view.state, to));
}

// A snippet of the publication is put in to the letter.
function paragraphs(text) {
  return (view, _, from, to) => {
    const { doc } = view.state;
    const { number } = doc.lineAt(to);
    const after = number < doc.lines && doc.line(number + 1).text.trim() ? "\n" : "";
    put(view, from, to, gap(view.state, from) + text, after);
  };
}

function words(text) {
  return (view, _, from, to) => put(view, from, closed(view.state, to), text);
}

function put(view, from, to, text, after = "") {
  const changes = { from, to, insert: text + after };
  view.dispatch({ changes, selection: { anchor: from + text.length }, scrollIntoView: true, userEvent: "input.complete" });
}

function gap({ doc }, from) {
  const { number } = doc.lineAt(from);
  return number > 1 && doc.line(number - 1).text.trim() ? "\n" : "";
}

function closed(state, to) {
  return to + (/^ ?\}\}/.exec(state.sliceDoc(to, to + 3))?.[0].length ?? 0);
}

function cleared(act) {
  return (view, offer, from, to) => {
    view.dispatch({ changes: { from, to }, userEvent: "input.complete" });
    act();
  };
}

function tellHowMany({ startState, state, view }) {
  if (!isOffering(state) || isOffering(startState)) return;
  const count = currentCompletions(state).length;
  const words = `${count} ${count === 1 ? "suggestion" : "suggestions"}. Choose with the arrow keys and Enter.`;
  queueMicrotask(() => view.dispatch({ effects: EditorView.announce.of(words) }));
}

const theme = EditorView.theme({
  ".cm-tooltip.cm-tooltip-autocomplete": {
    color: "var(--ink)",
    backgroundColor: "var(--sheet)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    boxShadow: "0 4px 16px rgb(0 0 0 / .2)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "inherit", maxHeight: "min(30rem, 70vh)", maxWidth: "calc(100vw - 2rem)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: ".125rem .75rem", lineHeight: "1.75rem" },
  "@media (pointer: coarse)": { ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: ".5rem .75rem" } },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--ink)", backgroundColor: "var(--sand)", boxShadow: "inset 4px 0 var(--teal)" },
  ".cm-completionLabel": { unicodeBidi: "isolate" },
  ".cm-completionDetail": { fontStyle: "normal", color: "var(--soft)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
});
