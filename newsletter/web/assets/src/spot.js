// Where in the text somebody clicked in the mail: the line, and in it the word, as far as it can be told.

const LINED = "p, h2, h3, h4, h5, h6, li, pre, figcaption";
const WORD = /[\p{L}\p{N}]+/gu;
const FIELDS = { ".headline": "title", ".sources": "sources" };

export function spotOf(event, blocks) {
  const block = blocks.findLast(({ element }) => element.contains(event.target));
  if (block) return { line: block.first, ...within(event, block) };
  const field = Object.keys(FIELDS).find((part) => event.target.closest(part));
  return field && { field: FIELDS[field] };
}

// The same word in the line as it was written: its column there, or the first one if it cannot be told from another.
export function columnIn(written, { words, column }) {
  const found = [...words.matchAll(WORD)];
  const hit = found.find((one) => one.index <= column && column <= one.index + one[0].length);
  if (!hit) return 0;
  const same = (one) => one[0] === hit[0];
  const twins = [...written.matchAll(WORD)].filter(same);
  if (twins.length !== found.filter(same).length) return 0;
  return twins[found.filter(same).indexOf(hit)].index + column - hit.index;
}

function within(event, { element, first }) {
  const part = element.matches(LINED) ? element : element.matches("tr") && event.target.closest("td, th");
  const caret = part && caretAt(event);
  if (!caret || !part.contains(caret.node)) return {};
  const range = part.ownerDocument.createRange();
  range.setStart(part, 0);
  range.setEnd(caret.node, caret.offset);
  const before = range.toString().split("\n");
  const line = before.length - 1;
  return { line: first + line, words: part.textContent.split("\n")[line], column: before[line].length };
}

function caretAt({ view, clientX, clientY }) {
  const page = view.document;
  if (page.caretPositionFromPoint) {
    const caret = page.caretPositionFromPoint(clientX, clientY);
    return caret && { node: caret.offsetNode, offset: caret.offset };
  }
  const range = page.caretRangeFromPoint(clientX, clientY);
  return range && { node: range.startContainer, offset: range.startOffset };
}
