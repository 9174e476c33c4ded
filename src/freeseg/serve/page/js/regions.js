/** What a result looks like: which label each pixel has, the outlines, and where a name fits. */

import { contours } from "./contours.js";
import { paint } from "./rle.js";

/** @typedef {import("./types.js").Result} Result */

const LONGEST = 1600; // pixels of the picture that outlines are drawn from
const REMEMBERED = 8; // results
const ANCHOR_SIDE = 320; // pixels on the longer side where places for names are looked for

/**
 * @typedef {object} Regions
 * @property {number} width
 * @property {number} height
 * @property {Uint16Array} values 0 for none, 1 + the index of the label otherwise
 * @property {Path2D[]} paths By value.
 * @property {(value: number) => Anchor|null} anchor Where a name fits best.
 *
 * @typedef {{x: number, y: number, room: number}} Anchor In pixels of the regions; room is the distance to the edge.
 */

/** The last few results that were looked at; the others are drawn anew when they are shown. @type {Map<Result, Regions>} */
const known = new Map();

/** @param {Result} result @returns {Regions} */
export function regionsOf(result) {
  const found = known.get(result) ?? build(result);
  known.delete(result);
  known.set(result, found);
  for (const oldest of known.keys()) if (known.size > REMEMBERED) known.delete(oldest);
  return found;
}

/** @param {Result} result @returns {Regions} */
function build(result) {
  const scale = Math.min(1, LONGEST / Math.max(result.photo.width, result.photo.height));
  const width = Math.max(1, Math.round(result.photo.width * scale));
  const height = Math.max(1, Math.round(result.photo.height * scale));
  const values = new Uint16Array(width * height);
  result.labels.forEach((label, index) => {
    if (label.share > 0) paint(label.rle, values, width, height, index + 1);
  });
  /** @type {Map<number, Anchor>|null} */
  let anchors = null;
  return {
    width,
    height,
    values,
    paths: contours(values, width, height, result.labels.length),
    anchor: (value) => (anchors ??= findAnchors(values, width, height)).get(value) ?? null,
  };
}

/**
 * The point of each value that is farthest from its edge (a chamfer distance, on a smaller picture).
 *
 * @param {Uint16Array} values @param {number} width @param {number} height
 * @returns {Map<number, Anchor>}
 */
function findAnchors(values, width, height) {
  const step = Math.max(1, Math.max(width, height) / ANCHOR_SIDE);
  const columns = Math.max(1, Math.floor(width / step));
  const rows = Math.max(1, Math.floor(height / step));
  const small = new Uint16Array(columns * rows);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      small[y * columns + x] = values[Math.floor((y + 0.5) * step) * width + Math.floor((x + 0.5) * step)];
    }
  }
  const distance = new Float32Array(small.length).fill(1e6);
  /** @param {number} x @param {number} y @param {number} side -1 for the way down, 1 for the way up */
  const relax = (x, y, side) => {
    const place = y * columns + x;
    for (const [dx, dy, cost] of [[side, 0, 1], [0, side, 1], [side, side, 1.41], [-side, side, 1.41]]) {
      const otherX = x + dx;
      const otherY = y + dy;
      const outside = otherX < 0 || otherY < 0 || otherX >= columns || otherY >= rows;
      const other = otherY * columns + otherX;
      const reached = outside || small[other] !== small[place] ? 0.5 * cost : distance[other] + cost;
      distance[place] = Math.min(distance[place], reached);
    }
  };
  for (let y = 0; y < rows; y += 1) for (let x = 0; x < columns; x += 1) relax(x, y, -1);
  for (let y = rows - 1; y >= 0; y -= 1) for (let x = columns - 1; x >= 0; x -= 1) relax(x, y, 1);
  /** @type {Map<number, Anchor>} */
  const anchors = new Map();
  small.forEach((value, place) => {
    const room = distance[place] * step;
    if (value === 0 || room <= (anchors.get(value)?.room ?? 0)) return;
    anchors.set(value, { x: ((place % columns) + 0.5) * step, y: (Math.floor(place / columns) + 0.5) * step, room });
  });
  return anchors;
}
