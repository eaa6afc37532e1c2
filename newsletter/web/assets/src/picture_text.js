// A picture as the text has it: ![alt](name "caption"){.decorative .half} (docs/issue-files.md).

const PICTURE = /!\[((?:\\.|\[[^[\]]*\]|[^[\]\\])*)\]\((<[^<>]*>|[^\s()<>]+)(?:\s+(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'))?\s*\)(?:\{([^{}]*)\})?/g;
const WIDTHS = ["small", "half", "three-quarters"];
const DECORATIVE = ".decorative";

// The picture at this place, or the only one of its line; undefined where there is none.
export function pictureAt(state, place) {
  const line = state.doc.lineAt(place);
  const found = [...line.text.matchAll(PICTURE)].map((match) => parsed(match, line.from + match.index));
  return found.find(({ from, to }) => from <= place && place <= to) ?? (found.length === 1 ? found[0] : undefined);
}

export function written({ alt, name, caption, decorative, width, others }) {
  const words = decorative ? "" : oneLine(alt).replace(/[[\]\\*`]/g, "\\$&");
  const title = oneLine(caption).replace(/["\\]/g, "\\$&");
  const attributes = [decorative && DECORATIVE, width && `.${width}`, ...others].filter(Boolean).join(" ");
  return `![${words}](${name}${title && ` "${title}"`})${attributes && `{${attributes}}`}`;
}

function parsed([text, alt, name, quoted, single, braces], from) {
  const attributes = (braces ?? "").split(/\s+/).filter(Boolean);
  const isWidth = (word) => WIDTHS.includes(word.slice(1));
  return {
    from,
    to: from + text.length,
    alt: plain(alt),
    name,
    caption: plain(quoted ?? single ?? ""),
    decorative: attributes.includes(DECORATIVE),
    width: attributes.find(isWidth)?.slice(1) ?? "",
    others: attributes.filter((word) => word !== DECORATIVE && !isWidth(word)),
  };
}

const plain = (words) => words.replace(/\\([!-/:-@[-`{-~])/g, "$1");
const oneLine = (words) => words.trim().replace(/\s+/g, " ");
