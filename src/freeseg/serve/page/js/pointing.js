/** Telling what is under the mouse, a finger, or the pointer that the arrow keys move; and the slider between photo and mask. */

import { announce, byId } from "./dom.js";
import { percent } from "./words.js";

/** @typedef {import("./types.js").State} State */

const STEP = 0.02; // of the photo's side, for an arrow key; five times that with Shift
const MOVES = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});
const MODES = /** @type {const} */ (["colours", "outlines", "cutout", "similarity"]);

export class Pointing {
  #holder = byId("photo", HTMLElement);
  #tip = byId("tip", HTMLElement);
  #cross = byId("cross", HTMLElement);
  #split = byId("split", HTMLElement);
  #range = byId("split-range", HTMLInputElement);
  /** @type {{x: number, y: number}|null} */
  #keys = null;
  #isSliding = false;

  /** @param {import("./store.js").Store} store @param {import("./actions.js").Actions} actions @param {import("./stage.js").Stage} stage */
  constructor(store, actions, stage) {
    this.store = store;
    this.actions = actions;
    this.stage = stage;
    this.#holder.addEventListener("pointermove", (event) => this.#moved(event));
    this.#holder.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.#leave());
    this.#holder.addEventListener("pointerdown", (event) => this.#pressed(event));
    this.#holder.addEventListener("pointerup", () => (this.#isSliding = false));
    this.#holder.addEventListener("pointercancel", () => (this.#isSliding = false));
    this.#holder.addEventListener("click", (event) => this.#clicked(event));
    this.#holder.addEventListener("keydown", (event) => this.#key(event));
    this.#holder.addEventListener("blur", () => this.#leave());
    this.#range.addEventListener("input", () => actions.setView({ split: Number(this.#range.value) / 100 }));
    document.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Node && !this.#holder.contains(event.target)) this.#leave();
    });
    store.subscribe((state) => this.#update(state));
  }

  /** @param {State} state */
  #update(state) {
    const { compare, split } = state.view;
    this.#split.hidden = !compare;
    this.#split.style.setProperty("--split", `${100 * split}%`);
    this.#range.value = String(Math.round(100 * split));
    this.#range.setAttribute("aria-valuetext", `${Math.round(100 * split)} percent photo`);
  }

  /** @param {PointerEvent|MouseEvent} event */
  #place(event) {
    const box = this.#holder.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  /** @param {{x: number}} place Whether the handle of the slider is there. */
  #isOnHandle({ x }) {
    const { compare, split } = this.store.state.view;
    return compare && Math.abs(x - split) * this.#holder.clientWidth < 22;
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const place = this.#place(event);
    if (this.#isSliding) {
      this.actions.setView({ split: Math.min(1, Math.max(0, place.x)) });
      return;
    }
    this.#holder.classList.toggle("on-handle", this.#isOnHandle(place));
    if (event.pointerType === "mouse") this.#show(place);
  }

  /** @param {PointerEvent} event */
  #pressed(event) {
    const place = this.#place(event);
    if (!this.#isOnHandle(place)) return;
    this.#isSliding = true;
    this.#holder.setPointerCapture(event.pointerId);
    this.#range.focus({ preventScroll: true });
    event.preventDefault();
    this.#leave();
  }

  /** A click shows a label alone; a finger first tells what it is. @param {MouseEvent} event */
  #clicked(event) {
    const place = this.#place(event);
    if (this.#isOnHandle(place) || event.target === this.#range) return;
    const isTouch = event instanceof PointerEvent && event.pointerType !== "mouse";
    const before = this.store.state.lit;
    const found = this.#show(place);
    if (!found?.key) {
      if (this.store.state.only !== null) this.actions.showAll();
      return;
    }
    if (!isTouch || before === found.key) this.actions.toggleOnly(found.key);
    if (isTouch) announce(this.#sentence(found));
  }

  /** @param {{x: number, y: number}} place */
  #show(place) {
    const { view } = this.store.state;
    const isBefore = view.compare && place.x < view.split;
    const found = isBefore ? null : this.stage.at(place.x, place.y);
    this.actions.light(found?.key ?? null);
    this.#tip.hidden = found === null;
    if (!found) return null;
    const said = this.#sentence(found).slice(found.name.length + 2).replace(", ", " · ");
    const name = document.createElement("b");
    name.textContent = found.name;
    const rest = document.createElement("span");
    rest.textContent = said;
    this.#tip.replaceChildren(name, rest);
    const isLow = place.y < 0.16;
    this.#tip.style.left = `${100 * Math.min(0.9, Math.max(0.1, place.x))}%`;
    this.#tip.style.top = `${100 * place.y}%`;
    this.#tip.classList.toggle("below", isLow);
    this.#tip.classList.toggle("to-left", place.x > 0.72);
    this.#tip.classList.toggle("to-right", place.x < 0.28);
    return found;
  }

  /** @param {{name: string, key: string|null, confidence: number, share: number}} found */
  #sentence(found) {
    const share = `${percent(found.share)} of the photo`;
    return found.key === null ? `${found.name}, ${share}` : `${found.name}, ${percent(found.confidence)} sure, ${share}`;
  }

  #leave() {
    this.#tip.hidden = true;
    this.#cross.hidden = true;
    this.#keys = null;
    this.#holder.classList.remove("on-handle");
    this.actions.light(null);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.target !== this.#holder || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (move) this.#moveBy(move, event.shiftKey ? 5 * STEP : STEP);
    else if (event.key === "Enter" && this.#keys) {
      const found = this.stage.at(this.#keys.x, this.#keys.y);
      if (found?.key) this.actions.toggleOnly(found.key);
      else this.actions.showAll();
    } else if (event.key === "Escape") {
      this.#leave();
      if (this.store.state.only !== null) this.actions.showAll();
    } else if (event.key >= "1" && event.key <= "4") this.actions.setView({ mode: MODES[Number(event.key) - 1] });
    else if (event.key === "c") this.actions.setView({ compare: !this.store.state.view.compare });
    else if (event.key === "n") this.actions.setView({ names: !this.store.state.view.names });
    else if (event.key === "PageUp" || event.key === "PageDown") this.actions.walk(event.key === "PageUp" ? -1 : 1);
    else return;
    event.preventDefault();
  }

  /** @param {[number, number]} direction @param {number} step */
  #moveBy([dx, dy], step) {
    const from = this.#keys ?? { x: 0.5 - dx * step, y: 0.5 - dy * step };
    this.#keys = { x: Math.min(1, Math.max(0, from.x + dx * step)), y: Math.min(1, Math.max(0, from.y + dy * step)) };
    this.#cross.hidden = false;
    this.#cross.style.left = `${100 * this.#keys.x}%`;
    this.#cross.style.top = `${100 * this.#keys.y}%`;
    const found = this.#show(this.#keys);
    announce(found ? this.#sentence(found) : "photo");
  }
}
