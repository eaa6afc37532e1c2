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
