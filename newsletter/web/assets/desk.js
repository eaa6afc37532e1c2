// Without a network the browser would show a page of its own in place of what was typed.
const offline = Object.assign(document.createElement("p"), {
  className: "warn",
  textContent: "You are offline. Nothing was sent, and what you typed stays here. Try again when the connection is back.",
});
offline.setAttribute("role", "alert");
addEventListener("online", () => offline.remove());

async function sendIfAnswered(form, button) {
  // A browser on a machine without a network says that it is offline, even if the desk runs on that same machine.
  const isAnswered = await fetch("/healthz", { signal: AbortSignal.timeout(3000) }).then(() => true, () => false);
  if (!isAnswered) return form.append(offline);
  form.dataset.answered = "yes";
  form.requestSubmit(button);
}

// A second press of a button that is already at work would only meet what the first one changed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!navigator.onLine && !form.dataset.answered && !event.defaultPrevented && form.method !== "dialog") {
    event.preventDefault();
    sendIfAnswered(form, event.submitter);
    return;
  }
  if (form.dataset.pressed) event.preventDefault();
  form.dataset.pressed = "yes";
});

function forgetPresses() {
  for (const form of document.forms) {
    delete form.dataset.pressed;
    delete form.dataset.answered;
  }
}

// A page that the browser kept and shows again has not been pressed, nor one whose answer did not replace it: somebody
// stopped it, or it is a file.
addEventListener("pageshow", forgetPresses);
window.navigation?.addEventListener("navigateerror", forgetPresses);

// Come back to, a page shows what was true when it was left; its buttons would meet what has changed since. Not one that
// answered a form, which would be sent again.
addEventListener("pageshow", (event) => {
  const isOld = event.persisted || performance.getEntriesByType("navigation")[0].type === "back_forward";
  if (isOld && navigator.onLine && document.body.dataset.method === "GET" && !isTypedInto()) location.reload();
});

function isTypedInto() {
  return [...document.querySelectorAll("input, textarea, select")].some((field) => (
    field.options
      ? [...field.options].some((one) => one.defaultSelected && !one.selected)
      : field.value !== field.defaultValue || field.checked !== field.defaultChecked
  ));
}

// Buttons that copy the code beside them.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
}
