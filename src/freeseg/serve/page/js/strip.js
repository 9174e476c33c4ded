/** The photos side by side, each with how far it is. */

import { byId, el, icon } from "./dom.js";
import { problemAt } from "./work.js";
import { questionKey } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Photo} Photo */

const SAID = { new: "waiting", sending: "being sent", asking: "being looked at", done: "done", failed: "failed" };

export class Strip {
  #strip = byId("strip", HTMLElement);
  #list = byId("strip-list", HTMLElement);
  #progress = byId("strip-progress", HTMLElement);
  #bar = byId("strip-bar", HTMLProgressElement);
  #text = byId("strip-text", HTMLElement);
  /** @type {Map<Photo, HTMLElement>} */
  #items = new Map();
  /** @type {string|null} */
  #current = null;

  /** @param {import("./store.js").Store} store @param {import("./actions.js").Actions} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    store.subscribe((state) => this.#update(state));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = [...this.#list.querySelectorAll("button.thumb")];
    const place = buttons.indexOf(/** @type {Element} */ (event.target));
    if (place < 0) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = step ? buttons[place + step] : null;
    if (next instanceof HTMLElement) next.focus();
    else if (event.key === "Delete" || event.key === "Backspace") this.actions.removePhoto(this.store.state.photos[place].id);
    else return;
    event.preventDefault();
  }

  /** @param {State} state */
  #update(state) {
    this.#strip.hidden = state.photos.length < 2;
    if (this.#strip.hidden) {
      this.#list.replaceChildren();
      this.#items.clear();
      return;
    }
    const key = questionKey(state);
    const items = state.photos.map((photo) => this.#item(photo, photo.id === state.current, key));
    if (items.length !== this.#list.children.length || items.some((item, place) => this.#list.children[place] !== item)) {
      this.#list.replaceChildren(...items);
    }
    for (const photo of this.#items.keys()) if (!state.photos.includes(photo)) this.#items.delete(photo);
    if (this.#current !== state.current) {
      this.#current = state.current;
      items[state.photos.findIndex((photo) => photo.id === state.current)]?.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    const ended = state.photos.filter((photo) => photo.results.has(key) || problemAt(photo, key)).length;
    const failed = state.photos.filter((photo) => problemAt(photo, key)).length;
    this.#progress.hidden = state.labels.length === 0;
    this.#progress.classList.toggle("is-over", ended === state.photos.length);
    this.#bar.max = state.photos.length;
    this.#bar.value = ended;
    const failures = failed ? `, ${failed} failed` : "";
    this.#text.textContent =
      ended === state.photos.length ? `${state.photos.length} photos${failures}` : `${ended} of ${state.photos.length} done${failures}`;
  }

  /** @param {Photo} photo @param {boolean} isCurrent @param {string} key */
  #item(photo, isCurrent, key) {
    const item = this.#items.get(photo) ?? this.#newItem(photo);
    const isOver = photo.status === "done" || photo.status === "failed"; // of an earlier question
    const status = problemAt(photo, key) ? "failed" : photo.results.has(key) ? "done" : isOver ? "new" : photo.status;
    item.dataset.status = status;
    item.classList.toggle("is-current", isCurrent);
    const button = /** @type {HTMLElement} */ (item.querySelector("button.thumb"));
    if (isCurrent) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    button.setAttribute("aria-label", `${photo.name}, ${SAID[status]}`);
    const picture = /** @type {HTMLImageElement} */ (item.querySelector("img"));
    if (photo.thumb && picture.getAttribute("src") !== photo.thumb) picture.src = photo.thumb;
    return item;
  }

  /** @param {Photo} photo */
  #newItem(photo) {
    const item = el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "thumb", title: photo.name, onclick: () => this.actions.select(photo.id) },
        el("img", { alt: "", draggable: "false" }),
        el("span", { class: "thumb-mark" }, icon("check"), icon("warning"), el("i", {})),
      ),
      el(
        "button",
        { type: "button", class: "thumb-remove", "aria-label": `Take out ${photo.name}`, onclick: () => this.actions.removePhoto(photo.id) },
        icon("close"),
      ),
    );
    this.#items.set(photo, item);
    return item;
  }
}
