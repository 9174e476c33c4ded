/** How the mask is shown: the controls below the photo, and which parts of the page are there at all. */

import { answerTo, isVisible, labelNamed } from "./actions.js";
import { byId, el } from "./dom.js";

/** @typedef {import("./types.js").State} State */

export class ViewBar {
  #opacity = byId("opacity", HTMLInputElement);
  #compare = byId("compare", HTMLButtonElement);
  #names = byId("names", HTMLButtonElement);
  #picker = byId("heat-picker", HTMLElement);
  #heat = byId("heat-label", HTMLSelectElement);
  #background = byId("background", HTMLInputElement);
  /** @type {HTMLInputElement[]} */
  #modes = [...document.querySelectorAll("input[name=mode]")].map((input) => /** @type {HTMLInputElement} */ (input));
  /** @type {unknown} */
  #offered = null;

  /** @param {import("./store.js").Store} store @param {import("./actions.js").Actions} actions */
  constructor(store, actions) {
    this.store = store;
    for (const input of this.#modes) {
      input.addEventListener("change", () => actions.setView({ mode: /** @type {any} */ (input.value) }));
    }
    this.#opacity.addEventListener("input", () => actions.setView({ opacity: Number(this.#opacity.value) / 100 }));
    this.#compare.addEventListener("click", () => actions.setView({ compare: !store.state.view.compare }));
    this.#names.addEventListener("click", () => actions.setView({ names: !store.state.view.names }));
    this.#heat.addEventListener("change", () => actions.setView({ heat: this.#heat.value }));
    this.#background.addEventListener("change", () => actions.setBackground(this.#background.checked));
    const [undo, redo] = [byId("undo", HTMLButtonElement), byId("redo", HTMLButtonElement)];
    undo.addEventListener("click", () => store.undo());
    redo.addEventListener("click", () => store.redo());
    store.subscribe((state) => {
      undo.disabled = !state.canUndo;
      redo.disabled = !state.canRedo;
      this.#update(state);
    });
  }

  /** @param {State} state */
  #update(state) {
    const { view, labels } = state;
    const hasWords = labels.length > 0 && this.store.photo !== null;
    for (const input of this.#modes) input.checked = input.value === view.mode;
    byId("modes", HTMLFieldSetElement).disabled = !hasWords;
    this.#compare.disabled = !hasWords;
    this.#opacity.value = String(Math.round(100 * view.opacity));
    this.#opacity.disabled = !hasWords || view.mode === "outlines" || view.mode === "cutout";
    this.#opacity.setAttribute("aria-valuetext", `${Math.round(100 * view.opacity)} percent`);
    this.#opacity.style.setProperty("--fill", `${100 * view.opacity}%`);
    this.#compare.setAttribute("aria-pressed", String(view.compare));
    this.#names.setAttribute("aria-pressed", String(view.names));
    this.#names.disabled = !hasWords || view.mode === "similarity" || view.mode === "cutout";
    this.#background.checked = state.background;
    this.#picker.hidden = view.mode !== "similarity" || !hasWords;
    if (this.#offered !== labels) {
      this.#offered = labels;
      this.#heat.replaceChildren(...labels.map((label) => el("option", { value: label.key }, label.words[0])));
    }
    if (labels.length > 0) this.#heat.value = labels.some((label) => label.key === view.heat) ? view.heat : labels[0].key;
    this.#hint(state);
    byId("empty", HTMLElement).hidden = this.store.photo !== null || !state.isReady;
    byId("credit", HTMLElement).hidden = !this.store.photo?.isSample;
    const name = this.store.photo?.name ?? "";
    byId("photo", HTMLElement).setAttribute("aria-label", `Photo ${name}`);
    for (const id of ["save", "code"]) byId(id, HTMLButtonElement).disabled = !hasWords;
  }

  /** A word on the photo where it would not be clear why nothing is to be seen. @param {State} state */
  #hint(state) {
    const hint = byId("hint", HTMLElement);
    const photo = this.store.photo;
    const answer = answerTo(photo, state);
    const shown = answer?.result.labels.filter(({ label }) => isVisible(state, labelNamed(state, label)?.key ?? "")) ?? [];
    const share = shown.reduce((sum, label) => sum + label.share, 0);
    let text = "";
    if (photo && state.labels.length === 0 && !photo.problem) text = "What is to be found? Type words, or take one of the ideas.";
    else if (answer?.isPresent && state.view.mode === "cutout" && share > 0.98) text = "Every part is one of the words. Click on one to cut it out.";
    else if (answer?.isPresent && share === 0 && state.view.mode !== "similarity") {
      text = shown.length > 0 && state.hidden.size === 0 ? "None of the words was found in this photo." : "Nothing is shown. Tick what to see.";
    }
    hint.hidden = text === "";
    hint.textContent = text;
  }
}
