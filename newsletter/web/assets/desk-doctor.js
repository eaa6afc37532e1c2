// Says that a check is under way.

for (const form of document.querySelectorAll("form[data-working]")) {
  form.addEventListener("submit", () => { form.querySelector("[role=status]").textContent = form.dataset.working; });
}
