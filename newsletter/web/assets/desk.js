// A second press of a button that is already at work would only meet what the first one changed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.pressed) event.preventDefault();
  form.dataset.pressed = "yes";
});

// A page that the browser kept and shows again has not been pressed.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.pressed;
});

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
