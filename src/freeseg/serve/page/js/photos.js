/** Photos from files: how large they are, small pictures of them, and what the browser can show. */

import { Problem } from "./problems.js";

/** @typedef {import("./types.js").Photo} Photo */

const THUMB = 168; // pixels on the shorter side
const LONGEST = 2560; // pixels on the longer side of what is shown
const REMEMBERED = 3; // photos that are held decoded

let count = 0;
/** @type {WeakMap<Blob, Promise<void>>} */
const thumbs = new WeakMap();
/** @type {Map<Photo, ImageBitmap>} */
const decoded = new Map();

/** @param {Blob} blob @param {string} name @param {boolean} [isSample] @returns {Photo} */
export function newPhoto(blob, name, isSample = false) {
  count += 1;
  return {
    id: `photo-${count}`,
    name,
    blob,
    shown: blob,
    thumb: "",
    width: 0,
    height: 0,
    serverId: null,
    status: "new",
    problem: null,
    problemKey: "",
    results: new Map(),
    isSample,
  };
}

/**
 * A photo as the browser draws it, at most `LONGEST` pixels long; the last few are held decoded.
 *
 * @param {Photo} photo
 * @returns {Promise<ImageBitmap>}
 */
export async function bitmapOf(photo) {
  const held = decoded.get(photo);
  if (held) {
    decoded.delete(photo); // it becomes the newest
    decoded.set(photo, held);
    return held;
  }
  const whole = await createImageBitmap(photo.shown);
  photo.width ||= whole.width;
  photo.height ||= whole.height;
  if (!photo.thumb) photo.thumb = await thumbOf(whole);
  const scale = LONGEST / Math.max(whole.width, whole.height);
  const bitmap = scale < 1 ? await smaller(whole, scale) : whole;
  decoded.set(photo, bitmap);
  for (const [oldest, picture] of decoded) {
    if (decoded.size <= REMEMBERED) break;
    decoded.delete(oldest);
    picture.close();
  }
  return bitmap;
}

/** Make the small picture of a photo, once, without holding the photo decoded. @param {Photo} photo @returns {Promise<void>} */
export function addThumb(photo) {
  const begun = thumbs.get(photo.shown) ?? makeThumb(photo);
  thumbs.set(photo.shown, begun);
  return begun;
}

/** @param {Photo} photo */
async function makeThumb(photo) {
  if (photo.thumb) return;
  const whole = await createImageBitmap(photo.shown);
  photo.width ||= whole.width;
  photo.height ||= whole.height;
  photo.thumb = await thumbOf(whole);
  whole.close();
}

/**
 * A copy of a photo that has at most so many pixels, for a server that takes no larger one.
 *
 * @param {Photo} photo @param {number} pixels
 * @returns {Promise<Blob>}
 */
export async function shrunk(photo, pixels) {
  const whole = await createImageBitmap(photo.shown);
  const scale = Math.min(1, Math.sqrt(pixels / (whole.width * whole.height)));
  const canvas = drawn(whole, scale);
  whole.close();
  return toBlob(canvas, "image/jpeg", 0.9);
}

/** Forget how a photo was decoded. @param {Photo} photo */
export function forgetBitmap(photo) {
  decoded.get(photo)?.close();
  decoded.delete(photo);
}

/**
 * @param {HTMLCanvasElement} canvas @param {string} type @param {number} [quality]
 * @returns {Promise<Blob>}
 */
export function toBlob(canvas, type, quality) {
  return new Promise((resolve, reject) => {
    const done = (/** @type {Blob|null} */ blob) =>
      blob
        ? resolve(blob)
        : reject(new Problem({ kind: "canvas", detail: "the picture is too large for this browser", fix: "use the API" }));
    canvas.toBlob(done, type, quality);
  });
}

/** @param {ImageBitmap} whole @param {number} scale */
function drawn(whole, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(whole.width * scale));
  canvas.height = Math.max(1, Math.round(whole.height * scale));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** @param {ImageBitmap} whole @param {number} scale */
async function smaller(whole, scale) {
  const bitmap = await createImageBitmap(drawn(whole, scale));
  whole.close();
  return bitmap;
}

/** @param {ImageBitmap} whole */
async function thumbOf(whole) {
  const canvas = drawn(whole, Math.min(1, THUMB / Math.min(whole.width, whole.height)));
  return URL.createObjectURL(await toBlob(canvas, "image/jpeg", 0.8));
}
