// What the toolbar and its keys do to the text: the marks of Markdown put around what is selected, or taken away again.

import { syntaxTree } from "@codemirror/language";
import { EditorSelection } from "@codemirror/state";
import { pictureAt } from "./picture_text.js";

const EMPHASIS = {
  bold: { node: "StrongEmphasis", mark: "**" },
  italic: { node: "Emphasis", mark: "*" },
};
const BLOCKS = {
  heading: { mark: "## ", pattern: /^#{1,6}\s+/ },
  list: { mark: "- ", pattern: /^\s*[-*+]\s+/ },
  quote: { mark: "> ", pattern: /^>\s?/ },
};
// A heading or a list item takes the place of another.
const ITEM = /^\s*(?:[-*+]|\d+[.)]|#{1,6})\s+/;
const LEADING = /^\s*(?:(?:[-*+]|\d+[.)]|#{1,6}|>)\s+)*/;
const WEB = /^https?:\/\/\S+$/i;

// Which marks the selection stands in.
export function marksAt(state) {
  const { from, to } = state.selection.main;
  const first = state.doc.lineAt(from).text;
  return {
    bold: Boolean(around(state, "StrongEmphasis", from, to)),
    italic: Boolean(around(state, "Emphasis", from, to)),
    link: Boolean(linkAround(state, from, to)),
    heading: BLOCKS.heading.pattern.test(first),
    list: BLOCKS.list.pattern.test(first),
    quote: BLOCKS.quote.pattern.test(first),
    picture: Boolean(pictureAt(state, state.selection.main.head)),
  };
}

// Each answers the transaction that a button or its key stands for.
export const FORMATS = {
  bold: (state) => emphasise(state, EMPHASIS.bold),
  italic: (state) => emphasise(state, EMPHASIS.italic),
  link: (state) => link(state),
  heading: (state) => mark(state, BLOCKS.heading),
  list: (state) => mark(state, BLOCKS.list),
  quote: (state) => mark(state, BLOCKS.quote),
};

// Bold and italic

function emphasise(state, { node, mark }) {
  const { from, to, empty } = state.selection.main;
  if (empty) return emphasiseCaret(state, node, mark, from);
  const parts = wordsOf(state, from, to);
  const found = parts.map((part) => around(state, node, part.from, part.to));
  if (parts.length && found.every(Boolean)) return changed(state, found.flatMap(marksOf));
  return changed(state, parts.filter((_, place) => !found[place]).flatMap((part) => wrapping(state, node, mark, part)));
}

function emphasiseCaret(state, node, mark, at) {
  const line = state.doc.lineAt(at);
  const before = /\**$/.exec(line.text.slice(0, at - line.from))[0].length;
  const after = /^\**/.exec(line.text.slice(at - line.from))[0].length;
  const isHere = before === after && before <= 3 && (mark === "**" ? before >= 2 : before % 2 === 1);
  if (isHere) return changed(state, [{ from: at - mark.length, to: at + mark.length }]);
  const found = around(state, node, at, at);
  // Written to its end: the next word is plain again.
  if (found && /^[*_]+$/.test(state.sliceDoc(at, found.to))) return { selection: { anchor: found.to } };
  if (found) return changed(state, marksOf(found));
  const word = state.wordAt(at);
  if (word && word.from < at && at < word.to) return changed(state, wrapping(state, node, mark, word));
  return { changes: { from: at, insert: mark + mark }, selection: { anchor: at + mark.length } };
}

// What is marked in parts becomes marked as a whole.
function wrapping(state, node, mark, part) {
  const within = inside(state, node, part.from, part.to);
  const from = Math.min(part.from, ...within.map((one) => one.from));
  const to = Math.max(part.to, ...within.map((one) => one.to));
  return [{ from, insert: mark }, ...within.flatMap(marksOf), { from: to, insert: mark }];
}

const marksOf = (node) => node.getChildren("EmphasisMark").map(({ from, to }) => ({ from, to }));

// The selected words, line by line, without what makes a line a list item, a heading or a quote.
function wordsOf(state, from, to) {
  return linesOf(state, from, to).flatMap((line) => {
    const start = Math.max(from, line.from + LEADING.exec(line.text)[0].length);
    const words = state.sliceDoc(start, Math.max(start, Math.min(to, line.to)));
    if (!words.trim()) return [];
    const first = start + words.length - words.trimStart().length;
    return [{ from: first, to: first + words.trim().length }];
  });
}

// Links

function link(state) {
  const { from, to, empty } = state.selection.main;
  const found = linkAround(state, from, to);
  if (found) return changed(state, unlinking(state, found));
  const word = empty && state.wordAt(from);
  const [words] = word ? [word] : wordsOf(state, from, to);
  const text = words ? state.sliceDoc(words.from, words.to) : "";
  const place = words ?? { from, to };
  const insert = WEB.test(text) ? `[](${destination(text)})` : `[${text}]()`;
  const anchor = !text || WEB.test(text) ? place.from + 1 : place.from + insert.length - 1;
  return { changes: { from: place.from, to: place.to, insert }, selection: { anchor } };
}

// A web address pasted over words makes them a link; undefined where it is pasted as it is.
export function linking(state, pasted) {
  const { from, to } = state.selection.main;
  const parts = wordsOf(state, from, to);
  const url = pasted.trim();
  if (!WEB.test(url) || parts.length !== 1 || linkAround(state, from, to)) return undefined;
  const text = state.sliceDoc(parts[0].from, parts[0].to);
  if (WEB.test(text)) return undefined;
  const insert = `[${text}](${destination(url)})`;
  return { changes: { ...parts[0], insert }, selection: { anchor: parts[0].from + insert.length } };
}

const destination = (url) => url.replace(/[()<>\\]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function linkAround(state, from, to) {
  const found = around(state, "Link", from, to);
  const closing = found?.getChildren("LinkMark")[1];
  return closing && state.sliceDoc(closing.to, closing.to + 1) === "(" ? found : undefined;
}

// A button's words stay, too.
function unlinking(state, found) {
  const [opening, closing] = found.getChildren("LinkMark");
  const attributes = /^(?:\{[^}]*\})?/.exec(state.sliceDoc(found.to, state.doc.lineAt(found.to).to))[0];
  return [{ from: opening.from, to: opening.to }, { from: closing.from, to: found.to + attributes.length }];
}

// Headings, lists and quotes

function mark(state, block) {
  const { from, to } = state.selection.main;
  const touched = linesOf(state, from, to);
  const written = touched.filter((line) => line.text.trim());
  const isMarked = written.length > 0 && written.every((line) => block.pattern.test(line.text));
  if (isMarked) return changed(state, written.map((line) => leading(line, block.pattern, "")));
  const lines = written.length && block !== BLOCKS.quote ? written : touched;
  const fresh = lines.filter((line) => !block.pattern.test(line.text));
  const marks = fresh.map((line) => leading(line, block === BLOCKS.quote ? /^/ : ITEM, block.mark));
  return changed(state, [...above(state, touched[0], block), ...marks, ...below(state, touched.at(-1), block)]);
}

function leading(line, pattern, insert) {
  return { from: line.from, to: line.from + (pattern.exec(line.text)?.[0].length ?? 0), insert };
}

// A paragraph that adjoins would become part of it, or make a heading of it.
function above(state, line, { pattern }) {
  return isApart(state, line.number - 1, pattern) ? [] : [{ from: line.from, insert: "\n" }];
}

function below(state, line, { pattern }) {
  return isApart(state, line.number + 1, pattern) ? [] : [{ from: line.to, insert: "\n" }];
}

function isApart(state, number, pattern) {
  if (number < 1 || number > state.doc.lines) return true;
  const { text } = state.doc.line(number);
  return !text.trim() || pattern.test(text);
}

// The text's parts

function linesOf(state, from, to) {
  const lines = [];
  for (let at = from; at <= to; at = lines.at(-1).to + 1) lines.push(state.doc.lineAt(at));
  // A selection that ends where a line begins does not hold that line.
  if (lines.length > 1 && lines.at(-1).from === to) lines.pop();
  return lines;
}

function inside(state, name, from, to) {
  const found = [];
  syntaxTree(state).iterate({ from, to, enter: (node) => {
    if (node.name === name && node.from < to && node.to > from) found.push(node.node);
  } });
  return found;
}

// The innermost that holds all of it; a caret at its edge is outside.
function around(state, name, from, to) {
  const found = inside(state, name, from, to).filter((node) => node.from <= from && node.to >= to);
  return found.at(-1);
}

function changed(state, specs) {
  const changes = state.changes(specs);
  const { from, to, empty } = state.selection.main;
  const start = changes.mapPos(from, 1);
  const selection = empty ? EditorSelection.cursor(start) : EditorSelection.range(start, Math.max(start, changes.mapPos(to, -1)));
  return { changes, selection };
}
