// What is pasted from a word processor or a page, as plain Markdown: headings, bold, italic, lists, links, tables and code.

import Turndown from "turndown";

const KEPT = new Set(["H1", "H2", "H3", "H4", "H5", "H6", "P", "BR", "HR", "STRONG", "EM", "S", "CODE", "PRE", "UL", "OL", "LI", "A", "BLOCKQUOTE", "DIV", "TABLE", "TR", "TH", "TD"]);
const SHAPES = "h1,h2,h3,h4,h5,h6,ul,ol,b,strong,em,i,s,del,strike,code,pre,hr,dl,a[href],blockquote,table,img,p + p,p[class^=MsoListParagraph],[style]";
const BLOCKS = "h1,h2,h3,h4,h5,h6,p,ul,ol,li,blockquote,div,table,tr,th,td";
const PASSAGES = "address,article,aside,center,dd,details,dl,dt,fieldset,figcaption,figure,footer,form,header,hgroup,legend,main,nav,section,summary";
const UNWRITTEN = "style,script,noscript,template,meta,link,title,xml,svg,iframe,object,button,select,textarea,o\\:p,.MsoCommentReference";
const HIDDEN = /(?:^|;)\s*(?:display\s*:\s*none|mso-hide\s*:\s*all|mso-element\s*:\s*comment-list)/i;
const HEADINGS = "h1,h2,h3,h4,h5,h6";
const TAGS = { B: "strong", STRONG: "strong", I: "em", EM: "em", S: "s", STRIKE: "s", DEL: "s" };
const DETOURS = /^(?:www\.google\.[a-z.]+\/url|(?:\w+\.)*safelinks\.protection\.outlook\.com\/|lm?\.facebook\.com\/l\.php)/i;
const RAISED = ["⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "₀₁₂₃₄₅₆₇₈₉₊₋"];
const LINK = /^(https?|mailto):/i;

const turndown = new Turndown({ headingStyle: "atx", bulletListMarker: "-", emDelimiter: "*", hr: "---" });
turndown.addRule("line", { filter: "br", replacement: () => "\n" });
turndown.addRule("struck", { filter: "s", replacement: (words) => `~~${words}~~` });
turndown.addRule("source", {
  filter: "pre",
  replacement: (_, { textContent }) => {
    const fence = "`".repeat(Math.max(3, ...[...textContent.matchAll(/`+/g)].map(([found]) => found.length + 1)));
    return `\n\n${fence}\n${textContent.replace(/\n+$/, "")}\n${fence}\n\n`;
  },
});
// Its own puts three blanks behind the bullet.
turndown.addRule("item", {
  filter: "li",
  replacement: (words, item) => {
    const list = item.parentNode;
    const mark = list.nodeName === "OL" ? `${[...list.children].indexOf(item) + list.start}. ` : "- ";
    const inner = words.trim().replace(/\n/g, `\n${" ".repeat(mark.length)}`);
    return `${mark}${inner}${item.nextSibling ? "\n" : ""}`;
  },
});

turndown.addRule("cell", {
  filter: ["th", "td"],
  replacement: (words) => ` ${words.trim().replace(/\s*\n\s*/g, " ").replace(/\|/g, "\\|")} |`,
});
turndown.addRule("row", {
  filter: "tr",
  replacement: (cells, row) => {
    const isFirst = row === row.closest("table").querySelector("tr");
    const rule = isFirst ? `|${" --- |".repeat(row.cells.length)}\n` : "";
    return `|${cells}\n${rule}`;
  },
});
turndown.addRule("table", { filter: "table", replacement: (rows) => `\n\n${rows}\n\n` });

// What was copied: its Markdown, nothing where the plain text says as much; the pictures that came with it as files;
// and how many pictures stayed where they were, for the press fetches nothing from elsewhere by itself.
export function pasted(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  page.querySelectorAll(UNWRITTEN).forEach((node) => node.remove());
  page.querySelectorAll("[style]").forEach((node) => HIDDEN.test(node.getAttribute("style")) && node.remove());
  const { pictures, left } = pictured(page.body);
  if (!page.body.querySelector(SHAPES) || isSource(page.body)) return { markdown: "", pictures, left };
  page.querySelectorAll(PASSAGES).forEach((node) => node.replaceWith(wrapped("div", [...node.childNodes])));
  bullets(page.body);
  nest(page.body);
  spread(page.body);
  emphasise(page.body);
  raise(page.body);
  link(page.body);
  tidy(page.body);
  const markdown = turndown.turndown(page.body.innerHTML).replace(/\u00a0/g, " ").replace(/[ \t]+$/gm, "").replace(/\n{3,}/g, "\n\n");
  return { markdown, pictures, left };
}

// Whether all of it is the text of a program or of Markdown, which says itself what it means.
function isSource(body) {
  const parts = [...body.children].filter((node) => node.nodeName !== "BR");
  return parts.length > 0 && parts.every((node) => node.nodeName === "PRE" || /white-space\s*:\s*pre\s*(?:;|$)/i.test(node.getAttribute("style") ?? ""));
}

function pictured(body) {
  const pictures = [];
  let left = 0;
  for (const image of body.querySelectorAll("img")) {
    const found = /^data:(image\/[a-z]+);base64,([\w+/=\s]+)$/.exec(image.getAttribute("src") ?? "");
    const isSpacer = ["width", "height"].some((side) => Number(image.getAttribute(side) ?? 9) < 3);
    const octets = found && decoded(found[2]);
    if (octets) pictures.push(asFile(found[1], octets, pictures.length + 1));
    else if (!isSpacer) left += 1;
    image.remove();
  }
  return { pictures, left };
}

function decoded(base64) {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}

function asFile(type, octets, number) {
  return new File([Uint8Array.from(octets, (one) => one.charCodeAt(0))], `pasted-${number}.${type.split("/")[1]}`, { type });
}

// A table that only lays out its page is no table: its cells are passages.
function spread(body) {
  for (const table of [...body.querySelectorAll("table")].reverse()) {
    const rows = [...table.rows];
    rows.filter((row) => !row.textContent.trim()).forEach((row) => row.remove());
    for (const only of titles(table)) {
      table.before(wrapped("div", [...only.childNodes]));
      only.parentNode.remove();
    }
    const isData = table.rows.length > 1 && table.rows[0].cells.length > 1 && !table.querySelector(`table, ul, ol, blockquote, ${HEADINGS}`);
    if (!isData) table.replaceWith(...[...table.rows].flatMap((row) => [...row.cells]).map((cell) => wrapped("div", [...cell.childNodes])));
    else square(table);
  }
}

// The cells that stand alone above the rows of a table.
function titles(table) {
  const first = [...table.rows].findIndex((row) => row.cells.length > 1);
  return [...table.rows].slice(0, Math.max(0, first)).map((row) => row.cells[0]);
}

// A cell over several rows and columns stands in the first of them, and every row is as long as the longest.
function square(table) {
  const rows = [...table.rows];
  for (const [at, row] of rows.entries()) {
    for (let column = 0; column < row.cells.length; column += 1) {
      const { colSpan, rowSpan } = row.cells[column];
      row.cells[column].removeAttribute("colspan");
      row.cells[column].removeAttribute("rowspan");
      for (let one = 1; one < colSpan; one += 1) row.insertCell(column + one);
      for (const below of rows.slice(at + 1, at + rowSpan)) {
        for (let one = 0; one < colSpan; one += 1) below.insertCell(Math.min(column + one, below.cells.length));
      }
      column += colSpan - 1;
    }
  }
  const width = Math.max(...rows.map((row) => row.cells.length));
  for (const row of rows) while (row.cells.length < width) row.insertCell();
}

// Bold, italic and struck, by tag or by style; a document made by DOMParser has no `.style` under our policy, so the attribute is read.
function emphasise(body) {
  for (const node of [...body.querySelectorAll("*")]) {
    const tag = TAGS[node.nodeName];
    const names = new Set(tag ? [tag] : []);
    const style = node.getAttribute("style") ?? "";
    const weight = /(?:^|;)\s*font-weight\s*:\s*(\w+)/i.exec(style)?.[1];
    const slant = /(?:^|;)\s*font-style\s*:\s*(\w+)/i.exec(style)?.[1];
    if (weight) names[/^(bold|bolder|[6-9]00)$/i.test(weight) ? "add" : "delete"]("strong");
    if (slant) names[/^(italic|oblique)$/i.test(slant) ? "add" : "delete"]("em");
    if (/text-decoration[\w-]*\s*:[^;]*line-through/i.test(style)) names.add("s");
    if (node.closest(HEADINGS)) names.delete("strong"); // a heading is bold as it is
    if (tag || names.size) emphasised(node, names, node.matches(BLOCKS));
  }
  for (const name of ["strong", "em", "s"]) join(body, name);
}

// Around the words of a node, and of the paragraphs within it rather than around these.
function emphasised(node, names, stays) {
  const blocks = innermost(node);
  for (const one of blocks.length ? blocks : [node]) {
    if (!one.textContent.trim() || (one !== node && one.closest(HEADINGS))) continue;
    const inner = [...names].reduce((inside, name) => [wrapped(name, inside)], [...one.childNodes]);
    one.replaceChildren(...inner);
  }
  if (!stays) node.replaceWith(...node.childNodes);
}

function innermost(node) {
  return [...node.querySelectorAll(BLOCKS)].filter((block) => !block.querySelector(BLOCKS));
}

// 10³ is not 103.
function raise(body) {
  for (const node of body.querySelectorAll("sup,sub,[style*=vertical-align]")) {
    const place = /vertical-align\s*:\s*(super|sub)/i.exec(node.getAttribute("style") ?? "")?.[1] ?? node.nodeName;
    const digits = /^su[bp]/i.test(place) && /^[\d+−-]+$/.test(node.textContent) && RAISED[Number(/^sub/i.test(place))];
    if (digits) node.replaceWith([...node.textContent].map((one) => digits["0123456789+-".indexOf(one.replace("−", "-"))]).join(""));
  }
}

// A link leads where it says, not by way of whoever counts clicks; one around paragraphs goes around the words of each.
function link(body) {
  for (const node of [...body.querySelectorAll("a[href]")]) {
    const href = direct(node.getAttribute("href").trim());
    node.setAttribute("href", href);
    const blocks = innermost(node);
    for (const block of blocks.filter((one) => one.textContent.trim())) {
      const made = wrapped("a", [...block.childNodes]);
      made.setAttribute("href", href);
      block.append(made);
    }
    if (blocks.length) node.replaceWith(...node.childNodes);
  }
}

function direct(href) {
  try {
    const { host, pathname, searchParams } = new URL(href);
    const targets = DETOURS.test(host + pathname) ? ["q", "url", "u"].map((name) => searchParams.get(name)) : [];
    return targets.find((target) => LINK.test(target ?? "")) ?? href;
  } catch {
    return href;
  }
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
    const found = /mso-list:\s*(l\d+)\s+level(\d+)/.exec(item.getAttribute("style") ?? "");
    if (!found) {
      lists = [];
      continue;
    }
    const mark = bulletOf(item);
    const kind = /^\s*\(?(?:\d+|[a-z]{1,5})[.)]/i.test(mark) ? "ol" : "ul";
    const depth = Math.min(Number(found[2]), lists.length + 1);
    const own = lists[depth - 1];
    lists.length = own?.name === found[1] && own.list.localName === kind ? depth : Math.min(lists.length, depth - 1);
    if (lists.length < depth) lists.push({ name: found[1], list: newList(kind, lists.at(-1)?.list, item, parseInt(mark, 10)) });
    const made = wrapped("li", [...item.childNodes]);
    lists[depth - 1].list.append(made);
    item.remove();
  }
}

function newList(kind, outer, item, start) {
  const list = document.createElement(kind);
  if (start) list.setAttribute("start", start);
  if (outer?.lastElementChild) outer.lastElementChild.append(list);
  else item.before(list);
  return list;
}

// A list that stands beside the item that it belongs to goes into it, as in Google Docs; a paragraph that is all of an
// item is no paragraph.
function nest(body) {
  for (const list of [...body.querySelectorAll(":is(ul,ol) > :is(ul,ol)")]) {
    if (list.previousElementSibling?.nodeName === "LI") list.previousElementSibling.append(list);
    else list.replaceWith(...list.childNodes);
  }
  for (const only of body.querySelectorAll("li > p:only-of-type")) only.replaceWith(...only.childNodes);
}

function bulletOf(item) {
  const ignored = [...item.querySelectorAll("[style]")].find((node) => /mso-list:\s*ignore/i.test(node.getAttribute("style")));
  if (!ignored) return "";
  ignored.remove();
  return ignored.textContent;
}

function tidy(body) {
  body.querySelectorAll("pre br").forEach((node) => node.replaceWith("\n"));
  body.querySelectorAll(`:is(${HEADINGS}) br`).forEach((node) => node.replaceWith(" "));
  for (const node of [...body.querySelectorAll("*")]) {
    const isLink = node.nodeName === "A" && LINK.test(node.getAttribute("href") ?? "");
    const isEmpty = !node.textContent.trim() && !["BR", "HR", "TD", "TH"].includes(node.nodeName);
    if (isEmpty && !node.querySelector("br")) node.replaceWith(node.textContent);
    else if (!KEPT.has(node.nodeName) || (node.nodeName === "A" && !isLink)) node.replaceWith(...node.childNodes);
    else for (const { name } of [...node.attributes]) if (!(isLink && name === "href") && name !== "start") node.removeAttribute(name);
  }
}

function wrapped(name, nodes) {
  const made = document.createElement(name);
  made.append(...nodes);
  return made;
}
