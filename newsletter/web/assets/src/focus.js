// Focus mode: nothing but the text. This device remembers it.

const KEPT_AS = "desk-focus-mode";

export class FocusMode {
  constructor({ announce }) {
    this.announce = announce;
    this.button = document.getElementById("focus-mode");
    this.button.addEventListener("click", () => this.turn(!this.isOn));
    addEventListener("keydown", (event) => this.#press(event));
    if (recalled()) this.#show(true);
  }

  get isOn() {
    return document.documentElement.dataset.focusMode === "on";
  }

  turn(on) {
    if (on === this.isOn) return;
    this.#show(on);
    keep(on);
    this.announce(on ? "Focus mode is on. Escape leaves it." : "Focus mode is off.");
  }

  #show(on) {
    document.documentElement.dataset.focusMode = on ? "on" : "off";
    this.button.textContent = on ? "Leave focus" : "Focus";
  }

  // Whatever else Escape closes, it closes first.
  #press(event) {
    const isToggle = event.key.toLowerCase() === "f" && event.ctrlKey && event.shiftKey && !event.altKey && !event.metaKey;
    const isLeaving = event.key === "Escape" && this.isOn && !event.defaultPrevented && !document.querySelector("dialog[open]");
    if (!isToggle && !isLeaving) return;
    event.preventDefault();
    this.turn(isToggle ? !this.isOn : false);
  }
}

function recalled() {
  try {
    return localStorage.getItem(KEPT_AS) === "on";
  } catch {
    return false;
  }
}

function keep(on) {
  try {
    localStorage.setItem(KEPT_AS, on ? "on" : "off");
  } catch {
    // Where the browser keeps nothing, each page begins with everything in sight.
  }
}
