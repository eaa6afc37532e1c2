// The form: its fields and, in the editor, its text.

const OURS = ["csrf_token", "opened_by", "issue", "page", "for", "base", "draft", "tab", "turn", "publication"];

const same = (some, others) => some.join("\n") === others.join("\n");

export class Manuscript {
  constructor(form, editor) {
    this.form = form;
    this.editor = editor;
    form.addEventListener("formdata", (event) => event.formData.set("body", editor.text()));
  }

  // Whether there is an issue yet: an empty page has none until something is typed.
  get isBegun() {
    return this.get("issue") !== "";
  }

  // The name of what is written here, on this device; before there is an issue, that of the page.
  get name() {
    return this.get("issue") || `new-${this.get("page")}`;
  }

  // The address of an empty page; it leads on to the issue that was begun there.
  emptyPage(page = this.get("page")) {
    const address = new URL(this.form.dataset.begin, location);
    address.searchParams.set("page", page);
    return address;
  }

  // All that a request carries.
  words() {
    return new URLSearchParams(new FormData(this.form));
  }

  // Only what was typed, to tell whether it changed.
  typed() {
    const words = this.words();
    OURS.forEach((name) => words.delete(name));
    return words.toString();
  }

  get(name) {
    return this.form.elements[name].value;
  }

  set(name, value) {
    this.form.elements[name].value = value;
  }

  fill(typed) {
    const words = new URLSearchParams(typed);
    this.#fillRows(words);
    for (const [name, value] of words) {
      const field = this.form.elements[name];
      if (field instanceof HTMLInputElement && !name.startsWith("source_")) field.value = value;
    }
    this.editor.replace(words.get("body") ?? "");
    this.form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // The text as it is sent now; what is typed into it from here on is told apart from what comes in.
  sent() {
    this.editor.follow();
    return this.editor.text();
  }

  // Put in what came from elsewhere since `sent`, beside whatever was typed meanwhile.
  takeIn(form, sent, body) {
    const came = new URLSearchParams({ ...form, sources: "" });
    came.delete("sources");
    for (const { title, url } of form.sources) {
      came.append("source_title", title);
      came.append("source_url", url);
    }
    const mine = this.words();
    this.editor.takeIn(body, form.body);
    for (const [name, value] of came) {
      const field = this.form.elements[name];
      if (field instanceof HTMLInputElement && !name.startsWith("source_") && mine.get(name) === sent.get(name)) field.value = value;
    }
    if (["source_title", "source_url"].every((name) => same(mine.getAll(name), sent.getAll(name)))) this.#fillRows(came);
    this.form.dispatchEvent(new Event("input", { bubbles: true }));
    return came.toString();
  }

  #fillRows(words) {
    const titles = words.getAll("source_title");
    const urls = words.getAll("source_url");
    this.#rows(titles.length).forEach((row, place) => {
      row.querySelector("[name=source_title]").value = titles[place] ?? "";
      row.querySelector("[name=source_url]").value = urls[place] ?? "";
    });
  }

  addRow() {
    const row = document.getElementById("source-row").content.firstElementChild.cloneNode(true);
    const rows = this.form.querySelector(".source-rows");
    rows.append(row);
    row.querySelectorAll("input").forEach((input) => {
      input.setAttribute("aria-label", input.getAttribute("aria-label").replace("0", rows.children.length));
    });
    return row;
  }

  #rows(least) {
    const rows = this.form.querySelector(".source-rows");
    while (rows.children.length < least) this.addRow();
    return [...rows.children];
  }
}
