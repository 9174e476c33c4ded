/** How photos come in: dropped, pasted, chosen or taken. */

import { camera } from "./camera.js";
import { byId, toast } from "./dom.js";

const PHOTO = /\.(avif|bmp|gif|heic|heif|jfif|jpe?g|png|tiff?|webp)$/i;

/** @param {import("./actions.js").Actions} actions */
export function intake(actions) {
  const [files, folder, capture] = ["file-input", "folder-input", "capture-input"].map((id) => byId(id, HTMLInputElement));
  const add = (/** @type {File[]} */ given) => {
    const photos = given.filter((file) => file.type.startsWith("image/") || PHOTO.test(file.name));
    if (photos.length === 0) toast("There is no photo in that. JPEG, PNG, WebP, TIFF and other pictures are taken.");
    else if (photos.length < given.length) toast(`${given.length - photos.length} files are no photos and were left out.`);
    actions.addPhotos(photos);
  };
  for (const input of [files, folder, capture]) {
    input.addEventListener("change", () => {
      if (input.files?.length) add([...input.files]);
      input.value = "";
    });
  }
  const takePhoto = camera(add);
  /** @type {Record<string, () => unknown>} */
  const acts = { pick: () => files.click(), folder: () => folder.click(), camera: takePhoto, sample: () => actions.addSample() };
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (!(button instanceof HTMLElement) || !button.dataset.act) return;
    const menu = byId("add-menu", HTMLElement);
    if (menu.matches(":popover-open")) menu.hidePopover();
    void acts[button.dataset.act]();
  });
  acceptDrops(add);
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length === 0) return;
    event.preventDefault();
    add(pasted);
  });
}

/** @param {(files: File[]) => void} add */
function acceptDrops(add) {
  const veil = byId("drop", HTMLElement);
  let inside = 0; // a drag enters an element before it leaves the one around it
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    inside += 1;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    inside = Math.max(0, inside - 1);
    veil.hidden = inside === 0;
  });
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside = 0;
    veil.hidden = true;
    void dropped(event).then(add);
  });
}

/** The files of a drop, also those in folders. @param {DragEvent} event @returns {Promise<File[]>} */
async function dropped(event) {
  const items = [...(event.dataTransfer?.items ?? [])];
  const files = [...(event.dataTransfer?.files ?? [])];
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return files;
  const found = await Promise.all(entries.map((entry) => (entry ? within(entry) : [])));
  return found.flat().filter((file) => file.type.startsWith("image/") || PHOTO.test(file.name));
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function within(entry) {
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return new Promise((resolve) => file.file((each) => resolve([each]), () => resolve([])));
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return files;
    for (const each of some) files.push(...(await within(each))); // a reader gives a hundred at a time
  }
}
