// Says, while a colour is chosen, whether it can be read; the server decides by the same rule when it is kept.

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

for (const field of document.querySelectorAll(".colour")) {
  const typed = field.querySelector(".form-control");
  const well = field.querySelector(".colour-well");
  const swatch = field.querySelector(".swatch");
  const said = field.querySelector(".colour-said");
  const { paper, sand, least } = field.dataset;

  const show = () => {
    const accent = typed.value.trim().toLowerCase();
    const isColour = /^#[0-9a-f]{6}$/.test(accent);
    swatch.hidden = !isColour;
    said.textContent = isColour || !accent ? "" : "Write it as #rrggbb.";
    if (!isColour) return;
    well.value = accent;
    const words = readable(accent);
    swatch.style.background = paper;
    swatch.querySelector(".swatch-link").style.color = accent;
    Object.assign(swatch.querySelector(".swatch-press").style, { background: accent, color: words });
    const weakest = Math.min(contrast(accent, paper), contrast(accent, sand), contrast(accent, words));
    const isWeak = weakest < Number(least);
    said.classList.toggle("is-weak", isWeak);
    said.textContent = isWeak
      ? `Too little contrast: ${weakest.toFixed(1)} to 1; at least ${least} is needed.`
      : `Good contrast: ${weakest.toFixed(1)} to 1 or more.`;
  };

  well.hidden = false;
  well.addEventListener("input", () => { typed.value = well.value; show(); });
  typed.addEventListener("input", show);
  show();
}
