/** Small helpers to build and find elements. */

/**
 * The element of an id.
 *
 * @template {HTMLElement} T
 * @param {string} id @param {{new (...args: any[]): T}} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/**
 * A new element.
 *
 * @param {string} tag
 * @param {Record<string, string|boolean|EventListener|((event: any) => void)|undefined>} [attributes] Those that are functions are listeners, by
 *   the name of their event with "on" before it.
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.replace(/^on/, ""), /** @type {EventListener} */ (value));
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {Node|string} */ (child)));
  return made;
}

/** A picture of icons.svg, for the eye only. @param {string} name @returns {SVGSVGElement} */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `page/icons.svg#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Have a browser save a file. @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Say something to those who listen. @param {string} text */
export function announce(text) {
  const live = byId("live", HTMLElement);
  live.textContent = live.textContent === text ? `${text}\u00a0` : text; // said again, it must differ
}

/**
 * A message that goes by itself.
 *
 * @param {string} text
 * @param {{action?: string, onAction?: () => void, seconds?: number}} [options]
 */
export function toast(text, { action, onAction, seconds = 6 } = {}) {
  const box = byId("toasts", HTMLElement);
  const made = el("div", { class: "toast" }, el("span", {}, text));
  if (action && onAction) {
    const press = () => {
      made.remove();
      onAction();
    };
    made.append(el("button", { type: "button", class: "link", onclick: press }, action));
  }
  box.replaceChildren(made);
  setTimeout(() => made.remove(), 1000 * seconds);
}
