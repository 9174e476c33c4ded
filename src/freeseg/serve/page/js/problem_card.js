/** What is said on the photo when it could not be segmented: why, and what can be done. */

import { byId, el, icon } from "./dom.js";
import { problemAt } from "./work.js";
import { questionKey } from "./words.js";

/** @typedef {import("./types.js").Photo} Photo */

export class ProblemCard {
  #card = byId("problem", HTMLElement);
  /** @type {unknown} */
  #shown = null;

  /**
   * @param {import("./store.js").Store} store @param {import("./actions.js").Actions} actions
   * @param {import("./work.js").Work} work @param {() => void} onToken
   */
  constructor(store, actions, work, onToken) {
    this.store = store;
    this.actions = actions;
    this.work = work;
    this.onToken = onToken;
    store.subscribe((state) => {
      const photo = store.photo;
      const problem = photo && problemAt(photo, questionKey(state));
      if (problem === this.#shown) return;
      this.#shown = problem;
      this.#card.hidden = problem === null;
      if (photo && problem) this.#draw(photo, problem);
    });
  }

  /** @param {Photo} photo @param {import("./problems.js").Problem} problem */
  #draw(photo, problem) {
    const again = () => this.work.again(photo);
    const isToken = problem.status === 401;
    const isOfWords = problem.status === 422 && problem.kind !== "photo" && this.store.state.canUndo;
    const isLarge = problem.status === 413 || (problem.status === 422 && problem.kind === "photo" && /pixel|large/i.test(problem.detail));
    this.#card.replaceChildren(
      icon("warning"),
      el("div", {}, el("h2", {}, problem.detail), el("p", {}, problem.fix)),
      el(
        "div",
        { class: "problem-actions" },
        isToken && el("button", { type: "button", class: "button primary", onclick: this.onToken }, "Enter the token"),
        isLarge && el("button", { type: "button", class: "button primary", onclick: () => this.#shrink(photo) }, "Send a smaller copy"),
        isOfWords && el("button", { type: "button", class: "button primary", onclick: () => this.store.undo() }, "Undo"),
        !isToken && el("button", { type: "button", class: `button${isLarge || isOfWords ? "" : " primary"}`, onclick: again }, "Try again"),
        !isOfWords && el("button", { type: "button", class: "button", onclick: () => this.actions.removePhoto(photo.id) }, "Take it out"),
      ),
    );
  }

  /** @param {Photo} photo */
  async #shrink(photo) {
    await this.actions.shrink(photo).catch(() => {
      this.#card.querySelector("p")?.replaceChildren("This browser cannot make it smaller. Use another program for that.");
    });
  }
}
