// What is pasted from a word processor or a page, as plain Markdown: headings, bold, italic, lists and links.

import Turndown from "turndown";

const KEPT = new Set(["H1", "H2", "H3", "H4", "H5", "H6", "P", "BR", "STRONG", "B", "EM", "I", "UL", "OL", "LI", "A", "BLOCKQUOTE", "DIV"]);
const SHAPES = "h1,h2,h3,h4,h5,h6,ul,ol,b,strong,em,i,a[href],blockquote,p[class^=MsoListParagraph],span[style]";
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

// Markdown for what was copied; nothing where its plain text says as much.
export function pasted(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  page.querySelectorAll("style, script, meta, link, title, xml, o\\:p").forEach((node) => node.remove());
  if (!page.body.querySelector(SHAPES)) return "";
  bullets(page.body);
  embolden(page.body);
  tidy(page.body);
  return turndown.turndown(page.body.innerHTML).replace(/\u00a0/g, " ").replace(/[ \t]+$/gm, "").replace(/\n{3,}/g, "\n\n");
}

// A span that is bold by its style; and Google's <b> that is not.
function embolden(body) {
  for (const span of body.querySelectorAll("span[style], b[style]")) {
    const { fontWeight, fontStyle } = span.style;
    const names = [];
    if (fontWeight === "bold" || Number(fontWeight) >= 600) names.push("strong");
    if (fontStyle === "italic") names.push("em");
    if (span.nodeName === "B" && fontWeight !== "normal" && Number(fontWeight || 700) >= 600) continue;
    if (span.closest("h1, h2, h3, h4, h5, h6") || !span.textContent.trim()) names.length = 0;
    const nodes = [...span.childNodes];
    const inner = names.reduce((inside, name) => [wrapped(name, inside)], nodes);
    span.replaceWith(...inner);
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
  // A heading is bold as it is.
  body.querySelectorAll("h1 b, h1 strong, h2 b, h2 strong, h3 b, h3 strong").forEach((bold) => bold.replaceWith(...bold.childNodes));
  for (const node of [...body.querySelectorAll("*")]) {
    const isLink = node.nodeName === "A" && LINK.test(node.getAttribute("href") ?? "");
    const isEmpty = !node.textContent.trim() && node.nodeName !== "BR";
    if (isEmpty && !node.querySelector("br")) node.replaceWith(node.textContent);
    else if (!KEPT.has(node.nodeName) || (node.nodeName === "A" && !isLink)) node.replaceWith(...node.childNodes);
    else for (const { name } of [...node.attributes]) if (!(isLink && name === "href")) node.removeAttribute(name);
  }
}

function wrapped(name, nodes) {
  const made = document.createElement(name);
  made.append(...nodes);
  return made;
}
