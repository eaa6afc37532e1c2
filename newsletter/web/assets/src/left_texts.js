// What was left on this device: the text of this tab is taken up again, those of closed windows are offered.

import * as device from "./device.js";
import { openTabs } from "./tab.js";

// How long the other windows of this browser may take to say that they are open, where no lock tells it.
const PATIENCE = 300;
const AGAIN = 2000;

export class LeftTexts {
  constructor({ manuscript, tab, autosave, presence }) {
    Object.assign(this, { manuscript, tab, autosave, presence });
    this.writer = manuscript.form.dataset.writer;
    this.place = document.getElementById("left-here");
  }

  // A tab that crashed, or that the system closed, left its text here; `last` is what the server has of it.
  async takeUp(last) {
    if (this.tab.left) return this.autosave.takeUp(this.tab.left, last);
    await this.tab.claimed;
    const text = (await device.left(this.manuscript.name, this.writer)).find((one) => one.tab === this.tab.name);
    if (text && this.autosave.isKept) this.autosave.takeUp(text, last);
  }

  async offer() {
    const pause = navigator.locks ? undefined : new Promise((resolve) => setTimeout(resolve, PATIENCE));
    const [texts] = await Promise.all([this.manuscript.isBegun ? device.left(this.manuscript.name, this.writer) : this.#unbegun(), pause]);
    const here = this.manuscript.typed();
    const open = [this.tab.name, ...this.presence.tabs, ...(await openTabs())];
    const lost = texts.filter((text) => !open.includes(text.tab));
    for (const text of lost) if (text.typed === here) device.remove(text);
    const text = lost.find((one) => one.typed !== here);
    this.place.hidden = !text;
    if (text) this.#show(text);
  }

  #show(text) {
    const timeZone = this.manuscript.form.dataset.zone;
    const when = new Date(text.at).toLocaleString("en-GB", { weekday: "long", hour: "2-digit", minute: "2-digit", timeZone });
    this.place.firstElementChild.textContent = `This device has text from ${when} that was never saved.`;
    this.place.onclick = ({ target }) => target.value && this.#settle(target.value, text);
  }

  async #settle(wish, text) {
    if (wish === "take") this.autosave.restore(text);
    await device.remove(text);
    this.offer();
  }

  // Of the empty pages that were left with a text: those that have an issue by now need nobody's help, and those that
  // are open need none as long as they are.
  async #unbegun() {
    const lost = [];
    for (const text of await device.leftUnbegun(this.writer)) {
      if (text.tab === this.tab.name) continue;
      if ((await openTabs()).includes(text.tab)) {
        setTimeout(() => this.manuscript.isBegun || this.offer(), AGAIN);
        continue;
      }
      const issue = await this.#issueOf(text.page);
      if (issue) {
        await device.put({ ...text, issue });
        await device.remove(text);
      } else lost.push(text);
    }
    return lost;
  }

  async #issueOf(page) {
    const answer = await fetch(this.manuscript.emptyPage(page)).catch(() => ({ redirected: false }));
    if (!answer.redirected) return "";
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    return found.querySelector("#manuscript [name=issue]")?.value ?? "";
  }
}
