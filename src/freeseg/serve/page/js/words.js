/**
 * Words as users write them: "cat, sofa|couch" is two things, the second with two names, and "person|" is looked for by
 * this word alone. An empty name after the only one stands for that.
 */

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").Question} Question */

const SEPARATOR = /[,;\t\n\r\uff0c\u3001\uff1b\u060c\u061b\ufe50\ufe10\uff64]+/;
const ALIAS = /[|\uff5c]/;

/** What is equal for spellings of one word. @param {string} word */
export function wordKey(word) {
  return word.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, " ");
}

/**
 * The words of each thing that a text names, without those that are empty or repeated.
 *
 * @param {string} text
 * @returns {string[][]}
 */
export function parseLabels(text) {
  return text
    .split(SEPARATOR)
    .map((part) => {
      const words = part.split(ALIAS).map((word) => word.trim().replace(/\s+/g, " "));
      const known = new Set();
      const names = words.filter((word) => wordKey(word) && !known.has(wordKey(word)) && known.add(wordKey(word)));
      return names.length === 1 && words.length > 1 && !words.at(-1) ? [...names, ""] : names;
    })
    .filter((words) => words.length > 0);
}

/** As FreeSeg takes it: "sofa|couch". @param {{words: string[]}} label */
export function labelText(label) {
  return label.words.join("|");
}

/** What a thing is called besides its name; null where it was said that it has no other name. @param {Label} label */
export function otherNames(label) {
  const names = label.words.slice(1);
  return names.includes("") ? null : names;
}

/** What tells questions apart. @param {Question} question */
export function questionKey(question) {
  return JSON.stringify([question.background, question.labels.map(labelText)]);
}

/**
 * Labels with more words, each with a colour that no other has as long as there are colours.
 *
 * @param {Label[]} labels
 * @param {string[][]} added
 * @returns {{labels: Label[], repeated: string[]}} The words that were in the list already are left out.
 */
export function withLabels(labels, added) {
  const known = new Set(labels.flatMap((label) => label.words.filter(Boolean).map(wordKey)));
  const used = new Set(labels.map((label) => label.slot));
  const repeated = [];
  const all = [...labels];
  for (const given of added) {
    const words = given.filter((word) => !known.has(wordKey(word)));
    repeated.push(...given.filter((word) => known.has(wordKey(word))));
    if (!words[0]) continue;
    words.filter(Boolean).forEach((word) => known.add(wordKey(word)));
    let slot = 0;
    while (used.has(slot)) slot += 1;
    used.add(slot);
    all.push({ key: wordKey(words[0]), words, slot });
  }
  return { labels: all, repeated };
}

/**
 * Labels with one of them written anew: no words take it out, words of several things put the others behind it.
 *
 * @param {Label[]} labels
 * @param {string} key
 * @param {string} text
 */
export function withEdited(labels, key, text) {
  const place = labels.findIndex((label) => label.key === key);
  const [words, ...more] = parseLabels(text);
  const others = labels.filter((label) => label.key !== key);
  if (place < 0 || !words) return { labels: others, repeated: [] };
  const { labels: grown, repeated } = withLabels(others, [words, ...more]);
  const fresh = grown.slice(others.length);
  if (fresh[0]) fresh[0] = { ...fresh[0], slot: labels[place].slot };
  const result = [...others.slice(0, place), ...fresh, ...others.slice(place)];
  return { labels: result, repeated };
}

/** @param {string} text The first letter large. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A share as people read it. @param {number} share 0 to 1 */
export function percent(share) {
  if (share > 0 && share < 0.01) return "<1%";
  return `${Math.round(100 * share)}%`;
}
