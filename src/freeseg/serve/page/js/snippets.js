/** The present question as code: Python, a command, and curl. */

import { labelText } from "./words.js";

/** @typedef {import("./types.js").Question} Question */

/** @param {string} text As a shell takes it. */
export function shellQuoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** @param {string} text As Python takes it. */
export function pythonQuoted(text) {
  return JSON.stringify(text);
}

/** @param {Question} question @param {string} photo Name of the photo's file. */
export function pythonSnippet(question, photo) {
  const texts = question.labels.map((label) => pythonQuoted(labelText(label)));
  const lines = texts.join(", ").length > 60 ? `[\n    ${texts.join(",\n    ")},\n]` : `[${texts.join(", ")}]`;
  const background = question.background ? "" : ", background=False";
  return [
    "import freeseg",
    "",
    "model = freeseg.load()",
    `labels = ${lines}`,
    `result = model.segment(${pythonQuoted(photo)}, labels${background})`,
    "",
    "print(result.areas())",
    'result.save("out")',
  ].join("\n");
}

/** @param {Question} question @param {string} photo */
export function commandSnippet(question, photo) {
  const labels = shellQuoted(question.labels.map(labelText).join(", "));
  const background = question.background ? "" : " \\\n  --no-background";
  return `freeseg segment ${shellQuoted(photo)} \\\n  --labels ${labels}${background} \\\n  --out out`;
}

/** @param {Question} question @param {string} photo @param {string} server Address of the server. @param {boolean} hasToken */
export function curlSnippet(question, photo, server, hasToken) {
  const labels = question.labels.map(labelText).join(", ");
  // curl ends the text of a field at a semicolon, and takes one that begins with @ or < as a file.
  const parts = [
    `curl ${shellQuoted(new URL("v1/segment", server).href)}`,
    hasToken ? '-H "Authorization: Bearer $FREESEG_TOKEN"' : "",
    `-F ${shellQuoted(`photo=@${photo}`)}`,
    `--form-string ${shellQuoted(`labels=${labels}`)}`,
    question.background ? "" : "-F background=false",
    "-H 'Accept: image/jpeg' -o overlay.jpg",
  ];
  return parts.filter(Boolean).join(" \\\n  ");
}
