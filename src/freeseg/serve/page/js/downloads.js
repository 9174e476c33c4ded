/** The menu of files: what the API offers of a result, and the picture as it is shown. */

import { byId, el, saveFile, toast } from "./dom.js";
import { draw } from "./drawing.js";
import { toBlob } from "./photos.js";
import { Problem } from "./problems.js";
import { zip } from "./zip.js";

/** @typedef {import("./types.js").Photo} Photo */
/** @typedef {{title: string, about: string, ending: string, media?: string, picture?: string}} Format */

/** What is known of the API's forms, by media type or by the name of a picture; others are offered by their name. */
const KNOWN = /** @type {Record<string, [string, string, string]>} */ ({
  overlay: ["Overlay", "JPEG with a legend", "overlay.jpg"],
  mask: ["Mask", "PNG, a number for each label", "mask.png"],
  cutout: ["Cut-out", "PNG, transparent elsewhere", "cutout.png"],
  outlines: ["Outlines", "JPEG", "outlines.jpg"],
  "application/vnd.coco+json": ["COCO", "JSON for other tools", "coco.json"],
  "application/vnd.labelme+json": ["LabelMe", "JSON with polygons", "labelme.json"],
  "application/json": ["Summary", "JSON with shares and confidences", "json"],
  "application/zip": ["Everything", "zip of all of these", "zip"],
});
const ASKED = "/v1/photos/{id}/segment";

export class Downloads {
  #menu = byId("save-menu", HTMLElement);
  /** @type {Format[]|null} */
  #formats = null;

  /** @param {import("./store.js").Store} store @param {import("./stage.js").Stage} stage @param {import("./work.js").Work} work */
  constructor(store, stage, work) {
    this.store = store;
    this.stage = stage;
    this.work = work;
    this.#menu.addEventListener("beforetoggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") void this.#open();
    });
  }

  async #open() {
    this.#draw();
    if (this.#formats) return;
    const usual = JSON.stringify(formatsOf(null));
    this.#formats = formatsOf(await this.work.api.description().catch(() => null));
    if (JSON.stringify(this.#formats) === usual) return; // nothing is taken away under the focus
    const place = [...this.#menu.children].indexOf(/** @type {Element} */ (document.activeElement));
    const isAll = this.#isAll;
    this.#draw();
    const box = document.getElementById("save-all");
    if (box instanceof HTMLInputElement) box.checked = isAll;
    const again = this.#menu.children[place];
    if (again instanceof HTMLElement) again.focus();
  }

  #draw() {
    const { photos, only, labels } = this.store.state;
    const alone = labels.find((label) => label.key === only)?.words[0];
    const items = (this.#formats ?? formatsOf(null)).map((format) => {
      const title = format.picture === "cutout" && alone ? `Cut-out of ${alone}` : format.title;
      return this.#item(title, format.about, () => this.#save(format));
    });
    this.#menu.replaceChildren(
      photos.length > 1
        ? el("label", { class: "menu-all" }, el("input", { type: "checkbox", id: "save-all" }), el("span", {}, `Of all ${photos.length} photos, as a zip`))
        : "",
      this.#item("Copy the picture", "to paste it elsewhere", () => this.#copyPicture()),
      this.#item("Picture", "PNG, as it is shown here", () => this.#savePicture()),
      ...items,
    );
  }

  /** @param {string} title @param {string} about @param {() => Promise<void>} save */
  #item(title, about, save) {
    const press = async () => {
      const isAll = this.#isAll;
      this.#menu.hidePopover();
      try {
        await save();
      } catch (error) {
        const text = error instanceof Problem ? `${error.detail} ${error.fix}` : "The file could not be made. Reload the page and try again.";
        toast(text, { action: "Try again", onAction: () => void press(), seconds: 20 });
        if (isAll) byId("live", HTMLElement).textContent = text;
      }
    };
    return el("button", { type: "button", onclick: press }, el("span", {}, title, el("small", {}, about)));
  }

  get #isAll() {
    const box = document.getElementById("save-all");
    return box instanceof HTMLInputElement && box.checked;
  }

  /** @param {Format} format */
  async #save(format) {
    const { photos } = this.store.state;
    const isAll = this.#isAll;
    const photo = this.store.photo;
    if (!isAll && photo) return saveFile(await this.#file(photo, format, true), `${stem(photo)}.${format.ending}`);
    const files = [];
    const used = new Set();
    for (const [place, each] of photos.entries()) {
      toast(`Fetching ${place + 1} of ${photos.length}…`, { seconds: 60 });
      let name = `${stem(each)}.${format.ending}`;
      for (let number = 2; used.has(name); number += 1) name = `${stem(each)}-${number}.${format.ending}`;
      used.add(name);
      const blob = await this.#file(each, format, false).catch((error) => {
        if (error instanceof Problem && each.problem) return null; // it could not be segmented, and the others can
        throw error;
      });
      if (blob) files.push({ name, blob });
    }
    saveFile(await zip(files), "freeseg.zip");
    const left = photos.length - files.length;
    toast(left ? `${files.length} files are in the zip; ${left} photos failed and were left out.` : `${files.length} files are in the zip.`);
  }

  /** @param {Photo} photo @param {Format} format @param {boolean} mayBeAlone Whether a cut-out is of the label that is shown alone. */
  #file(photo, format, mayBeAlone) {
    const { labels, background, only } = this.store.state;
    const alone = labels.find((label) => label.key === only)?.words[0] ?? "";
    const label = format.picture === "cutout" && mayBeAlone ? alone : "";
    const question = { labels, background };
    return this.work.about(photo, (id) => this.work.api.file(id, question, { media: format.media, picture: format.picture, label }));
  }

  async #savePicture() {
    const photo = this.store.photo;
    const blob = photo && (await this.#picture(photo));
    if (blob) saveFile(blob, `${stem(photo)}.${this.store.state.view.mode}.png`);
  }

  async #copyPicture() {
    const photo = this.store.photo;
    if (!photo) return;
    if (!navigator.clipboard?.write) {
      const fix = "open it by https or on this machine, or download the picture";
      throw new Problem({ kind: "clipboard", detail: "the browser lets no page of this address copy pictures", fix });
    }
    // The promise is given right away: after a wait, some browsers no longer see that a click asked for it.
    const picture = this.#picture(photo).then((blob) => blob ?? new Blob());
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    toast("Copied.");
  }

  /** The photo at its own size, drawn as it is shown. @param {Photo} photo @returns {Promise<Blob|null>} */
  async #picture(photo) {
    const scene = this.stage.scene();
    if (!scene) return null;
    const whole = await createImageBitmap(photo.shown);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [whole.width, whole.height];
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const scale = Math.max(1, whole.width / Math.max(1, byId("canvas", HTMLCanvasElement).clientWidth));
    draw(context, canvas.width, canvas.height, { ...scene, photo: whole, split: 0, scale });
    whole.close();
    return toBlob(canvas, "image/png");
  }
}

/** The forms that the API says it has. @param {any} description @returns {Format[]} */
function formatsOf(description) {
  const operation = description?.paths?.[ASKED]?.post;
  const pictures = operation?.parameters?.find((/** @type {any} */ each) => each.name === "picture")?.schema?.enum;
  const media = Object.keys(operation?.responses?.["200"]?.content ?? {});
  /** @type {Format[]} */
  const formats = (pictures ?? ["overlay", "mask", "cutout", "outlines"]).map((/** @type {string} */ picture) => {
    const [title, about, ending] = KNOWN[picture] ?? [picture, "picture", `${picture}.png`];
    return { title, about, ending, picture };
  });
  for (const type of media.length ? media : ["application/vnd.coco+json", "application/json", "application/zip"]) {
    if (type.startsWith("image/")) continue; // these are the pictures
    const [title, about, ending] = KNOWN[type] ?? [type, "", type.replace(/^.*[/+]/, "")];
    formats.push({ title, about, ending, media: type });
  }
  const order = Object.keys(KNOWN);
  const rank = (/** @type {Format} */ each) => (order.indexOf(each.picture ?? each.media ?? "") + order.length + 1) % (order.length + 1);
  return formats.sort((a, b) => rank(a) - rank(b));
}

/** A photo's name without its ending. @param {Photo} photo */
function stem(photo) {
  return photo.name.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "") || "photo";
}
