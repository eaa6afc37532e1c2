// The calendar without leaving the page: issues are dragged by their grip, within the queue or into a slot, and the
// queue's buttons keep the focus. Without this script each act is a form or a link, and the page that follows says
// what it did.

const said = document.getElementById("calendar-said");
const EDGE = 40;
const PACE = 10;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.id !== "queue-form" || event.submitter.name !== "move") return;
  event.preventDefault();
  const sent = send(form.action, new FormData(form, event.submitter), queueAnswers(event.submitter.id));
  sent.finally(() => delete form.dataset.pressed);
});

// A move is sent; then it is made, or refused, or nobody answers.
async function send(action, data, { made, refused, unanswered }) {
  try {
    const answer = await fetch(action, { method: "POST", body: data });
    const page = parse(await answer.text());
    if (renew(page)) made([...page.getElementById("flashes").children]);
    // A session that has ended leads elsewhere.
    else if (answer.redirected) location.assign(answer.url);
    else await refused(page);
  } catch {
    unanswered();
    restore();
  }
}

// Within the queue: it is said, and the focus goes to a button.
const queueAnswers = (button) => ({
  made(messages) {
    say(messages.map((one) => one.textContent.trim()).join(" "));
    focus(button);
  },
  refused(page) {
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.querySelector("main").focus();
  },
  unanswered: () => say("The server did not respond. The order has not changed."),
});

// Into a slot. What is refused is told on the page as it is now.
const slotAnswers = {
  made: announce,
  async refused(page) {
    const answer = await fetch(location.href);
    if (!renew(parse(await answer.text()))) return location.reload();
    announce([sentence(page.querySelector(".sorry .lines").textContent)]);
  },
  unanswered: () => announce([sentence("The server did not respond. Load this page again to see where the issue is.")]),
};

function sentence(words) {
  const paragraph = document.createElement("p");
  paragraph.className = "said";
  paragraph.textContent = words;
  return paragraph;
}

function parse(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

function renew(page) {
  const fresh = page.getElementById("calendar");
  if (!fresh) return false;
  document.getElementById("calendar").replaceWith(fresh);
  prepare();
  return true;
}

// In sight and to screen readers, with the button that undoes it.
function announce(messages) {
  const status = document.getElementById("flashes");
  status.replaceChildren(...messages);
  status.scrollIntoView({ block: "nearest" });
}

function focus(id) {
  const button = document.getElementById(id);
  const other = button?.parentElement.querySelector("button:not([disabled])");
  (button?.disabled ? other : button)?.focus();
}

function say(sentence) {
  said.textContent = sentence;
}

// Dragging: the row follows the pointer; in the queue its neighbours make room, and a slot below it is marked.

let drag = null;

function prepare() {
  document.getElementById("calendar").classList.add("is-draggable");
}

function restore() {
  const queue = document.querySelector(".queue");
  if (!queue) return;
  const order = queue.dataset.seen.split(",");
  queue.append(...order.map((id) => queue.querySelector(`[data-issue="${id}"]`)));
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest(".grip");
  if (!grip || event.button) return;
  event.preventDefault();
  const row = grip.closest("[data-issue]");
  const box = row.getBoundingClientRect();
  drag = { row, inQueue: row.matches(".queue > *"), grab: [event.clientX - box.left, event.clientY - box.top] };
  drag.pointer = event;
  grip.setPointerCapture(event.pointerId);
  row.classList.add("is-dragged");
  requestAnimationFrame(scrollAlong);
});

document.addEventListener("pointermove", (event) => {
  if (drag?.pointer.pointerId !== event.pointerId) return;
  drag.pointer = event;
  carry();
  mark(slotBelow());
  if (drag.inQueue && !drag.slot) makeRoom();
});

document.addEventListener("pointerup", (event) => {
  if (drag?.pointer.pointerId !== event.pointerId) return;
  const { row, slot, inQueue } = drag;
  drop();
  if (slot) return put(row, slot);
  if (!inQueue) return say("That is not a slot. Nothing was moved.");
  const queue = row.parentElement;
  const order = [...queue.children].map((one) => one.dataset.issue).join(",");
  if (order === queue.dataset.seen) return;
  const form = document.getElementById("queue-form");
  const button = `up-${row.dataset.issue}`;
  const data = new FormData(form);
  data.set("move", button);
  data.set("order", order);
  send(form.action, data, queueAnswers(button));
});

for (const end of ["pointercancel", "keydown"]) {
  document.addEventListener(end, (event) => {
    if (!drag || (end === "keydown" && event.key !== "Escape")) return;
    drop();
    restore();
  });
}

function put(row, slot) {
  restore();
  const data = new FormData(document.getElementById("drop"));
  data.set("version", row.dataset.version);
  data.set("moment", slot.dataset.slot);
  data.set("seen", slot.dataset.seen);
  send(row.dataset.place, data, slotAnswers);
}

// Where the row stands in the page, and how far the pointer has carried it from there.
function carry() {
  const { row, grab, pointer } = drag;
  row.style.transform = "";
  const box = row.getBoundingClientRect();
  const [x, y] = [pointer.clientX - grab[0] - box.left, pointer.clientY - grab[1] - box.top];
  row.style.transform = `translate(${x}px, ${y}px)`;
}

function makeRoom() {
  const { row } = drag;
  const before = row.previousElementSibling;
  const after = row.nextElementSibling;
  if (before && middle(row) < middle(before)) before.before(row);
  else if (after && middle(row) > middle(after)) after.after(row);
  else return;
  carry();
}

function slotBelow() {
  const { row, pointer } = drag;
  const below = document.elementsFromPoint(pointer.clientX, pointer.clientY);
  return below.map((one) => one.closest("[data-slot]")).find((slot) => slot && slot !== row);
}

function mark(slot) {
  if (drag.slot === slot) return;
  drag.slot?.classList.remove("is-target");
  slot?.classList.add("is-target");
  drag.slot = slot;
}

function scrollAlong() {
  if (!drag) return;
  const y = drag.pointer.clientY;
  const by = y < EDGE ? -PACE : y > innerHeight - EDGE ? PACE : 0;
  if (by) {
    scrollBy(0, by);
    carry();
  }
  requestAnimationFrame(scrollAlong);
}

function middle(row) {
  const box = row.getBoundingClientRect();
  return box.top + box.height / 2;
}

function drop() {
  mark(undefined);
  drag.row.classList.remove("is-dragged");
  drag.row.style.transform = "";
  drag = null;
}

prepare();
