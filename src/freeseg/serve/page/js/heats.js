/** Similarity maps: where a photo answers to a label. The last few that were asked for are held. */

import { heatTable } from "./colours.js";
import { toast } from "./dom.js";
import { Problem } from "./problems.js";
import { labelText } from "./words.js";

/** @typedef {import("./types.js").Photo} Photo */
/** @typedef {import("./types.js").Label} Label */

const HELD = 8;

export class Heats {
  /** @type {Map<string, HTMLCanvasElement|null>} null while it is awaited, or could not be had */
  #held = new Map();
  #table = heatTable();

  /** @param {import("./work.js").Work} work */
  constructor(work) {
    this.work = work;
  }

  /**
   * The map of a label, as a picture in colours; null until it is there.
   *
   * @param {Photo} photo @param {Label} label @param {() => void} onChange Called when asking again gives more.
   */
  find(photo, label, onChange) {
    const key = `${photo.id} ${labelText(label)}`;
    const held = this.#held.get(key);
    if (held !== undefined) return held;
    this.#held.set(key, null);
    void this.#ask(photo, label, key, onChange);
    return null;
  }

  /** @param {Photo} photo @param {Label} label @param {string} key @param {() => void} onChange */
  async #ask(photo, label, key, onChange) {
    try {
      const blob = await this.work.about(photo, (id) => this.work.api.similarity(id, label));
      this.#held.set(key, this.#coloured(await createImageBitmap(blob)));
      for (const oldest of this.#held.keys()) if (this.#held.size > HELD) this.#held.delete(oldest);
      onChange();
    } catch (error) {
      const again = () => {
        this.#held.delete(key);
        onChange();
      };
      const text = error instanceof Problem ? `${error.detail} ${error.fix}` : "The similarity map could not be drawn.";
      toast(text, { action: "Try again", onAction: again, seconds: 20 });
    }
  }

  /** @param {ImageBitmap} map */
  #coloured(map) {
    const canvas = document.createElement("canvas");
    canvas.width = map.width;
    canvas.height = map.height;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(map, 0, 0);
    const pixels = context.getImageData(0, 0, map.width, map.height);
    for (let place = 0; place < pixels.data.length; place += 4) {
      const level = 3 * pixels.data[place];
      pixels.data[place] = this.#table[level];
      pixels.data[place + 1] = this.#table[level + 1];
      pixels.data[place + 2] = this.#table[level + 2];
    }
    context.putImageData(pixels, 0, 0);
    map.close();
    return canvas;
  }
}
