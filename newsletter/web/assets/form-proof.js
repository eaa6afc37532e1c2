// Lets the browser do some work instead of the person waiting, and then sends the form.
// Without scripts, or where a browser may not compute because there is no https, one waits and presses the button.

const proof = document.querySelector("[data-challenge]");

function show(isWorking) {
  document.querySelector("[data-wait]").hidden = isWorking;
  document.querySelector("[data-working]").hidden = !isWorking;
  proof.form.hidden = isWorking;
}

function send(challenge, solution) {
  proof.value = btoa(JSON.stringify({ challenge, solution }));
  proof.form.querySelector("button").click();
}

if (window.isSecureContext) {
  const challenge = JSON.parse(proof.dataset.challenge);
  const worker = new Worker(proof.dataset.worker);
  worker.addEventListener("message", ({ data }) => (data?.derivedKey ? send(challenge, data) : show(false)));
  worker.addEventListener("error", () => show(false));
  worker.postMessage({ type: "work", challenge, counterStart: 0, counterStep: 1 });
  show(true);
}
