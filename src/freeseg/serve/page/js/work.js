/** Asking the server about the photos: the one that is shown first, then the others in turn. */

import { addThumb } from "./photos.js";
import { Problem } from "./problems.js";
import { questionKey } from "./words.js";

/** @typedef {import("./types.js").Photo} Photo */
/** @typedef {import("./types.js").Question} Question */

const AT_ONCE = 2; // photos; while the server works on one, the next is on its way
const RESULTS = 12; // of a photo, so that undo shows earlier ones at once

/** @typedef {{controller: AbortController, key: string|null}} Job Key of the question, null while the photo is sent. */

export class Work {
  /** @type {Map<Photo, Job>} */
  #jobs = new Map();
  #needsToken = false;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./api.js").Api} api
   * @param {() => void} onToken Called when the server asks for a token.
   */
  constructor(store, api, onToken) {
    this.store = store;
    this.api = api;
    this.onToken = onToken;
    store.subscribe(() => this.start());
  }

  /** Go on after a token was given. */
  resume() {
    this.#needsToken = false;
    for (const photo of this.store.state.photos) if (photo.problem?.status === 401) this.again(photo);
    this.start();
  }

  /** Try a photo again that failed. @param {Photo} photo */
  again(photo) {
    photo.problem = null;
    photo.problemKey = "";
    photo.status = "new";
    this.store.touch();
  }

  /** The server's id of a photo; it is sent if need be. @param {Photo} photo @param {AbortSignal} [signal] */
  async kept(photo, signal) {
    if (!photo.serverId) {
      const kept = await this.api.keep(photo.blob, photo.name, signal);
      photo.serverId = kept.id;
      photo.width = kept.width;
      photo.height = kept.height;
    }
    return photo.serverId;
  }

  /**
   * Ask about a kept photo; if the server has forgotten it, it is sent again.
   *
   * @template T
   * @param {Photo} photo @param {(id: string) => Promise<T>} ask @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  async about(photo, ask, signal) {
    try {
      return await ask(await this.kept(photo, signal));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      photo.serverId = null;
      return ask(await this.kept(photo, signal));
    }
  }

  /** Begin what there is to do, and stop what nobody waits for any more. */
  start() {
    const { photos, labels } = this.store.state;
    const key = questionKey(this.store.state);
    for (const [photo, job] of this.#jobs) {
      if (!photos.includes(photo) || (job.key !== null && job.key !== key)) job.controller.abort();
    }
    if (this.#needsToken) return;
    const current = this.store.photo;
    const order = current ? [current, ...photos] : photos;
    for (const photo of order) {
      if (this.#jobs.size >= AT_ONCE) return;
      const isDone = photo.results.has(key) || (labels.length === 0 && photo.serverId !== null && photo.thumb !== "");
      if (!isDone && !problemAt(photo, key) && !this.#jobs.has(photo)) void this.#run(photo);
    }
  }

  /** @param {Photo} photo */
  async #run(photo) {
    /** @type {Job} */
    const job = { controller: new AbortController(), key: null };
    const { signal } = job.controller;
    this.#jobs.set(photo, job);
    try {
      photo.status = photo.serverId ? photo.status : "sending";
      this.store.touch();
      await this.#look(photo, signal);
      const question = this.store.state;
      if (question.labels.length > 0) {
        job.key = questionKey(question);
        photo.status = "asking";
        this.store.touch();
        const result = await this.about(photo, (id) => this.api.segment(id, question, signal), signal);
        photo.results.set(job.key, result);
        for (const oldest of photo.results.keys()) if (photo.results.size > RESULTS) photo.results.delete(oldest);
      }
      photo.status = "done";
      photo.problem = null;
    } catch (error) {
      this.#failed(photo, job, error);
    } finally {
      this.#jobs.delete(photo);
      this.store.touch();
    }
  }

  /** Have the server keep a photo; what the browser cannot show, the server draws. @param {Photo} photo @param {AbortSignal} signal */
  async #look(photo, signal) {
    const readable = await addThumb(photo).then(() => true, () => false);
    if (!readable && photo.shown !== photo.blob) throw unreadable(photo);
    await this.kept(photo, signal);
    if (readable) return;
    // Where every pixel is the one label, the cut-out of it is the whole photo.
    const everything = { labels: [{ key: "photo", words: ["photo"], slot: 0 }], background: false };
    photo.shown = await this.about(photo, (id) => this.api.file(id, everything, { picture: "cutout" }), signal);
    await addThumb(photo).catch(() => {
      throw unreadable(photo);
    });
  }

  /** @param {Photo} photo @param {Job} job @param {unknown} error */
  #failed(photo, job, error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      photo.status = "new";
      return;
    }
    photo.status = "failed";
    photo.problem =
      error instanceof Problem
        ? error
        : new Problem({ kind: "page", detail: "the page could not use the answer", fix: "reload the page and try again" });
    photo.problemKey = job.key ?? "*";
    if (!(error instanceof Problem)) console.error(error);
    if (photo.problem.status === 401) {
      this.#needsToken = true;
      this.onToken();
    }
  }
}

/** What is wrong with a photo where this question is asked. @param {Photo} photo @param {string} key */
export function problemAt(photo, key) {
  return photo.problemKey === "*" || photo.problemKey === key ? photo.problem : null;
}

/** @param {Photo} photo */
function unreadable(photo) {
  const detail = `${photo.name} cannot be shown as a photo`;
  return new Problem({ kind: "photo", detail, fix: "save it as JPEG or PNG, and add it again" });
}
