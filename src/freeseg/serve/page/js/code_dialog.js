/** "Copy as": the present question in Python, as a command, and for curl. */

import { byId, el, icon, toast } from "./dom.js";
import { commandSnippet, curlSnippet, pythonSnippet } from "./snippets.js";

export class CodeDialog {
  #dialog = byId("code-dialog", HTMLDialogElement);
  #chosen = 0;

  /** @param {import("./store.js").Store} store @param {import("./api.js").Api} api */
  constructor(store, api) {
    this.store = store;
    this.api = api;
    byId("code", HTMLButtonElement).addEventListener("click", () => this.open());
    closeOnBackdrop(this.#dialog);
  }

  open() {
    this.#draw();
    this.#dialog.showModal();
  }

  #snippets() {
    const { state } = this.store;
    const photo = this.store.photo?.name ?? "photo.jpg";
    return [
      { title: "Python", text: pythonSnippet(state, photo) },
      { title: "Command", text: commandSnippet(state, photo) },
      { title: "curl", text: curlSnippet(state, photo, document.baseURI, this.api.token !== "") },
    ];
  }

  #draw() {
    const snippets = this.#snippets();
    const tabs = snippets.map(({ title }, index) =>
      el(
        "button",
        {
          type: "button", role: "tab", id: `code-tab-${index}`, "aria-controls": "code-text", tabindex: index === this.#chosen ? "0" : "-1",
          "aria-selected": String(index === this.#chosen), onclick: () => this.#choose(index),
        },
        title,
      ),
    );
    const turn = (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.#choose((this.#chosen + step + snippets.length) % snippets.length);
    };
    const { text } = snippets[this.#chosen];
    this.#dialog.replaceChildren(
      el("div", { class: "dialog-head" }, el("h2", { id: "code-title" }, "Copy as"), closeButton(this.#dialog)),
      el("div", { class: "tabs", role: "tablist", "aria-label": "Language", onkeydown: turn }, ...tabs),
      el("pre", { id: "code-text", role: "tabpanel", tabindex: "0", "aria-labelledby": `code-tab-${this.#chosen}` }, text),
      el(
        "div",
        { class: "dialog-actions" },
        el("p", { class: "fine" }, "The same photo and words give the same mask."),
        el("button", { type: "button", class: "button primary", onclick: () => void this.#copy(text) }, "Copy"),
      ),
    );
  }

  /** @param {number} index */
  #choose(index) {
    this.#chosen = index;
    this.#draw();
    document.getElementById(`code-tab-${index}`)?.focus();
  }

  /** @param {string} text */
  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange(); // pages without https may not write to the clipboard: select it at least
      range.selectNodeContents(byId("code-text", HTMLElement));
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(range);
      if (!document.execCommand("copy")) return toast("The browser does not let the page copy. It is selected: press Ctrl+C.");
    }
    this.#dialog.close();
    toast("Copied.");
  }
}

/** @param {HTMLDialogElement} dialog */
export function closeButton(dialog) {
  return el("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
}

/** @param {HTMLDialogElement} dialog */
export function closeOnBackdrop(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
