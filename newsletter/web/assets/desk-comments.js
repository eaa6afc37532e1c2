// One key for each decision, while a comment has the focus, so that no key acts by accident (WCAG 2.1.4).
const list = document.querySelector("[data-comments]");

if (list) {
  const rows = [...list.children];
  document.querySelector("[data-keys]").hidden = false;
  for (const row of rows) row.tabIndex = 0;
  // After a decision the page is a new one, and the next comment is the first.
  if (document.activeElement === document.body && !location.hash) rows[0].focus({ preventScroll: true });

  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea")) return;
    const row = event.target.closest("[data-comments] > li");
    const place = rows.indexOf(row);
    if (event.key === "j") rows[Math.min(place + 1, rows.length - 1)].focus();
    else if (event.key === "k") rows[Math.max(place - 1, 0)].focus();
    else if (event.key === "x") row.querySelector("[name=comment]").click();
    else row.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  });
}
