// The views above the mail. Phone and desktop side by side are offered, and shown at first, where there is room.

const wide = matchMedia("(min-width: 106.25rem)");
const links = [...document.querySelectorAll("[data-view]")];

// Returns the view to begin with; `onLook` gets each one that is chosen.
export function chooseViews(onLook) {
  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      onLook(turnTo(link.dataset.view));
    });
  }
  wide.addEventListener("change", () => isShown("both") && !wide.matches && onLook(turnTo("phone")));
  return turnTo(first());
}

function first() {
  const isAsked = new URLSearchParams(location.search).has("view");
  if (wide.matches && !isAsked) return "both";
  return isShown("both") && !wide.matches ? "phone" : links.find(isCurrent).dataset.view;
}

function turnTo(view) {
  for (const link of links) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  return view;
}

const isCurrent = (link) => link.hasAttribute("aria-current");
const isShown = (view) => links.some((link) => isCurrent(link) && link.dataset.view === view);
