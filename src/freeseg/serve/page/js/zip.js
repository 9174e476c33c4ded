/** A zip of files, stored as they are: pictures are compressed already. */

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ TABLE[(value ^ byte) & 255];
  return (value ^ 0xffffffff) >>> 0;
}

/**
 * The header of a file, in the archive before it or in the list at its end; little-endian numbers, some of 2 bytes and
 * some of 4 (PKWARE APPNOTE 4.3.7 and 4.3.12).
 *
 * @param {[number, 2|4][]} fields
 */
function packed(fields) {
  const bytes = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let place = 0;
  for (const [value, size] of fields) {
    if (size === 2) bytes.setUint16(place, value, true);
    else bytes.setUint32(place, value, true);
    place += size;
  }
  return new Uint8Array(bytes.buffer);
}

/**
 * @param {{name: string, blob: Blob}[]} files With different names.
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  const directory = [];
  let place = 0;
  let directorySize = 0;
  for (const { name, blob } of files) {
    const content = new Uint8Array(await blob.arrayBuffer());
    const path = new TextEncoder().encode(name);
    /** @type {[number, 2|4][]} */
    const about = [
      [20, 2], [0x0800, 2], [0, 2], [0, 2], [0x0021, 2], // version, UTF-8 names, stored, 1 January 1980
      [crc32(content), 4], [content.length, 4], [content.length, 4], [path.length, 2], [0, 2],
    ];
    const header = packed([[0x04034b50, 4], ...about]);
    parts.push(header, path, content);
    const entry = packed([[0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [place, 4]]);
    directory.push(entry, path);
    directorySize += entry.length + path.length;
    place += header.length + path.length + content.length;
  }
  const end = packed([
    [0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [directorySize, 4], [place, 4], [0, 2],
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
