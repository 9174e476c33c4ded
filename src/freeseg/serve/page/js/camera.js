/** Taking a photo: with the camera of a phone by its own program, with that of a computer in a dialog. */

import { closeButton } from "./code_dialog.js";
import { byId, el, toast } from "./dom.js";
import { toBlob } from "./photos.js";

/** @param {(files: File[]) => void} onPhoto @returns {() => Promise<void>} Takes a photo. */
export function camera(onPhoto) {
  const capture = byId("capture-input", HTMLInputElement);
  const dialog = byId("camera-dialog", HTMLDialogElement);
  const video = /** @type {HTMLVideoElement} */ (el("video", { autoplay: true, playsinline: true, muted: true, "aria-label": "What the camera sees" }));
  /** @type {MediaStream|null} */
  let stream = null;
  const take = async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    const blob = await toBlob(canvas, "image/jpeg", 0.92);
    dialog.close();
    onPhoto([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
  };
  const shoot = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: "button primary", onclick: () => void take() }, "Take the photo"));
  dialog.append(
    el("div", { class: "dialog-head" }, el("h2", { id: "camera-title" }, "Camera"), closeButton(dialog)),
    video,
    el("div", { class: "dialog-actions" }, shoot),
  );
  dialog.addEventListener("close", () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  });
  video.addEventListener("loadeddata", () => (shoot.disabled = false));
  return async () => {
    const isPhone = matchMedia("(pointer: coarse)").matches;
    if (isPhone || !navigator.mediaDevices?.getUserMedia) return capture.click();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
    } catch (error) {
      const isRefused = error instanceof DOMException && error.name === "NotAllowedError";
      return toast(isRefused ? "The camera was not allowed. Allow it in the browser's settings for this page." : "No camera was found. Connect one, or choose a photo.");
    }
    shoot.disabled = true;
    video.srcObject = stream;
    dialog.showModal();
    shoot.focus();
  };
}
