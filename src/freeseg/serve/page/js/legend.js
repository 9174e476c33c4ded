/** What was found: each label with its colour, its share and its confidence; shown, hidden, or shown alone. */

import { answerTo, isVisible, labelNamed, slotsOf } from "./actions.js";
import { colourOf, inkOn } from "./colours.js";
import { announce, byId, el, icon } from "./dom.js";
import { percent } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").FoundLabel} FoundLabel */

export class Legend {
  #list = byId("legend", HTMLElement);
  #note = byId("found-note", HTMLElement);
  #showAll = byId("show-all", HTMLButtonElement);
  #signature = "";
  /** @type {import("./types.js").Result|null} */
  #told = null;

  /** @param {import("./store.js").Store} store @param {import("./actions.js").Actions} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.#showAll.addEventListener("click", () => actions.showAll());
    this.#list.addEventListener("pointerleave", () => actions.light(null));
    store.subscribe((state) => this.#update(state));
  }

  /** @param {State} state */
  #update(state) {
    const photo = this.store.photo;
    const answer = answerTo(photo, state);
    const isBusy = photo?.status === "sending" || photo?.status === "asking";
    this.#list.classList.toggle("is-busy", Boolean(isBusy && photo && !photo.problem));
    this.#showAll.hidden = state.only === null && state.hidden.size === 0;
    /** @type {{label: Label, found: FoundLabel}[]} */
    const entries = [];
    for (const found of answer?.result.labels ?? []) {
      const label = labelNamed(state, found.label);
      if (label) entries.push({ label, found });
    }
    const present = entries.filter(({ found }) => found.share > 0).sort((a, b) => b.found.share - a.found.share);
    const absent = entries.filter(({ found }) => found.share === 0).map(({ found }) => found.label);
    const slots = slotsOf(state, answer?.result ?? null);
    const signature = JSON.stringify([
      present.map(({ label, found }) => [label.key, slots.get(label.key), found.share, isVisible(state, label.key)]),
      answer?.result.background, state.only, state.view.mode === "similarity" && state.view.heat, photo?.id,
    ]);
    if (signature !== this.#signature) {
      this.#signature = signature;
      this.#draw(state, present, slots, answer?.result ?? null);
    }
    for (const row of this.#list.children) {
      row.classList.toggle("is-lit", row instanceof HTMLElement && row.dataset.key === state.lit && state.lit !== null);
    }
    this.#note.textContent = note(state, photo, answer?.result ?? null, present.length, absent);
    if (answer?.isPresent && answer.result !== this.#told) {
      this.#told = answer.result;
      const names = present.map(({ found }) => `${found.label} ${percent(found.share)}`).join(", ");
      announce(present.length ? `Found ${names}` : "None of the words was found");
    }
  }

  /** @param {State} state @param {{label: Label, found: FoundLabel}[]} present @param {Map<string, number>} slots @param {import("./types.js").Result|null} result */
  #draw(state, present, slots, result) {
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && this.#list.contains(active) ? active.id : "";
    const rows = present.map(({ label, found }) => this.#row(state, label, slots.get(label.key) ?? 0, found));
    const rest = result?.background?.share ?? 0;
    if (rest > 0) rows.push(plainRow("background", rest));
    if (result?.unsure) rows.push(plainRow("don't know", result.unsure));
    this.#list.replaceChildren(...rows);
    if (focused) document.getElementById(focused)?.focus();
  }

  /** @param {State} state @param {Label} label @param {number} slot @param {FoundLabel} found */
  #row(state, label, slot, found) {
    const colour = colourOf(slot);
    const visible = isVisible(state, label.key);
    const isOnly = state.only === label.key;
    const isHeat = state.view.mode === "similarity" && state.view.heat === label.key;
    const bar = el("i", { class: "share" });
    bar.style.setProperty("--share", `${100 * found.share}%`);
    bar.style.setProperty("--colour", colour);
    const box = el("i", { class: "box" }, icon("check"));
    box.style.setProperty("--colour", colour);
    box.style.setProperty("--ink", inkOn(colour));
    const id = `row-${slot}`;
    const name = found.label;
    const row = el(
      "li",
      { class: `row${visible ? "" : " is-hidden"}`, "data-key": label.key },
      el(
        "button",
        {
          type: "button", class: "row-eye", id: `${id}-eye`, "aria-pressed": String(visible), "aria-label": `Show ${name}`,
          title: visible ? `Hide ${name}` : `Show ${name}`, onclick: () => this.actions.toggleHidden(label.key),
        },
        box,
      ),
      el(
        "div",
        { class: "row-text" },
        el("span", { class: "row-name" }, name),
        el("span", { class: "row-share" }, percent(found.share)),
        bar,
        el("span", { class: "row-sure" }, `${percent(found.confidence)} sure`),
      ),
      el(
        "button",
        {
          type: "button", class: "row-act", id: `${id}-only`, "aria-pressed": String(isOnly), "aria-label": `Show ${name} alone`,
          title: `Show ${name} alone`, onclick: () => this.actions.toggleOnly(label.key),
        },
        icon("only"),
      ),
      el(
        "button",
        {
          type: "button", class: "row-act", id: `${id}-heat`, "aria-pressed": String(isHeat), "aria-label": `Similarity map of ${name}`,
          title: `Similarity map of ${name}`, onclick: () => this.actions.showSimilarity(label.key),
        },
        icon("heat"),
      ),
    );
    row.addEventListener("pointerenter", () => this.actions.light(label.key));
    row.addEventListener("focusin", () => this.actions.light(label.key));
    row.addEventListener("focusout", () => this.actions.light(null));
    return row;
  }
}

/** @param {string} name @param {number} share */
function plainRow(name, share) {
  const bar = el("i", { class: "share" });
  bar.style.setProperty("--share", `${100 * share}%`);
  return el(
    "li",
    { class: "row is-plain" },
    el("span", { class: "row-eye" }, el("i", { class: "box" })),
    el("div", { class: "row-text" }, el("span", { class: "row-name" }, name), el("span", { class: "row-share" }, percent(share)), bar),
  );
}

/**
 * What is to be said below the legend.
 *
 * @param {State} state @param {import("./types.js").Photo|null} photo @param {import("./types.js").Result|null} result
 * @param {number} present @param {string[]} absent
 */
function note(state, photo, result, present, absent) {
  if (!photo) return "";
  if (state.labels.length === 0) return "Say what to find, and it is marked in the photo.";
  if (!result) return photo.problem ? "" : "Looking…";
  const parts = [];
  if (present === 0) parts.push("None of the words was found. Try other names for them, as in lake|water.");
  else if (absent.length > 0 && absent.length <= 12) parts.push(`Not found: ${absent.join(", ")}.`);
  else if (absent.length > 12) parts.push(`${absent.length} other words were not found.`);
  parts.push(...(result.warnings ?? []).map((warning) => `${warning.charAt(0).toUpperCase()}${warning.slice(1)}.`));
  return parts.join(" ");
}
