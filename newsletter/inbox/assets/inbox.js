// Keeps the list up to date without reloading. The page works without it.

const EVERY = 2000; // milliseconds
const list = document.getElementById("mails");

const short = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false };
const long = { ...short, weekday: "long", month: "long", year: "numeric", second: "2-digit", timeZoneName: "short" };

function localTime(time) {
  const format = new Intl.DateTimeFormat("en-GB", "long" in time.dataset ? long : short);
  time.textContent = format.format(new Date(time.dateTime));
}

function show(row, name, text) {
  row.querySelector(`[data-show="${name}"]`).textContent = text;
}

function rowFor(mail) {
  const row = document.getElementById("row").content.firstElementChild.cloneNode(true);
  const link = row.querySelector("a");
  row.dataset.id = mail.id;
  link.setAttribute("href", link.getAttribute("href").replace("MAIL-ID", mail.id));
  for (const name of ["to", "from"]) show(row, name, mail[name]);
  show(row, "subject", mail.subject || "(no subject)");
  const time = row.querySelector("time");
  time.dateTime = mail.received_at;
  localTime(time);
  return row;
}

// Rows that stay are not moved, so the keyboard's place in the list is kept.
function update(mails) {
  const wanted = new Set(mails.map((mail) => mail.id));
  for (const row of [...list.children]) if (!wanted.has(row.dataset.id)) row.remove();
  let place = list.firstElementChild;
  for (const mail of mails) {
    if (place?.dataset.id === mail.id) place = place.nextElementSibling;
    else list.insertBefore(rowFor(mail), place);
  }
}

function count(shown, more) {
  const number = document.getElementById("number");
  const words = more ? `${shown}+` : String(shown);
  // A status is read aloud when it changes, so it is left alone when it does not.
  if (number.textContent === words) return;
  number.textContent = words;
  document.getElementById("noun").textContent = shown === 1 ? "email" : "emails";
  document.getElementById("empty").hidden = shown > 0;
  if (shown > 0) document.getElementById("delete").hidden = false;
}

async function look() {
  const limit = Number(list.dataset.limit);
  const query = new URLSearchParams({ q: list.dataset.query, limit: limit + 1 });
  const answer = await fetch(`${list.dataset.live}?${query}`, { cache: "no-cache" });
  if (!answer.ok) throw new Error(answer.statusText);
  const mails = await answer.json();
  update(mails.slice(0, limit));
  count(Math.min(mails.length, limit), mails.length > limit);
}

async function keepLooking() {
  if (!document.hidden) {
    const offline = document.getElementById("offline");
    offline.hidden = await look().then(() => true, () => false);
  }
  setTimeout(keepLooking, EVERY);
}

document.querySelectorAll("time").forEach(localTime);
if (list?.dataset.live) {
  document.querySelectorAll("[data-live-note]").forEach((note) => { note.hidden = false; });
  keepLooking();
}
