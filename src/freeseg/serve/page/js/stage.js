/** The photo, large, with what was found on it. */

import { answerTo, isVisible, labelNamed, slotsOf } from "./actions.js";
import { byId } from "./dom.js";
import { draw } from "./drawing.js";
import { Heats } from "./heats.js";
import { bitmapOf } from "./photos.js";
import { regionsOf } from "./regions.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Photo} Photo */
/** @typedef {import("./drawing.js").Scene} Scene */

const APPEARING = 260; // milliseconds

export class Stage {
  #stage = byId("stage", HTMLElement);
  #holder = byId("photo", HTMLElement);
  #canvas = byId("canvas", HTMLCanvasElement);
  #ambient = byId("ambient", HTMLCanvasElement);
  /** @type {Photo|null} */
  #photo = null;
  /** @type {ImageBitmap|null} */
  #bitmap = null;
  /** @type {import("./types.js").Result|null} */
  #result = null;
  /** @type {Blob|null} */
  #opened = null;
  #since = 0;
  #asked = false;
  /** @type {Heats} */
  #heats;

  /** @param {import("./store.js").Store} store @param {import("./work.js").Work} work */
  constructor(store, work) {
    this.store = store;
    this.#heats = new Heats(work);
    new ResizeObserver(() => this.#redraw()).observe(this.#stage);
    store.subscribe((state) => this.#update(state));
  }

  /** What is at a point of the photo. @param {number} x @param {number} y Both 0 to 1. @returns {{name: string, key: string|null, confidence: number, share: number}|null} */
  at(x, y) {
    const answer = answerTo(this.store.photo, this.store.state);
    if (!answer || !this.#bitmap) return null;
    const { result } = answer;
    const regions = regionsOf(result);
    const column = Math.min(regions.width - 1, Math.max(0, Math.floor(x * regions.width)));
    const row = Math.min(regions.height - 1, Math.max(0, Math.floor(y * regions.height)));
    const value = regions.values[row * regions.width + column];
    const found = result.labels[value - 1];
    if (!found) return { name: "background", key: null, confidence: 0, share: result.background?.share ?? 0 };
    const key = labelNamed(this.store.state, found.label)?.key ?? null;
    return { name: found.label, key, confidence: found.confidence, share: found.share };
  }

  /** The scene as it is shown, for a picture of it. @returns {Scene|null} */
  scene() {
    const { state } = this.store;
    if (!this.#bitmap) return null;
    const answer = answerTo(this.#photo, state);
    const regions = answer ? regionsOf(answer.result) : null;
    /** @type {import("./drawing.js").Region[]} */
    const shown = [];
    const slots = slotsOf(state, answer?.result ?? null);
    answer?.result.labels.forEach((found, index) => {
      const label = labelNamed(state, found.label);
      if (!label || found.share === 0 || !isVisible(state, label.key)) return;
      shown.push({ value: index + 1, slot: slots.get(label.key) ?? 0, name: found.label, isLit: state.lit === label.key });
    });
    return {
      photo: this.#bitmap,
      regions,
      shown,
      mode: state.view.mode,
      opacity: state.view.opacity,
      isAlone: state.only !== null,
      heat: state.view.mode === "similarity" ? this.#heat(state) : null,
      split: state.view.compare ? state.view.split : 0,
      names: state.view.names,
      fresh: 1,
      scale: 1,
    };
  }

  /** @param {State} state */
  #update(state) {
    const photo = this.store.photo;
    if (photo !== this.#photo) this.#result = null;
    if (photo !== this.#photo || (photo?.shown ?? null) !== this.#opened) {
      this.#photo = photo; // or the server has drawn what the browser could not show
      this.#opened = photo?.shown ?? null;
      void this.#open(photo);
    }
    this.#holder.classList.toggle("is-busy", photo?.status === "sending" || photo?.status === "asking");
    const answer = answerTo(photo, state);
    this.#holder.classList.toggle("is-old", answer !== null && !answer.isPresent && photo?.status === "asking");
    if (answer && answer.result !== this.#result) {
      this.#result = answer.result;
      this.#since = performance.now();
    }
    this.#redraw();
  }

  /** @param {Photo|null} photo */
  async #open(photo) {
    const bitmap = photo ? await bitmapOf(photo).catch(() => null) : null;
    if (photo !== this.#photo) return;
    this.#bitmap = bitmap;
    this.#holder.hidden = bitmap === null;
    this.#glow(bitmap);
    this.#since = performance.now();
    this.store.touch();
  }

  /** A glow of the photo's colours behind it: the photo in a few pixels, made large twice, which costs no filter. @param {ImageBitmap|null} bitmap */
  #glow(bitmap) {
    const { width, height } = this.#ambient;
    const context = this.#ambient.getContext("2d");
    context?.clearRect(0, 0, width, height);
    const few = document.createElement("canvas");
    [few.width, few.height] = [6, 4];
    const pixels = few.getContext("2d");
    if (!context || !pixels || !bitmap) return;
    pixels.imageSmoothingQuality = "high";
    pixels.drawImage(bitmap, 0, 0, few.width, few.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(few, -width / 8, -height / 8, 1.25 * width, 1.25 * height);
  }

  #redraw() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  #draw() {
    const bitmap = this.#bitmap;
    const scene = this.scene();
    if (!bitmap || !scene) return;
    const style = getComputedStyle(this.#stage);
    const wide = this.#stage.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
    const high = this.#stage.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
    const fit = Math.max(0.01, Math.min(wide / bitmap.width, high / bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * fit));
    const height = Math.max(1, Math.round(bitmap.height * fit));
    this.#holder.style.width = `${width}px`;
    this.#holder.style.height = `${height}px`;
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    if (this.#canvas.width !== width * scale || this.#canvas.height !== height * scale) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const passed = (performance.now() - this.#since) / APPEARING;
    scene.fresh = isCalm || passed >= 1 ? 1 : 1 - (1 - passed) ** 3;
    scene.scale = scale;
    const context = this.#canvas.getContext("2d");
    if (context) draw(context, this.#canvas.width, this.#canvas.height, scene);
    if (scene.fresh < 1) this.#redraw();
  }

  /** The similarity map to show, once it is there. @param {State} state */
  #heat(state) {
    const label = state.labels.find((each) => each.key === state.view.heat) ?? state.labels[0];
    if (!label || !this.#photo) return null;
    return this.#heats.find(this.#photo, label, () => {
      this.#since = performance.now();
      this.store.touch();
    });
  }
}
