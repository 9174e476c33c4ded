/** What went wrong, with what to do about it. */

import { capital } from "./words.js";

export class Problem extends Error {
  /**
   * @param {object} about
   * @param {string} about.kind What tells problems apart: "photo-not-kept", "network".
   * @param {number} [about.status] The HTTP status; 0 where there was no answer.
   * @param {string} about.detail The cause.
   * @param {string} about.fix What to do.
   */
  constructor({ kind, status = 0, detail, fix }) {
    super(sentence(detail));
    this.kind = kind;
    this.status = status;
    this.detail = sentence(detail);
    this.fix = sentence(fix);
  }
}

/** @param {Response} response @returns {Promise<Problem>} */
export async function problemOf(response) {
  const body = await response.json().catch(() => null);
  const kind = String(body?.type ?? "").split(":").at(-1) || "unknown";
  return new Problem({
    kind,
    status: response.status,
    detail: body?.detail || body?.title || `the server answered with status ${response.status}`,
    fix: body?.fix || "try again; if that does not help, look into the server's log",
  });
}

/** @returns {Problem} */
export function networkProblem() {
  return new Problem({
    kind: "network",
    detail: "the server does not answer",
    fix: "check that freeseg serve is still running, then try again",
  });
}

/** @param {string} text Begins with a capital letter and ends with a full stop. */
function sentence(text) {
  const whole = capital(text.trim());
  return !whole || /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
