// An issue's page follows it while it goes out: by a stream of events or, where there is none to be had, by asking.
const ASK_EVERY = 3000;

const going = document.getElementById("going");
const said = document.getElementById("going-said");
let source = null;
let asking = 0;

// Not each number is read out, which nobody could bear: only every tenth part of the way.
let told = tenth();
function tenth() {
  const tempo = going.querySelector("[data-percent]");
  return tempo ? Math.floor(tempo.dataset.percent / 10) : null;
}
function tell() {
  const now = tenth();
  if (now !== null && now !== told) said.textContent = going.querySelector("[data-percent]").textContent;
  told = now;
}

function ask() {
  clearInterval(asking);
  asking = setInterval(() => htmx.trigger(going, "look"), ASK_EVERY);
}

function listen() {
  source = new EventSource(going.dataset.events);
  source.addEventListener("progress", (event) => {
    htmx.swap(going, event.data, { swapStyle: "innerHTML" });
    tell();
  });
  source.addEventListener("over", () => {
    source.close();
    location.reload();
  });
  source.addEventListener("error", () => {
    // A stream that came to its end is opened again by the browser; one that was refused is not.
    if (source.readyState === EventSource.CLOSED) ask();
  });
}

function stop() {
  clearInterval(asking);
  source?.close();
}

if (going?.dataset.events) {
  going.addEventListener("htmx:afterSwap", tell);
  listen();
  // A page that nobody looks at takes no seat.
  document.addEventListener("visibilitychange", () => {
    stop();
    if (!document.hidden) listen();
  });
  addEventListener("pagehide", stop);
  // A press that pauses the issue leads to the page that it asked for, however late that comes, and not back to this one.
  document.addEventListener("submit", (event) => event.defaultPrevented || stop());
}
