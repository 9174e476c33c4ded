/** The words to find, as chips: add, edit and remove them, by mouse, finger or keys. */

import { answerTo, slotsOf } from "./actions.js";
import { announce, byId, el, icon } from "./dom.js";
import { colourOf } from "./colours.js";
import { labelText, otherNames } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Label} Label */

const FEW = 40; // chips that are shown at first
/** To begin with, where there are no words: everyday things with names that help. */
const IDEAS = ["person|people|human", "dog|puppy", "cat|kitten", "car|automobile", "tree|trees", "sky", "building|house", "grass|lawn"];

export class Chips {
  #box = byId("chips", HTMLElement);
  #list = byId("chip-list", HTMLElement);
  #input = byId("words", HTMLInputElement);
  #note = byId("words-note", HTMLElement);
  /** @type {Label[]|null} */
  #drawn = null;
  #colours = "";
  #all = false;

  /** @param {import("./store.js").Store} store @param {import("./actions.js").Actions} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.#box.addEventListener("click", (event) => event.target === this.#box && this.#input.focus());
    this.#input.addEventListener("keydown", (event) => this.#typed(event));
    this.#input.addEventListener("input", () => /[,;\n]/.test(this.#input.value) && this.#add());
    this.#input.addEventListener("change", () => this.#add());
    this.#input.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (!/[,;\n\t]/.test(text)) return;
      event.preventDefault();
      this.#tell(actions.addLabels(`${this.#input.value}${text}`));
      this.#input.value = "";
    });
    byId("clear", HTMLButtonElement).addEventListener("click", () => this.#clear());
    this.#list.addEventListener("keydown", (event) => this.#chipKey(event));
    store.subscribe((state) => this.#update(state));
  }

  focus() {
    this.#input.focus();
  }

  #add() {
    if (!this.#input.value.trim()) return;
    this.#tell(this.actions.addLabels(this.#input.value));
    this.#input.value = "";
  }

  /** @param {string} text */
  #tell(text) {
    this.#note.textContent = text;
  }

  /** @param {KeyboardEvent} event */
  #typed(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.#add();
    } else if ((event.key === "Backspace" || event.key === "ArrowLeft") && this.#input.selectionEnd === 0) {
      const last = this.#chips().at(-1);
      if (!last) return;
      event.preventDefault();
      last.focus();
    }
  }

  /** @param {KeyboardEvent} event */
  #chipKey(event) {
    const chip = event.target;
    if (!(chip instanceof HTMLButtonElement) || !chip.dataset.key) return;
    const chips = this.#chips();
    const place = chips.indexOf(chip);
    if (event.key === "ArrowLeft") chips[place - 1]?.focus();
    else if (event.key === "ArrowRight") (chips[place + 1] ?? this.#input).focus();
    else if (event.key === "Home") chips[0].focus();
    else if (event.key === "End") this.#input.focus();
    else if (event.key === "Delete" || event.key === "Backspace") this.#remove(chip.dataset.key);
    else if (event.key === "F2") this.#edit(chip.dataset.key);
    else return;
    event.preventDefault();
  }

  /** @param {string} key */
  #remove(key) {
    const place = this.store.state.labels.findIndex((label) => label.key === key);
    const name = this.store.state.labels[place]?.words[0];
    this.actions.removeLabel(key);
    announce(`${name} removed`);
    queueMicrotask(() => queueMicrotask(() => (this.#chips()[place] ?? this.#chips().at(-1) ?? this.#input).focus()));
  }

  #chips() {
    return /** @type {HTMLButtonElement[]} */ ([...this.#list.querySelectorAll("button[data-key]")]);
  }

  /** Let the words of a chip be written anew in its place. @param {string} key */
  #edit(key) {
    const label = this.store.state.labels.find((each) => each.key === key);
    const item = this.#chips().find((chip) => chip.dataset.key === key)?.closest("li");
    if (!label || !item) return;
    let isOver = false;
    /** @param {boolean} keep */
    const finish = (keep) => {
      if (isOver) return;
      isOver = true;
      const text = field.value;
      this.#drawn = null; // the chip comes back, also where nothing has changed
      if (keep) this.#tell(this.actions.editLabel(key, text));
      this.#update(this.store.state);
    };
    const field = /** @type {HTMLInputElement} */ (
      el("input", {
        type: "text",
        class: "chip-edit",
        "aria-label": `Names of ${label.words[0]}, separated by |`,
        size: String(Math.min(40, Math.max(12, labelText(label).length + 4))),
        onblur: () => finish(true),
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key !== "Enter" && event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          finish(event.key === "Enter");
          this.#input.focus();
        },
      })
    );
    field.value = label.words.join(" | ");
    item.replaceChildren(field);
    field.focus();
    field.select();
  }

  /** @param {State} state */
  #update(state) {
    if (this.#drawn !== null && this.#list.querySelector("input")) return; // a chip is being edited
    const slots = slotsOf(state, answerTo(this.store.photo, state)?.result ?? null);
    const colours = JSON.stringify([...slots]);
    if (state.labels === this.#drawn && colours === this.#colours) return;
    this.#drawn = state.labels;
    this.#colours = colours;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    const labels = this.#all ? state.labels : state.labels.slice(0, FEW);
    const items = labels.map((label) => this.#chip(label, slots.get(label.key)));
    const more = state.labels.length - labels.length;
    if (more > 0) items.push(this.#textButton(`${more} more`, () => this.#showAll()));
    if (state.labels.length === 0) items.push(...IDEAS.map((idea) => this.#idea(idea)));
    byId("clear", HTMLButtonElement).hidden = state.labels.length === 0;
    this.#box.classList.toggle("is-empty", state.labels.length === 0);
    this.#list.setAttribute("aria-label", state.labels.length === 0 ? "Ideas" : "Words");
    this.#list.replaceChildren(...items);
    if (focused !== undefined) this.#chips().find((chip) => chip.dataset.key === focused)?.focus();
  }

  /** @param {Label} label @param {number} [slot] */
  #chip(label, slot) {
    const swatch = el("i", { class: slot === undefined ? "swatch is-open" : "swatch" });
    if (slot !== undefined) swatch.style.background = colourOf(slot);
    const name = label.words[0];
    const others = otherNames(label);
    const small = others === null ? "this word alone" : others.join(" \u00b7 ");
    const said = others === null ? `${name}, by this word alone` : others.length ? `${name}, also ${others.join(", ")}` : name;
    return el(
      "li",
      { class: "chip" },
      el(
        "button",
        {
          type: "button",
          "data-key": label.key,
          "aria-label": `${said}. Edit`,
          title: `${said}\nPress to edit, Delete to remove`,
          onclick: () => this.#edit(label.key),
        },
        swatch,
        el("span", { class: "chip-name" }, name),
        small && el("span", { class: "chip-aliases" }, small),
      ),
      el(
        "button",
        { type: "button", class: "chip-remove", tabindex: "-1", "aria-label": `Remove ${name}`, onclick: () => this.#remove(label.key) },
        icon("close"),
      ),
    );
  }

  /** @param {string} text @param {() => void} press */
  #textButton(text, press) {
    return el("li", {}, el("button", { type: "button", class: "link", onclick: press }, text));
  }

  /** @param {string} text */
  #idea(text) {
    const press = () => {
      this.#tell(this.actions.addLabels(text));
      this.#input.focus({ preventScroll: true });
    };
    return el("li", {}, el("button", { type: "button", class: "idea", onclick: press }, `+ ${text.split("|")[0]}`));
  }

  #clear() {
    this.actions.clearLabels();
    this.#input.focus();
  }

  #showAll() {
    this.#all = true;
    this.#drawn = null;
    this.#update(this.store.state);
  }
}
