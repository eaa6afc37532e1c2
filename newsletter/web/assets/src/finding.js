// Find and replace: a panel below the toolbar; what is found is marked in the text.

import {
  SearchQuery, closeSearchPanel, findNext, findPrevious, getSearchQuery, openSearchPanel, replaceNext, search, setSearchQuery,
} from "@codemirror/search";
import { EditorView, keymap, panels } from "@codemirror/view";

export const finding = (place) => [
  panels({ topContainer: place }),
  search({ top: true, literal: true, createPanel: (view) => new FindPanel(view) }),
  keymap.of([
    { key: "Mod-f", run: (view) => openAt(view, "find") },
    { key: "Mod-h", mac: "Mod-Alt-f", run: (view) => openAt(view, "replace") },
    { key: "Escape", run: closeSearchPanel },
    { key: "F3", run: findNext, shift: findPrevious, preventDefault: true },
    { key: "Mod-g", run: findNext, shift: findPrevious, preventDefault: true },
  ]),
  theme,
];

export function openAt(view, field) {
  openSearchPanel(view);
  const isEmpty = !getSearchQuery(view.state).search;
  const input = document.getElementById(`find-${isEmpty ? "find" : field}`);
  input.focus();
  input.select();
  return true;
}

class FindPanel {
  top = true;

  constructor(view) {
    this.view = view;
    this.dom = document.getElementById("find-panel").content.firstElementChild.cloneNode(true);
    const at = (id) => this.dom.querySelector(`#find-${id}`);
    this.fields = { search: at("find"), replace: at("replace"), caseSensitive: at("case"), wholeWord: at("words") };
    this.count = at("count");
    this.#show(getSearchQuery(view.state));
    this.dom.addEventListener("input", (event) => this.#typed(event));
    this.dom.addEventListener("change", (event) => event.stopPropagation());
    this.dom.addEventListener("keydown", (event) => this.#pressed(event));
    this.dom.addEventListener("click", ({ target }) => this.#do(target.closest("button")?.value));
    this.#tell();
  }

  mount() {
    this.fields.search.select();
  }

  update({ transactions, docChanged, selectionSet, state }) {
    const isAsked = transactions.some((step) => step.effects.some((effect) => effect.is(setSearchQuery)));
    if (isAsked) this.#show(getSearchQuery(state));
    if (isAsked || docChanged || selectionSet) this.#tell();
  }

  #show(query) {
    for (const name of ["search", "replace"]) if (this.fields[name].value !== query[name]) this.fields[name].value = query[name];
    for (const name of ["caseSensitive", "wholeWord"]) this.fields[name].checked = query[name];
  }

  // It is no field of the issue.
  #typed(event) {
    event.stopPropagation();
    const { search, replace, caseSensitive, wholeWord } = this.fields;
    const query = new SearchQuery({
      search: search.value, replace: replace.value, caseSensitive: caseSensitive.checked, wholeWord: wholeWord.checked, literal: true,
    });
    this.view.dispatch({ effects: setSearchQuery.of(query) });
  }

  #pressed(event) {
    if (event.isComposing || event.target.matches("button") && event.key === "Enter") return;
    const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
    const isMod = (ctrlKey || metaKey) && !shiftKey;
    if (key === "Enter") this.#do(event.target === this.fields.replace ? "replace" : shiftKey ? "previous" : "next");
    else if (key === "Escape") this.#do("close");
    else if (key === "F3" || isMod && key === "g") this.#do(shiftKey ? "previous" : "next");
    else if (isMod && key === "f" && !altKey) openAt(this.view, "find");
    else if (isMod && (key === "h" || key === "f")) openAt(this.view, "replace");
    else return;
    event.preventDefault();
  }

  #do(act) {
    if (act === "next") findNext(this.view);
    else if (act === "previous") findPrevious(this.view);
    else if (act === "replace") replaceNext(this.view);
    else if (act === "all") this.#replaceAll();
    else if (act === "close") {
      closeSearchPanel(this.view);
      this.view.focus();
    }
  }

  #replaceAll() {
    const insert = getSearchQuery(this.view.state).replace;
    const changes = this.#matches().map(({ from, to }) => ({ from, to, insert }));
    this.view.dispatch({ changes, userEvent: "input.replace.all" });
    this.count.textContent = changes.length ? `${changes.length} replaced.` : "Nothing found.";
  }

  #matches() {
    const query = getSearchQuery(this.view.state);
    if (!query.valid) return [];
    const cursor = query.getCursor(this.view.state);
    const found = [];
    for (let step = cursor.next(); !step.done; step = cursor.next()) found.push(step.value);
    return found;
  }

  // Which of how many is selected.
  #tell() {
    const { from, to } = this.view.state.selection.main;
    const found = this.#matches();
    const place = found.findIndex((one) => one.from === from && one.to === to) + 1;
    const total = `${found.length} found`;
    const words = place ? `${place} of ${found.length}` : found.length ? total : "Nothing found.";
    this.count.textContent = this.fields.search.value ? words : "";
  }
}

const theme = EditorView.theme({
  ".cm-panels": { color: "inherit", backgroundColor: "transparent", zIndex: "auto" },
  ".cm-panels-top": { borderBottom: "0" },
  ".cm-searchMatch": { backgroundColor: "light-dark(#fbe7a6, #55471a)" },
  ".cm-searchMatch-selected": { backgroundColor: "light-dark(#f4b860, #8a5a10)" },
});
