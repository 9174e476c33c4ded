/** The state of the page, and how to come back to an earlier one. */

/** @typedef {import("./types.js").State} State */

const STEPS = 100;
const UNDONE = /** @type {const} */ (["photos", "labels", "background", "hidden", "only"]);

/** @returns {State} */
function initial() {
  return {
    photos: [],
    current: null,
    labels: [],
    background: true,
    hidden: new Set(),
    only: null,
    lit: null,
    view: { mode: "colours", opacity: 0.5, names: true, compare: false, split: 0.5, heat: "" },
    version: 0,
    isReady: false,
    canUndo: false,
    canRedo: false,
  };
}

export class Store {
  /** @type {State} */
  state = initial();
  /** @type {Set<(state: State) => void>} */
  #listeners = new Set();
  #told = true;
  /** @type {Partial<State>[]} */
  #past = [];
  /** @type {Partial<State>[]} */
  #future = [];

  /** @param {(state: State) => void} listener */
  subscribe(listener) {
    this.#listeners.add(listener);
  }

  /** Change the state; those who listen hear of several changes at once. @param {Partial<State>} patch */
  set(patch) {
    this.state = { ...this.state, ...patch };
    if (!this.#told) return;
    this.#told = false;
    queueMicrotask(() => {
      this.#told = true;
      for (const listener of this.#listeners) listener(this.state);
    });
  }

  /** Something inside a photo has changed. */
  touch() {
    this.set({ version: this.state.version + 1 });
  }

  /** Change the state in a way that can be undone. @param {Partial<State>} patch */
  change(patch) {
    this.#past = [...this.#past, this.#snapshot()].slice(-STEPS);
    this.#future = [];
    this.set({ ...patch, canUndo: true, canRedo: false });
  }

  undo() {
    this.#travel(this.#past, this.#future);
  }

  redo() {
    this.#travel(this.#future, this.#past);
  }

  /** The photo that is shown. */
  get photo() {
    return this.state.photos.find((photo) => photo.id === this.state.current) ?? null;
  }

  #snapshot() {
    return Object.fromEntries(UNDONE.map((name) => [name, this.state[name]]));
  }

  /** @param {Partial<State>[]} from @param {Partial<State>[]} to */
  #travel(from, to) {
    const earlier = from.pop();
    if (!earlier) return;
    to.push(this.#snapshot());
    const photos = earlier.photos ?? [];
    const stays = photos.some((photo) => photo.id === this.state.current);
    const current = stays ? this.state.current : (photos.at(-1)?.id ?? null);
    this.set({ ...earlier, current, canUndo: this.#past.length > 0, canRedo: this.#future.length > 0 });
  }
}
