/** What the user can do. */

import { COLOURS } from "./colours.js";
import { toast } from "./dom.js";
import { addThumb, forgetBitmap, newPhoto, shrunk } from "./photos.js";
import { labelText, parseLabels, questionKey, wordKey, withEdited, withLabels } from "./words.js";

/** @typedef {import("./types.js").Photo} Photo */
/** @typedef {import("./types.js").View} View */

const SAMPLE = "page/sample.jpg";
const SAMPLE_WORDS = "temple|palace|pavilion|pagoda, tree|trees|leaves, sky|clouds, water|lake|sea";
const SMALL_PIXELS = 4_000_000; // of the copy for a server that takes no larger photo

export class Actions {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
  }

  /** Show the sample photo, with its words if there are none yet. */
  async addSample() {
    const old = this.store.state.photos.find((photo) => photo.isSample);
    if (old) return this.select(old.id);
    const response = await fetch(new URL(SAMPLE, document.baseURI)).catch(() => null);
    if (!response?.ok) return toast("The sample photo could not be fetched. Add a photo of your own.");
    const photo = newPhoto(await response.blob(), "temple.jpg", true);
    const { photos, labels } = this.store.state;
    if (labels.length > 0) return this.store.change({ photos: [...photos, photo], current: photo.id });
    const sample = withLabels([], parseLabels(SAMPLE_WORDS)).labels;
    this.store.set({ photos: [...photos, photo], current: photo.id, labels: sample, background: false });
  }

  /** @param {File[]} files */
  addPhotos(files) {
    if (files.length === 0) return;
    const added = files.map((file) => newPhoto(file, file.name || "photo.jpg"));
    const { photos } = this.store.state;
    // The sample is there to be replaced, and so are its words.
    const kept = photos.filter((photo) => !photo.isSample);
    const words = this.store.state.labels.map(labelText).join(", ") === SAMPLE_WORDS ? { labels: [], background: true } : {};
    this.store.change({ photos: [...kept, ...added], current: added[0].id, only: null, hidden: new Set(), ...words });
    void this.#addThumbs(added);
  }

  /** Show small pictures of photos before their turn comes. @param {Photo[]} photos */
  async #addThumbs(photos) {
    for (const photo of photos) {
      await addThumb(photo).catch(() => null); // the server may be able to read it
      this.store.touch();
    }
  }

  /** @param {string} id */
  removePhoto(id) {
    const { photos, current } = this.store.state;
    const place = photos.findIndex((photo) => photo.id === id);
    if (place < 0) return;
    const rest = photos.filter((photo) => photo.id !== id);
    const next = current === id ? (rest[Math.min(place, rest.length - 1)]?.id ?? null) : current;
    this.store.change({ photos: rest, current: next });
    toast(`${photos[place].name} was taken out.`, { action: "Undo", onAction: () => this.store.undo() });
  }

  /** @param {string} id */
  select(id) {
    this.store.set({ current: id, lit: null });
  }

  /** Show the photo before or after the one that is shown. @param {number} step */
  walk(step) {
    const { photos, current } = this.store.state;
    const place = photos.findIndex((photo) => photo.id === current);
    const next = photos[place + step];
    if (next) this.select(next.id);
  }

  /** Send a smaller copy of a photo that the server finds too large. @param {Photo} photo */
  async shrink(photo) {
    const copy = await shrunk(photo, SMALL_PIXELS);
    const smaller = newPhoto(copy, photo.name.replace(/\.[^.]*$/, "") + "-small.jpg");
    forgetBitmap(photo);
    const photos = this.store.state.photos.map((each) => (each === photo ? smaller : each));
    this.store.change({ photos, current: smaller.id });
  }

  /** @param {string} text @returns {string} What to tell the user. */
  addLabels(text) {
    const { labels, repeated } = withLabels(this.store.state.labels, parseLabels(text));
    if (labels.length > this.store.state.labels.length) this.#ask({ labels });
    return repeated.length ? `${repeated.join(", ")}: in the list already` : "";
  }

  /** @param {string} key @param {string} text @returns {string} What to tell the user. */
  editLabel(key, text) {
    const old = this.store.state.labels.find((label) => label.key === key);
    if (!old || parseLabels(text).map((words) => words.join("|")).join() === labelText(old)) return "";
    const { labels, repeated } = withEdited(this.store.state.labels, key, text);
    this.#ask({ labels });
    return repeated.length ? `${repeated.join(", ")}: in the list already` : "";
  }

  /** @param {string} key */
  removeLabel(key) {
    this.#ask({ labels: this.store.state.labels.filter((label) => label.key !== key) });
  }

  /** @param {string[]} texts @param {boolean} background */
  replaceLabels(texts, background) {
    const { labels } = withLabels([], texts.flatMap(parseLabels));
    this.store.change({ labels, background, only: null, hidden: new Set() });
  }

  clearLabels() {
    if (this.store.state.labels.length > 0) this.#ask({ labels: [] });
  }

  /** @param {boolean} background */
  setBackground(background) {
    this.store.change({ background });
  }

  /** @param {string} key */
  toggleHidden(key) {
    const hidden = new Set(this.store.state.hidden);
    if (!hidden.delete(key)) hidden.add(key);
    this.store.change({ hidden, only: null });
  }

  /** Show a label alone, or all of them again. @param {string} key */
  toggleOnly(key) {
    this.store.change({ only: this.store.state.only === key ? null : key });
  }

  showAll() {
    this.store.change({ only: null, hidden: new Set() });
  }

  /** @param {string|null} key */
  light(key) {
    if (this.store.state.lit !== key) this.store.set({ lit: key });
  }

  /** @param {Partial<View>} view */
  setView(view) {
    this.store.set({ view: { ...this.store.state.view, ...view } });
  }

  /** Show where a photo answers to a label. @param {string} key */
  showSimilarity(key) {
    const { view } = this.store.state;
    const isShown = view.mode === "similarity" && view.heat === key;
    this.setView(isShown ? { mode: "colours" } : { mode: "similarity", heat: key });
  }

  /** Change the words; what no longer exists is neither hidden nor alone. @param {{labels: import("./types.js").Label[]}} patch */
  #ask({ labels }) {
    const keys = new Set(labels.map((label) => label.key));
    const { hidden, only } = this.store.state;
    this.store.change({
      labels,
      hidden: new Set([...hidden].filter((key) => keys.has(key))),
      only: only !== null && keys.has(only) ? only : null,
    });
  }
}

/**
 * The answer to show about a photo: that to the present question, or while that is awaited an earlier one.
 *
 * @param {Photo|null} photo @param {import("./types.js").State} state
 * @returns {{result: import("./types.js").Result, isPresent: boolean}|null}
 */
export function answerTo(photo, state) {
  if (!photo || state.labels.length === 0) return null;
  const result = photo.results.get(questionKey(state));
  if (result) return { result, isPresent: true };
  const last = [...photo.results.values()].at(-1);
  return last ? { result: last, isPresent: false } : null;
}

/** The label of the present list that a label of an answer is. @param {import("./types.js").State} state @param {string} name */
export function labelNamed(state, name) {
  const key = wordKey(name);
  return state.labels.find((label) => label.key === key) ?? null;
}

/**
 * The colour of each label. Where there are more labels than colours, those that were found in the photo share them out.
 *
 * @param {import("./types.js").State} state @param {import("./types.js").Result|null} result
 * @returns {Map<string, number>} Slots by key; a label without one is not shown.
 */
export function slotsOf(state, result) {
  if (state.labels.length <= COLOURS.length) return new Map(state.labels.map((label) => [label.key, label.slot]));
  const found = new Set(result?.labels.filter((label) => label.share > 0).map((label) => wordKey(label.label)));
  const present = state.labels.filter((label) => found.has(label.key));
  return new Map(present.map((label, slot) => [label.key, slot]));
}

/** Whether a label is drawn. @param {import("./types.js").State} state @param {string} key */
export function isVisible(state, key) {
  return state.only !== null ? state.only === key : !state.hidden.has(key);
}
