/** The outlines of the regions of a label picture, as smooth paths that stay sharp at any size. */

const STEP_X = [1, 0, -1, 0]; // east, south, west, north
const STEP_Y = [0, 1, 0, -1];
const SMOOTHING = 2; // how many neighbours on each side a point is averaged with
const OUTSIDE = 12; // pixels that edges on the photo's frame lie outside of it, where no line is seen

/**
 * The outlines of every value above 0.
 *
 * @param {Uint16Array} labels width * height
 * @param {number} width
 * @param {number} height
 * @param {number} count The largest value.
 * @returns {Path2D[]} By value; fill them with the rule "evenodd", since holes are outlines too.
 */
export function contours(labels, width, height, count) {
  const paths = Array.from({ length: count + 1 }, () => new Path2D());
  const seen = new Uint8Array(labels.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const place = y * width + x;
      const value = labels[place];
      if (value === 0 || seen[place] || (y > 0 && labels[place - width] === value)) continue;
      addSmooth(paths[value], follow(labels, width, height, x, y, seen), width, height);
    }
  }
  return paths;
}

/**
 * Follow an outline from the top edge of a pixel, with the region on the right.
 *
 * @param {Uint16Array} labels @param {number} width @param {number} height
 * @param {number} startX @param {number} startY @param {Uint8Array} seen Pixels whose top edge is done.
 * @returns {number[]} x, y of the middle of every edge, in turn
 */
function follow(labels, width, height, startX, startY, seen) {
  const value = labels[startY * width + startX];
  /** @param {number} x @param {number} y */
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && labels[y * width + x] === value;
  const points = [];
  let x = startX;
  let y = startY;
  let direction = 0;
  do {
    points.push(x + STEP_X[direction] / 2, y + STEP_Y[direction] / 2);
    if (direction === 0) seen[y * width + x] = 1;
    x += STEP_X[direction];
    y += STEP_Y[direction];
    // The two pixels ahead of the corner (x, y), on the left and on the right of where we go.
    const right = inside(x - Number(direction === 1 || direction === 2), y - Number(direction === 2 || direction === 3));
    const left = inside(x - Number(direction === 2 || direction === 3), y - Number(direction === 0 || direction === 3));
    if (!right) direction = (direction + 1) % 4;
    else if (left) direction = (direction + 3) % 4;
  } while (x !== startX || y !== startY || direction !== 0);
  return points;
}

/** @param {number} place @param {number} side */
function beyond(place, side) {
  return place === 0 ? -OUTSIDE : place === side ? side + OUTSIDE : place;
}

/**
 * @param {Path2D} path @param {number[]} points @param {number} width @param {number} height
 */
function addSmooth(path, points, width, height) {
  const count = points.length / 2;
  const reach = Math.min(SMOOTHING, Math.floor((count - 1) / 4));
  const smooth = new Float32Array(points.length);
  for (let index = 0; index < count; index += 1) {
    const x = points[2 * index];
    const y = points[2 * index + 1];
    let sumX = 0;
    let sumY = 0;
    for (let offset = -reach; offset <= reach; offset += 1) {
      const other = (index + offset + count) % count;
      sumX += points[2 * other];
      sumY += points[2 * other + 1];
    }
    const onFrame = x === 0 || y === 0 || x === width || y === height;
    smooth[2 * index] = onFrame ? beyond(x, width) : sumX / (2 * reach + 1);
    smooth[2 * index + 1] = onFrame ? beyond(y, height) : sumY / (2 * reach + 1);
  }
  path.moveTo(smooth[0], smooth[1]);
  for (let index = 1; index < count; index += 1) {
    const x = smooth[2 * index];
    const y = smooth[2 * index + 1];
    const next = (index + 1) % count;
    // A point in the middle of a straight line adds nothing.
    const bend =
      (x - smooth[2 * index - 2]) * (smooth[2 * next + 1] - y) - (y - smooth[2 * index - 1]) * (smooth[2 * next] - x);
    if (bend !== 0 || index === count - 1) path.lineTo(x, y);
  }
  path.closePath();
}
