/**
 * The shapes that the modules pass to each other. Nothing here runs.
 *
 * @typedef {object} Label A thing to find.
 * @property {string} key What tells it from the others: its first word, folded.
 * @property {string[]} words The words that mean it; the first one is its name.
 * @property {number} slot Which colour it has, as long as it is in the list.
 *
 * @typedef {object} FoundLabel What the server says of one label.
 * @property {string} label
 * @property {string[]} aliases
 * @property {number} share Of the photo, 0 to 1; 0 where it was not found.
 * @property {number} confidence Mean over its pixels, 0 to 1.
 * @property {{size: [number, number], counts: string}} rle
 *
 * @typedef {object} Result The server's answer about a photo.
 * @property {{id: string, width: number, height: number}} photo
 * @property {FoundLabel[]} labels In the order in which they were asked for.
 * @property {{share: number}|null} background
 * @property {number} [unsure]
 * @property {string} model
 * @property {number} seconds
 * @property {string[]} [warnings]
 *
 * @typedef {object} Question What every photo is asked.
 * @property {Label[]} labels
 * @property {boolean} background Whether a pixel may be none of the labels.
 *
 * @typedef {object} Photo
 * @property {string} id Of this page.
 * @property {string} name
 * @property {Blob} blob The file as it was given, or a smaller copy if the user chose so.
 * @property {Blob} shown What the browser can show: the file, or the server's rendering of it.
 * @property {string} thumb Address of a small picture; "" until there is one.
 * @property {number} width
 * @property {number} height
 * @property {string|null} serverId Under which the server keeps it.
 * @property {"new"|"sending"|"asking"|"done"|"failed"} status
 * @property {import("./problems.js").Problem|null} problem
 * @property {string} problemKey Of the question that failed; "*" if any would.
 * @property {Map<string, Result>} results By question.
 * @property {boolean} isSample
 *
 * @typedef {object} View How masks are shown.
 * @property {"colours"|"outlines"|"cutout"|"similarity"} mode
 * @property {number} opacity 0 to 1.
 * @property {boolean} names
 * @property {boolean} compare
 * @property {number} split Which share of the photo, from the left, is shown without a mask.
 * @property {string} heat Key of the label whose similarity is shown.
 *
 * @typedef {object} State
 * @property {Photo[]} photos
 * @property {string|null} current
 * @property {Label[]} labels
 * @property {boolean} background
 * @property {ReadonlySet<string>} hidden Keys of labels that are not shown.
 * @property {string|null} only Key of the one label that is shown alone.
 * @property {string|null} lit Key of the label under the pointer.
 * @property {View} view
 * @property {number} version Goes up when something inside a photo changes.
 * @property {boolean} isReady Whether the sample photo is there, or could not be had.
 * @property {boolean} canUndo
 * @property {boolean} canRedo
 */
export {};
