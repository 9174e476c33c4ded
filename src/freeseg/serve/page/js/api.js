/** Requests to the server. */

import { networkProblem, problemOf } from "./problems.js";
import { labelText } from "./words.js";

/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Result} Result */

const TRIES = 6; // of a request that a busy server puts off
const LONGEST_WAIT = 15; // seconds
const TOKEN = "freeseg-token";
const SESSION = randomText(); // where several servers share the work, the one that keeps this page's photos answers

export class Api {
  /** @param {(seconds: number) => void} onBusy Called before waiting for a busy server. */
  constructor(onBusy) {
    this.onBusy = onBusy;
  }

  get token() {
    return sessionStorage.getItem(TOKEN) ?? "";
  }

  /** Remembered until the tab is closed. @param {string} token */
  set token(token) {
    sessionStorage.setItem(TOKEN, token);
  }

  /** Where the server is. @param {string} path */
  address(path) {
    return new URL(path, document.baseURI).href;
  }

  /** @returns {Promise<{models: {name: string, engine: string, precision: string}[]}>} */
  async models() {
    return (await this.#ask("v1/models")).json();
  }

  /** @returns {Promise<{vocabularies: {name: string, title: string, labels: string[], background: boolean}[]}>} */
  async vocabularies() {
    return (await this.#ask("v1/vocabularies")).json();
  }

  /** The API's description of itself. @returns {Promise<any>} */
  async description() {
    return (await this.#ask("openapi.json")).json();
  }

  /**
   * Have the server look at a photo, and keep it.
   *
   * @param {Blob} blob @param {string} name @param {AbortSignal} [signal]
   * @returns {Promise<{id: string, width: number, height: number}>}
   */
  async keep(blob, name, signal) {
    const body = new FormData();
    body.append("photo", blob, name);
    return (await this.#ask("v1/photos", { method: "POST", body, signal })).json();
  }

  /**
   * @param {string} id @param {Question} question @param {AbortSignal} [signal]
   * @returns {Promise<Result>}
   */
  async segment(id, question, signal) {
    return (await this.#segment(id, question, "", "application/json", signal)).json();
  }

  /**
   * A result as a file.
   *
   * @param {string} id @param {Question} question
   * @param {{media?: string, picture?: string, label?: string}} form
   * @returns {Promise<Blob>}
   */
  async file(id, question, { media = "*/*", picture = "", label = "" }) {
    const query = new URLSearchParams({ ...(picture && { picture }), ...(label && { label }) });
    return (await this.#segment(id, question, query.size ? `?${query}` : "", media)).blob();
  }

  /**
   * How well each part of a photo answers to a label, as a grey picture.
   *
   * @param {string} id @param {{words: string[]}} label @param {AbortSignal} [signal]
   * @returns {Promise<Blob>}
   */
  async similarity(id, label, signal) {
    const query = new URLSearchParams({ label: labelText(label), plain: "1" });
    return (await this.#ask(`v1/photos/${id}/similarity?${query}`, { signal })).blob();
  }

  /**
   * @param {string} id @param {Question} question @param {string} query @param {string} accept
   * @param {AbortSignal} [signal]
   */
  #segment(id, question, query, accept, signal) {
    const body = JSON.stringify({ labels: question.labels.map(labelText), background: question.background });
    const headers = { "Content-Type": "application/json", Accept: accept };
    return this.#ask(`v1/photos/${id}/segment${query}`, { method: "POST", body, headers, signal });
  }

  /**
   * The answer to a request, however often a busy server has to be asked.
   *
   * @param {string} path
   * @param {{method?: string, body?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<Response>}
   */
  async #ask(path, options = {}) {
    for (let attempt = 1; ; attempt += 1) {
      const own = { "X-Session-Id": SESSION, ...(this.token && { Authorization: `Bearer ${this.token}` }) };
      const headers = { ...options.headers, ...own };
      const response = await fetch(this.address(path), { ...options, headers }).catch((error) => {
        throw error.name === "AbortError" ? error : networkProblem();
      });
      if (response.ok) return response;
      const isBusy = response.status === 429 || response.status === 503;
      if (!isBusy || attempt === TRIES) throw await problemOf(response);
      const seconds = Math.min(Number(response.headers.get("Retry-After")) || 1, LONGEST_WAIT);
      this.onBusy(seconds);
      await pause(seconds, options.signal);
    }
  }
}

/** @param {number} seconds @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    });
  });
}

/** @returns {string} */
function randomText() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}
