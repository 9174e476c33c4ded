/** COCO's compressed run-length encoding: columns one after the other, runs of zeros and ones in turn. */

/**
 * The lengths of the runs, the first of them of zeros.
 *
 * @param {string} counts
 * @returns {number[]}
 */
export function runs(counts) {
  const lengths = [];
  let place = 0;
  while (place < counts.length) {
    let value = 0;
    let shift = 0;
    let group = 0;
    do {
      group = counts.charCodeAt(place) - 48;
      value |= (group & 31) << shift;
      shift += 5;
      place += 1;
    } while (group & 32 && place < counts.length);
    if (group & 16 && shift < 32) value |= -1 << shift;
    if (lengths.length > 2) value += lengths[lengths.length - 2];
    lengths.push(value);
  }
  return lengths;
}

/**
 * Write a value wherever a mask is, into a picture that may be smaller than the mask.
 *
 * @param {{size: [number, number], counts: string}} rle
 * @param {Uint16Array} target width * height, row by row
 * @param {number} width
 * @param {number} height
 * @param {number} value
 */
export function paint(rle, target, width, height, value) {
  const [fullHeight, fullWidth] = rle.size;
  const columnOf = new Int32Array(fullWidth).fill(-1);
  for (let x = 0; x < width; x += 1) columnOf[Math.floor(((x + 0.5) * fullWidth) / width)] = x;
  const rowFrom = new Int32Array(fullHeight + 1).fill(height);
  for (let y = height - 1; y >= 0; y -= 1) rowFrom[Math.floor(((y + 0.5) * fullHeight) / height)] = y;
  for (let y = fullHeight - 1; y >= 0; y -= 1) rowFrom[y] = Math.min(rowFrom[y], rowFrom[y + 1]);
  let start = 0;
  runs(rle.counts).forEach((length, index) => {
    const end = start + length;
    if (index % 2 === 1 && length > 0) {
      const last = Math.floor((end - 1) / fullHeight);
      for (let column = Math.floor(start / fullHeight); column <= last; column += 1) {
        const x = columnOf[column];
        if (x < 0) continue;
        const top = rowFrom[Math.max(start - column * fullHeight, 0)];
        const bottom = rowFrom[Math.min(end - column * fullHeight, fullHeight)];
        for (let y = top; y < bottom; y += 1) target[y * width + x] = value;
      }
    }
    start = end;
  });
}
