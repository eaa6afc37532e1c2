// Shows what is chosen before it is saved: the logo, the mail in these colours, and whether they can be read, which the
// server decides by the same rule when they are saved.

const UNHURRIED = 250;

const light = (hex) => {
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const contrast = (one, other) => {
  const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
};

const readable = (accent) => (contrast(accent, "#ffffff") > contrast(accent, "#14191b") ? "#ffffff" : "#14191b");

const verdict = (accent, { paper, sand, least }) => {
  const grounds = { "links on paper": paper, "titles of callouts": sand, "words on buttons": readable(accent) };
  const measured = Object.entries(grounds).map(([place, ground]) => [place, contrast(accent, ground)]);
  const weak = measured.filter(([, ratio]) => ratio < Number(least));
  const named = weak.map(([place, ratio]) => `${place} ${ratio.toFixed(1)}`).join(", ");
  const lowest = Math.min(...measured.map(([, ratio]) => ratio)).toFixed(1);
  return weak.length ? `Too little contrast: ${named}; at least ${least} to 1 is needed.` : `Good contrast: ${lowest} to 1 or more.`;
};

// A new frame takes the place of the old one once it has loaded, so that nothing flickers and nobody loses their place.
const reload = (frame, address) => {
  const next = frame.cloneNode();
  next.classList.add("is-loading");
  next.src = address;
  next.addEventListener("load", () => {
    if (!frame.isConnected) { next.remove(); return; }
    const { scrollY } = frame.contentWindow;
    frame.remove();
    next.classList.remove("is-loading");
    next.contentWindow.scrollTo(0, scrollY);
  }, { once: true });
  frame.after(next);
};

const colours = document.querySelectorAll(".colour .form-control");

const showMail = () => {
  document.querySelectorAll(".branding-mails figure").forEach((figure) => {
    figure.querySelectorAll(".is-loading").forEach((late) => late.remove());
    const frame = figure.querySelector("iframe");
    const address = new URL(frame.src);
    colours.forEach((field) => address.searchParams.set(field.name, field.value.trim()));
    reload(frame, address.href);
  });
};

let waiting = 0;
const showMailSoon = () => {
  clearTimeout(waiting);
  waiting = setTimeout(showMail, UNHURRIED);
};

for (const field of document.querySelectorAll(".colour")) {
  const typed = field.querySelector(".form-control");
  const well = field.querySelector(".colour-well");
  const said = field.querySelector(".colour-said");
  const fault = field.querySelector(".invalid-feedback");

  const show = () => {
    const accent = typed.value.trim().toLowerCase();
    const isColour = /^#[0-9a-f]{6}$/.test(accent);
    if (isColour) well.value = accent;
    // What the server said of it stands there until it is changed.
    said.textContent = fault?.isConnected ? "" : isColour ? verdict(accent, field.dataset) : accent && "Give a colour like #1a6b5c.";
    said.classList.toggle("is-weak", said.textContent.startsWith("Too"));
    return isColour;
  };

  const forgive = () => {
    fault?.remove();
    typed.classList.remove("is-invalid");
    typed.removeAttribute("aria-invalid");
  };

  well.hidden = false;
  well.addEventListener("input", () => { typed.value = well.value; forgive(); show(); showMailSoon(); });
  typed.addEventListener("input", () => { forgive(); if (show()) showMailSoon(); });
  show();
}

document.querySelectorAll("[data-show]").forEach((button) => { button.hidden = true; });

const picture = document.querySelector("#picture");
const chosen = document.querySelector(".logo-chosen");
picture.addEventListener("change", () => {
  const [file] = picture.files;
  chosen.hidden = true;
  if (!file) return;
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    const image = chosen.querySelector("img");
    image.addEventListener("load", () => { chosen.hidden = false; }, { once: true });
    image.src = reader.result;
  });
  reader.readAsDataURL(file);
});
