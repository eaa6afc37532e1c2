// What is pasted from a word processor or a page, as plain Markdown: headings, bold, italic, lists, links and tables.

import Turndown from "turndown";

const KEPT = new Set(["H1", "H2", "H3", "H4", "H5", "H6", "P", "BR", "STRONG", "B", "EM", "I", "UL", "OL", "LI", "A", "BLOCKQUOTE", "DIV", "TABLE", "THEAD", "TBODY", "TFOOT", "TR", "TH", "TD"]);
const SHAPES = "h1,h2,h3,h4,h5,h6,ul,ol,b,strong,em,i,a[href],blockquote,table,img,p[class^=MsoListParagraph],[style]";
const BLOCKS = "h1,h2,h3,h4,h5,h6,p,ul,ol,li,blockquote,div,table,tr,th,td";
const HEADINGS = "h1,h2,h3,h4,h5,h6";
const LINK = /^(https?|mailto):/i;

const turndown = new Turndown({ headingStyle: "atx", bulletListMarker: "-", emDelimiter: "*" });
turndown.addRule("line", { filter: "br", replacement: () => "\n" });
// Its own puts three blanks behind the bullet.
turndown.addRule("item", {
  filter: "li",
  replacement: (words, item) => {
    const numbers = item.parentNode.nodeName === "OL";
    const mark = numbers ? `${[...item.parentNode.children].indexOf(item) + 1}. ` : "- ";
    const inner = words.trim().replace(/\n/g, `\n${" ".repeat(mark.length)}`);
    return `${mark}${inner}${item.nextSibling ? "\n" : ""}`;
  },
});

turndown.addRule("cell", {
  filter: ["th", "td"],
  replacement: (words, cell) => ` ${words.trim().replace(/\s*\n\s*/g, " ").replace(/\|/g, "\\|")} |${"  |".repeat(cell.colSpan - 1)}`,
});
turndown.addRule("row", {
  filter: "tr",
  replacement: (cells, row) => {
    const isFirst = row === row.closest("table").querySelector("tr");
    const rule = isFirst ? `|${" --- |".repeat([...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0))}\n` : "";
    return `|${cells}\n${rule}`;
  },
});
turndown.addRule("table", { filter: "table", replacement: (rows) => `\n\n${rows}\n\n` });

// What was copied: its Markdown, nothing where the plain text says as much; the pictures that came with it as files;
// and how many pictures stayed where they were, for the press fetches nothing from elsewhere by itself.
export function pasted(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  page.querySelectorAll("style, script, meta, link, title, xml, o\\:p").forEach((node) => node.remove());
  const { pictures, left } = pictured(page.body);
  if (!page.body.querySelector(SHAPES)) return { markdown: "", pictures, left };
  bullets(page.body);
  spread(page.body);
  emphasise(page.body);
  tidy(page.body);
  const markdown = turndown.turndown(page.body.innerHTML).replace(/\u00a0/g, " ").replace(/[ \t]+$/gm, "").replace(/\n{3,}/g, "\n\n");
  return { markdown, pictures, left };
}

function pictured(body) {
  const pictures = [];
  let left = 0;
  for (const image of body.querySelectorAll("img")) {
    const found = /^data:(image\/[a-z]+);base64,([\w+/=\s]+)$/.exec(image.getAttribute("src") ?? "");
    const isSpacer = ["width", "height"].some((side) => Number(image.getAttribute(side) ?? 9) < 3);
    if (found) pictures.push(asFile(found[1], atob(found[2]), pictures.length + 1));
    else if (!isSpacer) left += 1;
    image.remove();
  }
  return { pictures, left };
}

function asFile(type, octets, number) {
  return new File([Uint8Array.from(octets, (one) => one.charCodeAt(0))], `pasted-${number}.${type.split("/")[1]}`, { type });
}

// A table that only lays out its page is no table: its cells are passages.
function spread(body) {
  for (const table of [...body.querySelectorAll("table")].reverse()) {
    const rows = [...table.rows];
    rows.filter((row) => !row.textContent.trim()).forEach((row) => row.remove());
    const isData = table.rows.length > 1 && table.rows[0].cells.length > 1 && !table.querySelector(`table, ul, ol, blockquote, ${HEADINGS}`);
    if (!isData) table.replaceWith(...[...table.rows].flatMap((row) => [...row.cells]).map((cell) => wrapped("div", [...cell.childNodes])));
  }
}

// Bold and italic, by tag or by style; a document made by DOMParser has no `.style` under our policy, so the attribute is read.
function emphasise(body) {
  for (const node of [...body.querySelectorAll("*")]) {
    const tag = { B: "strong", STRONG: "strong", I: "em", EM: "em" }[node.nodeName];
    const names = new Set(tag ? [tag] : []);
    const style = node.getAttribute("style") ?? "";
    const weight = /(?:^|;)\s*font-weight\s*:\s*(\w+)/i.exec(style)?.[1];
    const slant = /(?:^|;)\s*font-style\s*:\s*(\w+)/i.exec(style)?.[1];
    if (weight) names[/^(bold|bolder|[6-9]00)$/i.test(weight) ? "add" : "delete"]("strong");
    if (slant) names[/^(italic|oblique)$/i.test(slant) ? "add" : "delete"]("em");
    if (node.closest(HEADINGS)) names.delete("strong"); // a heading is bold as it is
    if (tag || names.size) emphasised(node, names, node.matches(BLOCKS));
  }
  for (const name of ["strong", "em"]) join(body, name);
}

// Around the words of a node, and of the paragraphs within it rather than around these.
function emphasised(node, names, stays) {
  const blocks = [...node.querySelectorAll(BLOCKS)].filter((block) => !block.querySelector(BLOCKS));
  for (const one of blocks.length ? blocks : [node]) {
    if (!one.textContent.trim() || (one !== node && one.closest(HEADINGS))) continue;
    const inner = [...names].reduce((inside, name) => [wrapped(name, inside)], [...one.childNodes]);
    one.replaceChildren(...inner);
  }
  if (!stays) node.replaceWith(...node.childNodes);
}

function join(body, name) {
  for (const node of [...body.querySelectorAll(name)]) {
    if (node.parentElement?.closest(name)) node.replaceWith(...node.childNodes);
    else while (node.nextSibling?.nodeName === node.nodeName) {
      node.append(...node.nextSibling.childNodes);
      node.nextSibling.remove();
    }
  }
}

// Word's lists are paragraphs whose style says which list and how deep; the bullet is a span to be ignored.
function bullets(body) {
  let lists = [];
  for (const item of [...body.querySelectorAll("p")]) {
    const found = /mso-list:\s*l\d+\s+level(\d+)/.exec(item.getAttribute("style") ?? "");
    if (!found) {
      lists = [];
      continue;
    }
    const mark = bulletOf(item);
    const kind = /^\s*\(?(\d+|[a-z])[.)]/i.test(mark) ? "ol" : "ul";
    const depth = Math.min(Number(found[1]), lists.length + 1);
    lists.length = Math.min(lists.length, depth);
    if (lists.length < depth) lists.push(newList(kind, lists.at(-1), item));
    const made = wrapped("li", [...item.childNodes]);
    lists[depth - 1].append(made);
    item.remove();
  }
}

function newList(kind, outer, item) {
  const list = document.createElement(kind);
  if (outer?.lastElementChild) outer.lastElementChild.append(list);
  else item.before(list);
  return list;
}

function bulletOf(item) {
  const ignored = [...item.querySelectorAll("[style]")].find((node) => /mso-list:\s*ignore/i.test(node.getAttribute("style")));
  if (!ignored) return "";
  ignored.remove();
  return ignored.textContent;
}

function tidy(body) {
  for (const node of [...body.querySelectorAll("*")]) {
    const isLink = node.nodeName === "A" && LINK.test(node.getAttribute("href") ?? "");
    const isEmpty = !node.textContent.trim() && !["BR", "TD", "TH"].includes(node.nodeName);
    if (isEmpty && !node.querySelector("br")) node.replaceWith(node.textContent);
    else if (!KEPT.has(node.nodeName) || (node.nodeName === "A" && !isLink)) node.replaceWith(...node.childNodes);
    else for (const { name } of [...node.attributes]) if (!(isLink && name === "href") && name !== "colspan") node.removeAttribute(name);
  }
}

function wrapped(name, nodes) {
  const made = document.createElement(name);
  made.append(...nodes);
  return made;
}
