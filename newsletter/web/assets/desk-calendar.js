// The queue without leaving the page: rows are dragged by their grip, and the buttons keep the focus.
// Without this script each button is a form of its own, and the page that follows has the focus where it was.

const said = document.getElementById("calendar-said");

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.closest(".queue") || !form.elements.seen) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  send(form, data, event.submitter.id);
});

async function send(form, data, focused) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: data });
    show(await answer.text(), answer, focused);
  } catch {
    say("The server did not respond. The order has not changed.");
    restore();
  }
  delete form.dataset.pressed;
}

function show(text, answer, focused) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.getElementById("calendar");
  // Somebody else's order, a session that has ended: whatever it is, the page that came tells it.
  if (!fresh) return answer.redirected ? location.assign(answer.url) : swapMain(page);
  document.getElementById("calendar").replaceWith(fresh);
  prepare();
  say([...page.querySelectorAll("main [role=status] > *")].map((one) => one.textContent.trim()).join(" "));
  focus(focused);
}

function swapMain(page) {
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelector("main").focus();
}

function focus(id) {
  const button = document.getElementById(id);
  const other = button?.parentElement.querySelector("button:not([disabled])");
  (button?.disabled ? other : button)?.focus();
}

function say(sentence) {
  said.textContent = sentence;
}

// Dragging: the row follows the pointer, and its neighbours make room.

let drag = null;

function prepare() {
  document.querySelector(".queue")?.classList.add("is-draggable");
}

function restore() {
  const queue = document.querySelector(".queue");
  const order = queue.dataset.seen.split(",");
  queue.append(...order.map((id) => queue.querySelector(`[data-issue="${id}"]`)));
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest(".grip");
  if (!grip || event.button) return;
  event.preventDefault();
  const row = grip.closest("li");
  drag = { row, top: row.getBoundingClientRect().top, at: event.clientY, id: event.pointerId };
  grip.setPointerCapture(event.pointerId);
  row.classList.add("is-dragged");
});

document.addEventListener("pointermove", (event) => {
  if (drag?.id !== event.pointerId) return;
  const { row } = drag;
  place(event.clientY);
  const before = row.previousElementSibling;
  const after = row.nextElementSibling;
  if (before && middle(row) < middle(before)) before.before(row);
  else if (after && middle(row) > middle(after)) after.after(row);
  else return;
  place(event.clientY);
});

document.addEventListener("pointerup", (event) => {
  if (drag?.id !== event.pointerId) return;
  const { row } = drag;
  const queue = row.parentElement;
  drop();
  const order = [...queue.children].map((one) => one.dataset.issue).join(",");
  if (order === queue.dataset.seen) return;
  const form = row.querySelector("form");
  const data = new FormData(form);
  data.set("order", order);
  send(form, data, `up-${row.dataset.issue}`);
});

for (const end of ["pointercancel", "keydown"]) {
  document.addEventListener(end, (event) => {
    if (!drag || (end === "keydown" && event.key !== "Escape")) return;
    drop();
    restore();
  });
}

// Where the row stands in the list, and how far the pointer has carried it from there.
function place(pointer) {
  const { row, top, at } = drag;
  row.style.transform = "";
  row.style.transform = `translateY(${top + pointer - at - row.getBoundingClientRect().top}px)`;
}

function middle(row) {
  const box = row.getBoundingClientRect();
  return box.top + box.height / 2;
}

function drop() {
  drag.row.classList.remove("is-dragged");
  drag.row.style.transform = "";
  drag = null;
}

prepare();
