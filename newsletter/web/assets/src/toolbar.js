// The toolbar above the text (ARIA's pattern: one stop of the Tab key, the arrow keys within).

export class Toolbar {
  constructor({ place, onPress }) {
    this.buttons = [...place.querySelectorAll("button")];
    this.#stopAt(this.buttons[0]);
    stayBelow(document.querySelector(".next"), place.parentElement);
    // The text keeps the focus, and a phone its keyboard.
    place.addEventListener("mousedown", (event) => event.preventDefault());
    place.addEventListener("keydown", (event) => this.#move(event));
    place.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!button) return;
      this.#stopAt(button);
      onPress(button.value);
    });
  }

  show(marks) {
    for (const button of this.buttons) {
      if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", String(marks[button.value]));
      else if (button.value === "picture") name(button, marks.picture ? "Change this picture" : "Add a picture", marks.picture);
    }
  }

  #move(event) {
    const last = this.buttons.length - 1;
    const at = this.buttons.indexOf(event.target);
    const next = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.#stopAt(this.buttons[next]);
    this.buttons[next].focus();
  }

  #stopAt(stop) {
    for (const button of this.buttons) button.tabIndex = button === stop ? 0 : -1;
  }
}

function name(button, words, isHere) {
  button.ariaLabel = button.title = words;
  button.classList.toggle("is-here", isHere);
}

// In sight while a long text scrolls, below what else stays there.
function stayBelow(bar, place) {
  if (!bar) return;
  const stay = () => (place.style.top = getComputedStyle(bar).position === "sticky" ? `${bar.offsetHeight}px` : "");
  new ResizeObserver(stay).observe(bar);
}
