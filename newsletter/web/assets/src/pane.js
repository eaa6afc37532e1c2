// The mail as it is shown, in a frame or as plain text: its blocks know the lines of the text that they come from.

import { match } from "./exchange.js";
import { spotOf } from "./spot.js";

const MARK = "[data-here] { outline: 2px solid rgb(47 148 130 / .5); outline-offset: 6px; border-radius: 4px; }";
const FOOT = 32;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

class Pane {
  blocks = [];
  #marked;
  #followed;
  // Where it is scrolling to, and how far that is: whatever leads away from there is the reader's hand.
  #aim;
  #left;
  #seen = 0;
  #isHeld = false;
  // What is at the reader's eye, and how far from the top.
  #eye;

  constructor(element, onPick) {
    this.element = element;
    this.onPick = onPick;
  }

  // Shows the cursor's block, or one that is looked at; `share` is how far down in it. Somebody who scrolled
  // is not pulled back until it is another block.
  follow(block, share, { isCursor }) {
    if (!this.isLoaded) return;
    this.scrolled();
    if (isCursor) this.#mark(block?.element);
    if (!block) return;
    const isFirst = this.#followed === undefined;
    if (block.element !== this.#followed) this.#isHeld = false;
    this.#followed = block.element;
    if (!this.#isHeld) this.#bring(block.element, share, isFirst || calm.matches ? "instant" : "smooth");
  }

  // Another view of the mail: what comes into it is there at once.
  begin() {
    this.#followed = undefined;
    delete this.element.dataset.shown;
  }

  pickTop() {
    const block = this.#first();
    if (block) this.onPick({ line: block.first });
  }

  exchange(change) {
    this.scrolled();
    this.#remember();
    this.#mark();
    this.blocks = change();
    this.keepPlace();
  }

  // Whatever grew above it, what is at the reader's eye stays there.
  keepPlace() {
    if (!this.#eye?.element.isConnected) return;
    const moved = this.#top(this.#eye.element) - this.#eye.top;
    this.#scroll(this.scroller.scrollTop + moved, "instant");
  }

  picked = (event) => {
    if (this.scroller.ownerDocument.getSelection().type === "Range") return;
    const spot = spotOf(event, this.blocks);
    if (spot) this.onPick(spot);
  };

  // Heard of by an event, or found out before the next step.
  scrolled = () => {
    const { scrollTop } = this.scroller;
    if (scrollTop === this.#seen) return;
    this.#seen = scrollTop;
    const left = Math.abs(scrollTop - this.#aim);
    if (!(left <= this.#left)) this.#isHeld = true;
    this.#left = left;
    if (left < 2 || this.#isHeld) this.#aim = undefined;
    this.#remember();
  };

  #mark(element) {
    this.#marked?.removeAttribute("data-here");
    this.#marked = element;
    element?.setAttribute("data-here", "");
  }

  // At the very top it is the top.
  #remember() {
    const top = this.#marked && this.#top(this.#marked);
    const isSeen = top >= 0 && top < this.scroller.clientHeight;
    const element = isSeen ? this.#marked : this.#first()?.element;
    this.#eye = element && this.scroller.scrollTop > 0 ? { element, top: this.#top(element) } : undefined;
  }

  // The first block that starts in sight, or else the one that is all there is to see.
  #first() {
    const starts = this.blocks.map(({ element }) => this.#top(element));
    const at = starts.findIndex((top) => top >= 0 && top < this.scroller.clientHeight);
    return this.blocks.at(at < 0 ? starts.findLastIndex((top) => top < 0) : at);
  }

  #top(element) {
    return element.getBoundingClientRect().top - this.origin;
  }

  #bring(element, share, behavior) {
    const room = this.scroller.clientHeight;
    const place = this.#top(element) + element.getBoundingClientRect().height * share;
    if (!room || (place >= 0 && place <= room - FOOT)) return;
    this.#scroll(this.scroller.scrollTop + place - room * 0.4, behavior);
  }

  #scroll(to, behavior) {
    const { scroller } = this;
    const top = Math.round(Math.min(Math.max(to, 0), scroller.scrollHeight - scroller.clientHeight));
    const left = Math.abs(top - scroller.scrollTop);
    if (left < 1) return;
    [this.#aim, this.#left] = [top, left];
    scroller.scrollTo({ top, behavior });
  }
}

// A page of its own that runs no script and obeys none of the desk's styles.
export class FramePane extends Pane {
  isLoaded = false;
  #html;

  constructor(frame, { onPick, onArrival, onResize }) {
    super(frame, onPick);
    this.onArrival = onArrival;
    frame.addEventListener("load", () => this.#arrive());
    this.growth = new ResizeObserver(() => this.keepPlace());
    const size = new ResizeObserver(() => {
      this.#fit();
      onResize();
    });
    size.observe(frame.parentElement);
    if (this.#page?.readyState === "complete") this.#arrive();
  }

  get #page() {
    return this.element.contentDocument;
  }

  get scroller() {
    return this.#page.scrollingElement;
  }

  origin = 0;

  load(address) {
    this.isLoaded = false;
    this.element.src = address;
  }

  look({ name, width }) {
    this.element.className = `sheet sheet-${name}`;
    this.width = width;
    this.#html = undefined;
    this.begin();
    this.#fit();
  }

  show({ html }) {
    this.#html = html;
    if (!this.isLoaded) return;
    const page = this.#page;
    const fresh = page.createElement("html");
    fresh.innerHTML = html;
    this.exchange(() => {
      const lines = takeLines(fresh.children[1]);
      [page.head, page.body].forEach((part, place) => match(part, fresh.children[place]));
      return blocksOf(page.body, lines);
    });
  }

  #arrive() {
    const page = this.#page;
    if (page.URL === "about:blank") return;
    const { CSSStyleSheet } = page.defaultView;
    const style = new CSSStyleSheet();
    // The browser's own anchor would not tell its steps from the reader's.
    style.replaceSync(`html { overflow-anchor: none; } ${MARK}`);
    page.adoptedStyleSheets = [style];
    page.addEventListener("click", this.picked);
    page.addEventListener("scroll", this.scrolled);
    page.addEventListener("keydown", this.#pressed);
    document.getElementById("mail-click").hidden = !isHeard(page);
    this.growth.disconnect();
    this.growth.observe(page.body);
    this.isLoaded = true;
    if (this.#html === undefined) return;
    this.show({ html: this.#html });
    this.onArrival();
  }

  #pressed = (event) => {
    if (event.key === "Enter" && !event.target.closest("a")) this.pickTop();
  };

  // A mail for a wide window in a narrower place.
  #fit() {
    const scale = this.width ? Math.min(1, this.element.parentElement.clientWidth / this.width) : 1;
    const { style } = this.element;
    style.transform = scale < 1 ? `scale(${scale})` : "";
    style.width = scale < 1 ? `${this.width}px` : "";
    style.height = scale < 1 ? `${100 / scale}%` : "";
  }
}

export class TextPane extends Pane {
  constructor(element, { onPick }) {
    super(element, onPick);
    element.addEventListener("click", this.picked);
    element.addEventListener("scroll", this.scrolled);
    element.addEventListener("keydown", (event) => event.key === "Enter" && this.pickTop());
  }

  isLoaded = true;

  get scroller() {
    return this.element;
  }

  get origin() {
    return this.element.getBoundingClientRect().top;
  }

  show({ text }) {
    const fresh = this.element.cloneNode();
    for (const [line, words] of text) fresh.append(...(line ? passage(line, words) : [words]));
    this.exchange(() => {
      const lines = takeLines(fresh);
      match(this.element, fresh);
      return blocksOf(this.element, lines);
    });
  }
}

// Whether a page that runs no script passes on its events; in WebKit it does not (bug 218086).
function isHeard(page) {
  let heard = false;
  page.addEventListener("probe", () => (heard = true), { once: true });
  page.dispatchEvent(new Event("probe"));
  return heard;
}

function passage(line, words) {
  const block = document.createElement("span");
  block.dataset.line = line;
  block.textContent = words.trimEnd();
  return [block, words.slice(block.textContent.length)];
}

// The lines are not left in the document: where one line more moved all of them, every block would differ.
function takeLines(root) {
  const found = [];
  [...root.querySelectorAll("*")].forEach((element, place) => {
    if (element.dataset.line) found.push({ place, line: Number(element.dataset.line) });
    element.removeAttribute("data-line");
  });
  return found;
}

function blocksOf(root, lines) {
  const all = root.querySelectorAll("*");
  return lines.map(({ place, line }) => {
    const element = all[place];
    // The code between fences starts a line below its block.
    const fenced = element.matches("pre > code");
    return { line, first: line + fenced, element: fenced ? element.parentElement : element };
  });
}
