/** Drawing a photo with its regions on a canvas; the page and the picture to download use the same. */

import { colourOf, inkOn, paler } from "./colours.js";

/** @typedef {import("./regions.js").Regions} Regions */

/**
 * A region to draw.
 *
 * @typedef {object} Region
 * @property {number} value In the regions.
 * @property {number} slot Its colour.
 * @property {string} name
 * @property {boolean} isLit Whether it is pointed at.
 *
 * What to draw.
 *
 * @typedef {object} Scene
 * @property {CanvasImageSource} photo
 * @property {Regions|null} regions
 * @property {Region[]} shown
 * @property {"colours"|"outlines"|"cutout"|"similarity"} mode
 * @property {number} opacity 0 to 1
 * @property {boolean} isAlone Whether one label is shown alone: the rest of the photo is then darker.
 * @property {CanvasImageSource|null} heat
 * @property {number} split Share of the width, from the left, that shows the photo alone.
 * @property {boolean} names
 * @property {number} fresh 0 to 1: how far new regions have appeared.
 * @property {number} scale Pixels of the canvas for one of the page.
 */

const CHECK = 10; // side of the squares behind what is cut out, in pixels of the page

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene */
export function draw(context, width, height, scene) {
  context.save();
  context.clearRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  if (scene.mode === "similarity" && scene.heat) drawHeat(context, width, height, scene, scene.heat);
  else if (scene.mode === "cutout" && scene.regions) drawCutout(context, width, height, scene, scene.regions);
  else {
    context.drawImage(scene.photo, 0, 0, width, height);
    if (scene.regions && scene.mode !== "similarity") drawRegions(context, width, height, scene, scene.regions);
  }
  if (scene.split > 0) drawBefore(context, width, height, scene);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene */
function drawBefore(context, width, height, scene) {
  context.save();
  context.beginPath();
  context.rect(0, 0, width * scene.split, height);
  context.clip();
  context.drawImage(scene.photo, 0, 0, width, height);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene @param {Regions} regions */
function drawRegions(context, width, height, scene, regions) {
  const someLit = scene.shown.some((region) => region.isLit);
  if (scene.isAlone) shade(context, width, height, scene, regions, 0.55 * scene.fresh);
  else if (someLit) shade(context, width, height, scene, regions, 0.28);
  context.save();
  context.scale(width / regions.width, height / regions.height);
  const unit = (regions.width / width) * scene.scale; // one pixel of the page
  context.lineJoin = "round";
  for (const region of scene.shown) {
    const colour = colourOf(region.slot);
    const path = regions.paths[region.value];
    const isDimmed = someLit && !region.isLit;
    const fill = scene.mode === "outlines" ? 0 : scene.opacity * (isDimmed ? 0.45 : 1);
    context.globalAlpha = fill * scene.fresh;
    context.fillStyle = colour;
    context.fill(path, "evenodd");
    const line = scene.mode === "outlines" || region.isLit ? 1 : Math.min(1, 3 * scene.opacity); // none where it is 0
    context.globalAlpha = line * (isDimmed ? 0.35 : 1) * scene.fresh;
    if (scene.mode === "outlines") {
      strokeInside(context, path, "rgb(0 0 0 / 70%)", (region.isLit ? 6 : 4.5) * unit);
      strokeInside(context, path, colour, (region.isLit ? 4.5 : 3) * unit);
    } else {
      context.strokeStyle = region.isLit ? "#ffffff" : paler(colour, 0.55);
      context.lineWidth = (region.isLit ? 2.5 : 1.25) * unit;
      context.stroke(path);
    }
  }
  context.restore();
  if (scene.names) drawNames(context, width, height, scene, regions);
}

/**
 * A line along the inner side of a region's edge, so that neighbours do not hide each other's.
 *
 * @param {CanvasRenderingContext2D} context @param {Path2D} path @param {string} colour @param {number} width
 */
function strokeInside(context, path, colour, width) {
  context.save();
  context.clip(path, "evenodd");
  context.strokeStyle = colour;
  context.lineWidth = 2 * width;
  context.stroke(path);
  context.restore();
}

/** Darken what is not shown. @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene @param {Regions} regions @param {number} alpha */
function shade(context, width, height, scene, regions, alpha) {
  const lit = scene.isAlone ? scene.shown : scene.shown.filter((region) => region.isLit);
  const around = new Path2D();
  around.rect(0, 0, regions.width, regions.height);
  for (const region of lit) around.addPath(regions.paths[region.value]);
  context.save();
  context.scale(width / regions.width, height / regions.height);
  context.globalAlpha = alpha;
  context.fillStyle = "#05070a";
  context.fill(around, "evenodd");
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene @param {Regions} regions */
function drawCutout(context, width, height, scene, regions) {
  const side = CHECK * scene.scale;
  context.fillStyle = "#f3f4f6";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#d9dce1";
  for (let y = 0; y * side < height; y += 1) {
    for (let x = y % 2; x * side < width; x += 2) context.fillRect(x * side, y * side, side, side);
  }
  cutOut(context, width, height, scene, regions);
}

/** The photo where its shown regions are, and nothing elsewhere. @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene @param {Regions} regions */
export function cutOut(context, width, height, scene, regions) {
  const all = new Path2D();
  for (const region of scene.shown) all.addPath(regions.paths[region.value]);
  context.save();
  context.scale(width / regions.width, height / regions.height);
  context.globalAlpha = scene.fresh;
  context.clip(all, "nonzero");
  context.drawImage(scene.photo, 0, 0, regions.width, regions.height);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene @param {CanvasImageSource} heat */
function drawHeat(context, width, height, scene, heat) {
  context.filter = "grayscale(1)";
  context.drawImage(scene.photo, 0, 0, width, height);
  context.filter = "none";
  context.globalAlpha = 0.35 + 0.6 * scene.opacity * scene.fresh;
  context.drawImage(heat, 0, 0, width, height);
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Scene} scene @param {Regions} regions */
function drawNames(context, width, height, scene, regions) {
  const size = Math.max(11, Math.min(15, width / scene.scale / 45)) * scene.scale;
  context.font = `600 ${size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  /** @type {{x: number, y: number, wide: number}[]} */
  const written = [];
  const places = scene.shown.map((region) => ({ region, anchor: regions.anchor(region.value) }));
  places.sort((a, b) => Number(b.region.isLit) - Number(a.region.isLit) || (b.anchor?.room ?? 0) - (a.anchor?.room ?? 0));
  for (const { region, anchor } of places) {
    if (!anchor) continue;
    const colour = colourOf(region.slot);
    const text = fitted(context, region.name, width * 0.4);
    const wide = context.measureText(text).width + 1.3 * size;
    const high = 1.75 * size;
    const room = (anchor.room * width) / regions.width;
    if (room < 0.55 * size && !region.isLit) continue;
    const x = Math.min(Math.max((anchor.x * width) / regions.width, wide / 2 + 2), width - wide / 2 - 2);
    const y = Math.min(Math.max((anchor.y * height) / regions.height, high / 2 + 2), height - high / 2 - 2);
    const isTaken = written.some((other) => Math.abs(other.x - x) < (other.wide + wide) / 2 && Math.abs(other.y - y) < high);
    if (x < width * scene.split || isTaken) continue;
    written.push({ x, y, wide });
    context.globalAlpha = scene.fresh;
    context.fillStyle = colour;
    context.strokeStyle = "rgb(0 0 0 / 35%)";
    context.lineWidth = scene.scale;
    context.beginPath();
    context.roundRect(x - wide / 2, y - high / 2, wide, high, high / 2);
    context.fill();
    context.stroke();
    context.fillStyle = inkOn(colour);
    context.fillText(text, x, y + 0.04 * size);
  }
}

/** A text that is no wider than so much. @param {CanvasRenderingContext2D} context @param {string} text @param {number} widest */
function fitted(context, text, widest) {
  let shown = text;
  while (shown.length > 2 && context.measureText(shown).width > widest) shown = `${shown.slice(0, -2)}…`;
  return shown;
}
