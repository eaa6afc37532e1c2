// The builder of segments, better than without a script: each row shows only what it needs, and who belongs is counted
// while one types. What the buttons do without it, they do without a new page.
const WAIT = 400;

const form = document.getElementById("builder");
const rows = document.getElementById("rows");
const who = document.getElementById("who");
const said = document.getElementById("who-said");
const blank = document.getElementById("blank-row");
const WITHOUT_VALUE = /\.(un)?known$/;
const SUGGESTED = ["tag", "status", "issue", "segment"];
const DAYS = /^joined\.(before|after)$/;

let waiting = 0;
let asking = null;
let made = rows.children.length;

function fit(row) {
  const test = row.querySelector("[data-test]").value;
  const about = test.split(".")[0];
  const cell = (name) => row.querySelector(`[data-cell=${name}]`);
  cell("attribute").hidden = about !== "attribute";
  cell("value").hidden = !test || WITHOUT_VALUE.test(test);
  const value = cell("value").querySelector("input");
  if (SUGGESTED.includes(about)) value.setAttribute("list", `of-${about}`);
  else value.removeAttribute("list");
  value.placeholder = DAYS.test(test) ? "2026-11-29" : about === "domain" ? "example.org" : "";
}

function number() {
  [...rows.children].forEach((row, at) => {
    row.querySelector("[data-number]").textContent = at + 1;
    const button = row.querySelector("[data-remove]");
    button.value = `remove-${at}`;
    button.setAttribute("aria-label", `Remove condition ${at + 1}`);
  });
}

function add() {
  const row = blank.content.firstElementChild.cloneNode(true);
  made += 1;
  for (const part of row.querySelectorAll("[id]")) part.id = part.id.replace("row-0", `row-${made}`);
  for (const label of row.querySelectorAll("[for]")) label.htmlFor = label.htmlFor.replace("row-0", `row-${made}`);
  row.querySelectorAll("[data-plain]").forEach((hint) => hint.remove());
  rows.append(row);
  number();
  fit(row);
  row.querySelector("[data-test]").focus();
}

function remove(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  number();
  if (next) next.querySelector("[data-test]").focus();
  else add();
  soon();
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(count, WAIT);
}

async function count() {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  try {
    const answer = await fetch(form.dataset.count, { method: "POST", body: new FormData(form), signal });
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.status);
    who.innerHTML = text;
    said.textContent = who.querySelector(".segment-count")?.textContent ?? "";
  } catch (error) {
    if (error.name !== "AbortError") who.textContent = "They could not be counted just now. Nothing that you typed is lost.";
  }
}

form.addEventListener("input", (event) => {
  const row = event.target.closest("[data-row]");
  if (row && event.target.matches("[data-test]")) fit(row);
  if (event.target.id !== "name") soon();
});

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches("[data-add]")) add();
  else if (button.matches("[data-remove]")) remove(button.closest("[data-row]"));
  else if (button.value === "count") count();
  else return;
  event.preventDefault();
});

document.querySelectorAll("#rows [data-plain]").forEach((hint) => hint.remove());
[...rows.children].forEach(fit);
if (!who.querySelector(".segment-count") && [...rows.querySelectorAll("[data-test]")].some((one) => one.value)) soon();
