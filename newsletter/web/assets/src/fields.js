// Beside each field: how long it is, and what is wrong with it.

const FIELD = /\{\{[^{}|]*\|?([^{}]*)\}\}/g;

export function count(form) {
  for (const counter of form.querySelectorAll("output[data-most]")) {
    const words = form.elements[counter.htmlFor.value].value.replace(FIELD, (_, fallback) => fallback.trim());
    const length = [...words.trim()].length;
    const fits = length >= counter.dataset.least && length <= counter.dataset.most;
    counter.value = length ? `${length} now${fits ? "" : length < counter.dataset.least ? ": too short" : ": too long"}` : "";
    counter.classList.toggle("is-off", length > 0 && !fits);
  }
}

export function complain(form, editor, faults) {
  const at = (name) => faults.filter((fault) => fault.field === name);
  for (const place of form.querySelectorAll("p[id$=-fault]")) {
    const name = place.id.replace(/-fault$/, "");
    const found = at(name === "form" ? "" : name);
    setText(place, found.map((fault) => fault.text).join(" "));
    const field = form.elements[name];
    if (field instanceof HTMLInputElement) mark(field, found.length > 0);
  }
  const rows = new Set(at("sources").map((fault) => fault.line));
  form.querySelectorAll(".source-row").forEach((row, place) => {
    row.querySelectorAll("input").forEach((input) => mark(input, rows.has(place + 1)));
  });
  inText(document.getElementById("body-fault"), editor, at("body"));
}

function inText(list, editor, faults) {
  const shown = JSON.stringify(faults);
  if (list.dataset.told !== shown) {
    list.dataset.told = shown;
    list.replaceChildren(...faults.map((fault) => item(editor, fault)));
  }
  editor.mark(faults.map((fault) => fault.line));
}

function item(editor, fault) {
  const jump = document.createElement("button");
  jump.type = "button";
  jump.className = "write-jump";
  jump.textContent = `Line ${fault.line}`;
  jump.addEventListener("click", () => editor.goTo(fault.line));
  const made = document.createElement("li");
  made.append(jump, ` ${fault.text}`);
  return made;
}

export function mark(field, isWrong) {
  if (isWrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  field.classList.toggle("is-invalid", isWrong);
}

// What is there already is not announced again.
export function setText(place, words) {
  if (place.textContent !== words) place.textContent = words;
}
