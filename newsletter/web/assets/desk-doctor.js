// Copies a record's parts, and says that a check is under way.

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

for (const form of document.querySelectorAll("form[data-working]")) {
  form.addEventListener("submit", () => { form.querySelector("[role=status]").textContent = form.dataset.working; });
}
