/** The dialogs that ask for a token, and that tell about keys. */

import { closeButton, closeOnBackdrop } from "./code_dialog.js";
import { byId, el } from "./dom.js";

const KEYS = [
  ["Ctrl V", "paste a photo, or a list of words"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["Enter", "in the words: add what was typed"],
  ["← in the words", "go to the words: Enter edits, Delete removes"],
  ["Arrow keys", "on the photo: move a pointer, which tells what is there"],
  ["Enter, Escape", "on the photo: show that word alone, show all again"],
  ["1 2 3 4", "on the photo: colours, outlines, cut-out, similarity"],
  ["C, N", "on the photo: compare, names"],
  ["Page Up, Page Down", "on the photo: the photo before, the photo after"],
];
const TIPS = [
  "More names find more: person|man|woman|child finds more people than person.",
  "Words for what is around a thing help as well: sky, grass, wall, floor.",
  "A click on the photo shows one thing alone. Download then has its cut-out.",
];

/** @param {string} id of the dialog's button */
export function helpDialog(id) {
  const dialog = byId("help-dialog", HTMLDialogElement);
  closeOnBackdrop(dialog);
  dialog.append(
    el("div", { class: "dialog-head" }, el("h2", { id: "help-title" }, "Tips and keys"), closeButton(dialog)),
    el("ul", { class: "tips" }, ...TIPS.map((tip) => el("li", {}, tip))),
    el("dl", { class: "keys" }, ...KEYS.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])),
  );
  byId(id, HTMLButtonElement).addEventListener("click", () => dialog.showModal());
}

/**
 * Ask for the server's token.
 *
 * @param {import("./api.js").Api} api @param {() => void} onGiven
 * @returns {() => void} Opens the dialog.
 */
export function tokenDialog(api, onGiven) {
  const dialog = byId("token-dialog", HTMLDialogElement);
  const field = /** @type {HTMLInputElement} */ (
    el("input", { id: "token", type: "password", autocomplete: "current-password", required: true, spellcheck: "false" })
  );
  const note = el("p", { class: "note", role: "alert" });
  const form = el(
    "form",
    { method: "dialog" },
    el("div", { class: "dialog-head" }, el("h2", { id: "token-title" }, "This server asks for a token"), closeButton(dialog)),
    el("p", {}, "Who started it has the token (freeseg serve --token). It is kept until this tab is closed."),
    el("label", { class: "field", for: "token" }, "Token", field),
    note,
    el("div", { class: "dialog-actions" }, el("button", { type: "submit", class: "button primary" }, "Go on")),
  );
  form.addEventListener("submit", () => {
    api.token = field.value.trim();
    onGiven();
  });
  dialog.append(form);
  return () => {
    if (dialog.open) return;
    note.textContent = api.token ? "The token that was given is not the server's." : "";
    field.value = "";
    dialog.showModal();
    field.focus();
  };
}
