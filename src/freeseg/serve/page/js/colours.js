/**
 * Colours of labels and of similarity.
 *
 * The twelve label colours were chosen so that people with any of the common kinds of colour blindness tell them apart:
 * simulated (Machado et al. 2009, full severity), any two of the first eight differ by at least 15 CIEDE2000, any two of
 * all twelve by at least 10. After twelve they come again, paler and then darker; names on the photo, the legend and the
 * pointer tell labels apart without any colour.
 */

export const COLOURS = [
  "#ff5470", "#2f6bff", "#ffd23f", "#12d6c5", "#aca8f9", "#874977",
  "#c7f5b7", "#576414", "#e39527", "#168e50", "#644eb0", "#a376af",
];

/** Inferno of matplotlib (CC0) at nine even steps: its lightness grows evenly with the value. */
const INFERNO = ["000004", "1f0c48", "550f6d", "88226a", "ba3655", "e35933", "f98c0a", "f9c932", "fcffa4"];

/** @param {string} hex "#rrggbb" or "rrggbb" @returns {[number, number, number]} */
export function rgb(hex) {
  const value = Number.parseInt(hex.replace("#", ""), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** The colour of a slot, as "#rrggbb". @param {number} slot */
export function colourOf(slot) {
  const base = COLOURS[slot % COLOURS.length];
  const round = Math.floor(slot / COLOURS.length) % 3;
  if (round === 0) return base;
  return round === 1 ? paler(base, 0.45) : hexOf(rgb(base).map((value) => 0.6 * value));
}

/** A colour nearer to white. @param {string} hex @param {number} share 0 for the colour, 1 for white */
export function paler(hex, share) {
  return hexOf(rgb(hex).map((value) => value + (255 - value) * share));
}

/** @param {number[]} channels */
function hexOf(channels) {
  return `#${channels.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/** White on a colour that is dark enough for it, black on others. @param {string} hex */
export function inkOn(hex) {
  const [red, green, blue] = rgb(hex).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) >= 4.3 ? "#ffffff" : "#000000"; // letters on the photo are bold
}

/** The 256 colours of similarity, as red, green, blue in turn. */
export function heatTable() {
  const table = new Uint8ClampedArray(256 * 3);
  const steps = INFERNO.map(rgb);
  for (let level = 0; level < 256; level += 1) {
    const place = (level / 255) * (steps.length - 1);
    const low = Math.min(Math.floor(place), steps.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      table[3 * level + channel] = steps[low][channel] + (steps[low + 1][channel] - steps[low][channel]) * (place - low);
    }
  }
  return table;
}
