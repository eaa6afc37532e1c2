// The writing page: the form that works by itself becomes an editor with a live preview, and keeps what is typed.

import { Details } from "./details.js";
import { Editor } from "./editor.js";
import { Following } from "./following.js";
import { Autosave } from "./autosave.js";
import { FocusMode } from "./focus.js";
import { LeftTexts } from "./left_texts.js";
import { Manuscript } from "./manuscript.js";
import { Overlap } from "./overlap.js";
import { Pictures } from "./pictures.js";
import { Preflight } from "./preflight.js";
import { Presence } from "./presence.js";
import { Sheet } from "./sheet.js";
import { SnippetDialog } from "./snippets.js";
import { Tab } from "./tab.js";
import { Toolbar } from "./toolbar.js";
import { ask } from "./server.js";
import { chooseViews } from "./views.js";
import { complain, count, setText } from "./fields.js";
import { followed } from "./leaving.js";
import { pasted } from "./pasting.js";

const form = document.getElementById("manuscript");
const { nonce, gotoField, gotoLine, lastTab, lastTurn } = form.dataset;
const last = { tab: lastTab, turn: Number(lastTurn) };
const at = (id) => document.getElementById(id);
const dialogs = { signIn: at("ask-sign-in"), gone: at("ask-gone") };

let waiting;
// Whether the page is left for the review of a correction, once what was typed is saved.
let reviewing = false;
let shownRevision = Number(form.elements.base.value);
const tools = { picture: () => pictures.changeOrAdd(), snippet: () => snippetDialog.open(), find: () => editor.find() };
const toolbar = new Toolbar({
  place: at("write-toolbar"),
  onPress: (name) => (name in tools ? tools[name]() : editor.press(name)),
});
const editor = new Editor({
  textarea: at("body"),
  nonce,
  onChange: () => changed(),
  onUpdate: (update) => following.changed(update),
  onMarks: (marks) => toolbar.show(marks),
  onPicture: () => pictures.choose(),
  handlers: { paste: (event) => paste(event), drop: (event) => drop(event), keydown: (event) => escape(event), blur: () => void editor.view.setTabFocusMode(false) },
});
const manuscript = new Manuscript(form, editor);
const tab = new Tab({ issue: manuscript.name, writer: form.dataset.writer, last });
const details = new Details(form);
const focusMode = new FocusMode({ announce });
const pictures = new Pictures({ manuscript, editor, announce, begin: () => autosave.begin() });
const snippetDialog = new SnippetDialog({ manuscript, editor, announce });
const autosave = new Autosave({ manuscript, tab, showState, heard, begun, overlap, signedOut, gone });
const overlaps = new Overlap({ manuscript, tab, onLater: later, onOne: ({ page }) => leaveFor(page) });
const following = new Following({ view: editor.view, panes: () => sheet.panes(), onJump: show });
const sheet = new Sheet({
  manuscript,
  view: chooseViews((view) => sheet.look(view)),
  onFaults: previewed,
  onAsk: () => following.asked(),
  onAnswer: () => following.answered(),
  onShow: () => following.follow(),
  onPick: (spot) => following.jump(spot),
});
at("mail-to-text").addEventListener("click", () => sheet.pickTop());
const preflight = new Preflight({ manuscript, onJump: show });
const presence = new Presence({ manuscript, tab, heard: greeted, signedOut, gone });
const leftTexts = new LeftTexts({ manuscript, tab, autosave, presence });

// Typing

form.addEventListener("input", () => {
  count(form);
  changed();
});
count(form);

function changed() {
  at("discard")?.remove();
  autosave.changed();
  sheet.changed();
  preflight.changed();
}

function previewed(faults, answer) {
  complain(form, editor, faults);
  details.complain(faults);
  details.show(answer);
}

function paste(event) {
  const files = [...event.clipboardData.files];
  if (editor.link(event.clipboardData.getData("text/plain"))) {
    event.preventDefault();
    return true;
  }
  const copied = pasted(event.clipboardData.getData("text/html"));
  if (copied.markdown) {
    editor.insert(copied.markdown);
    pictures.takePasted(copied);
  } else if (files.length) pictures.take(files);
  else if (copied.pictures.length || copied.left) pictures.takePasted(copied);
  else return false;
  event.preventDefault();
  return true;
}

function drop(event) {
  const files = [...event.dataTransfer.files];
  if (!files.length) return false;
  event.preventDefault();
  const anchor = editor.view.posAtCoords({ x: event.clientX, y: event.clientY }) ?? editor.view.state.doc.length;
  editor.view.dispatch({ selection: { anchor } });
  pictures.take(files);
  return true;
}

// Until something else is pressed: to hear the words below takes longer than the two seconds that CodeMirror waits.
function escape({ key }) {
  const isLeaving = key === "Escape" && !editor.isOffering();
  if (isLeaving) announce("Tab now leaves the text.");
  if (!["Tab", "Shift"].includes(key)) editor.view.setTabFocusMode(isLeaving);
  return false;
}

// Saving

form.addEventListener("submit", (event) => {
  event.preventDefault();
  reviewing = event.submitter?.name === "review";
  autosave.save();
});
// The frame's own script lets no form be sent twice; these are asked, and answered, again and again.
for (const one of [form, ...document.querySelectorAll("dialog form")]) {
  one.addEventListener("submit", (event) => event.stopPropagation());
}
addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  autosave.save();
});

// A second click does not wait.
let isLeaving = false;

addEventListener("click", async (event) => {
  const link = followed(event);
  if (!link || isLeaving) return;
  event.preventDefault();
  isLeaving = true;
  await autosave.leave();
  location.assign(link.href);
  isLeaving = false;
});

function announce(words) {
  setText(at("said"), words);
}

function showState(words, faults) {
  announce(words);
  if (!faults) return;
  reviewing = false;
  complain(form, editor, faults);
  const [first] = faults;
  if (first?.field) show(first.field, first.line);
}

function heard(standing) {
  presence.show(standing.presence);
  const [words] = at("news").children;
  at("news").hidden = !standing.news;
  setText(words, standing.news);
  at("news").querySelector("button").hidden = !standing.open;
  if (standing.page !== location.pathname) history.replaceState(null, "", standing.page);
  if (standing.said.startsWith("Saved")) at("discard")?.remove();
  if (standing.said.startsWith("Saved") && standing.revision !== shownRevision) presence.saved();
  shownRevision = standing.revision;
  if (reviewing && standing.said.startsWith("Saved")) location.assign(form.dataset.review);
}

function greeted(standing) {
  heard(standing);
  autosave.hear(standing);
}

// To a page that has all that was typed here.
async function leaveFor(page) {
  autosave.known = manuscript.typed();
  await autosave.forget();
  location.assign(page);
}

// Two texts

at("news").querySelector("button").addEventListener("click", () => autosave.save());

function overlap(answer) {
  // While the draft on the server is another window's, this one's text stays on the device.
  autosave.suspended = !answer.kept;
  overlaps.open(answer);
}

function later() {
  const place = autosave.suspended ? "on this device" : "as your draft";
  announce(`Your text is kept ${place}. Merge the two versions to save it.`);
  at("news").hidden = false;
  at("news").firstElementChild.textContent = "There are two versions of this issue.";
}

// What stands in the way

// Who was asked once and would rather write on is asked again only on saving.
function signedOut(wanted) {
  if (waiting && wanted !== "save") return;
  if (!dialogs.signIn.open) dialogs.signIn.showModal();
  if (waiting) return;
  announce("Signed out. Your text is kept on this device.");
  waiting = setInterval(async () => {
    if (!(await isBack())) return;
    clearInterval(waiting);
    waiting = undefined;
    dialogs.signIn.close();
    autosave.resume();
  }, 2000);
}

async function isBack() {
  if (manuscript.isBegun) return (await presence.hello()) === 200;
  await autosave.resume();
  return manuscript.isBegun;
}

function gone() {
  if (dialogs.gone.open || dialogs.gone.dataset.told) return;
  dialogs.gone.dataset.told = "yes";
  autosave.suspended = true;
  announce("This issue was deleted. Your text is kept on this device.");
  dialogs.gone.showModal();
}

dialogs.gone.querySelector("[value=begin]").addEventListener("click", async () => {
  const answer = await ask(form.dataset.begin, manuscript.words());
  if (answer.status !== 201) at("ask-gone-fault").textContent = answer.fault ?? "It could not be saved. Try again in a minute.";
  else leaveFor(answer.page);
});
dialogs.gone.querySelector("a").addEventListener("click", (event) => {
  event.currentTarget.href = URL.createObjectURL(new Blob([editor.text()], { type: "text/markdown" }));
});

// What was left on this device

leftTexts.takeUp(last);
leftTexts.offer();

// An empty page

function begun() {
  for (const part of document.querySelectorAll(".write-begun")) part.hidden = false;
  document.querySelector(".write-start")?.remove();
  presence.start();
  sheet.begin();
  preflight.changed();
}

if (!manuscript.isBegun) {
  // So that a reload, or the way back, finds what was begun here.
  history.replaceState(null, "", manuscript.emptyPage());
  editor.view.focus();
  at("for")?.addEventListener("change", ({ target }) => autosave.isKept && turnToPublication(target.value));
}

// Its page shows its sender, and offers its templates.
function turnToPublication(slug) {
  const address = manuscript.emptyPage();
  address.searchParams.set("publication", slug);
  location.assign(address);
}

// The page's own parts

document.querySelectorAll(".write-scripted").forEach((part) => (part.hidden = false));
at("add-source").hidden = false;
at("add-source").addEventListener("click", () => manuscript.addRow().querySelector("input").focus());
at("body-label").addEventListener("click", () => editor.view.focus());
addEventListener("pageshow", (event) => event.persisted && location.reload());

// Where there is room for one only.
const sides = { text: at("show-text"), mail: at("show-mail") };
sides.text.parentElement.hidden = false;
for (const [side, button] of Object.entries(sides)) button.addEventListener("click", () => turnTo(side));

function turnTo(shown) {
  for (const [side, button] of Object.entries(sides)) button.setAttribute("aria-pressed", String(side === shown));
  document.querySelector(".write").dataset.shown = shown;
  if (shown === "mail") at("sheet-room").scrollIntoView({ block: "nearest", behavior: "instant" });
}
turnTo("text");

function show(field, line, column) {
  turnTo("text");
  if (field === "body") {
    editor.goTo(line, column);
    return;
  }
  focusMode.turn(false);
  const target = field === "sources" ? form.querySelectorAll(".source-row")[line - 1]?.querySelector("input") : form.elements[field];
  target?.closest("details")?.setAttribute("open", "");
  target?.focus();
}
if (gotoField) show(gotoField, Number(gotoLine));
