// Pictures for the tests, made from a seed: PNG files of coloured areas with noise.
import { deflateSync } from "node:zlib";

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const CRC = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

const crc32 = (bytes) => {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
};

function chunk(name, data) {
  const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
  head.writeUInt32BE(data.length);
  head.write(name, 4, "latin1");
  tail.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])));
  return Buffer.concat([head, data, tail]);
}

/** A PNG of RGB pixels. `color(x, y)` is an array of three bytes. */
export function png(width, height, color) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set(color(x, y), y * (1 + width * 3) + 1 + x * 3);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

/** A PNG that says that it is to be turned by a quarter, so that it is seen as high as it is wide in the file. */
export function turned(seed = 1) {
  const file = picture(seed);
  const [head, entry] = [Buffer.from("MM\0*\0\0\0\x08\0\x01", "latin1"), Buffer.alloc(16)];
  entry.writeUInt16BE(0x0112, 0);
  entry.writeUInt16BE(3, 2);
  entry.writeUInt32BE(1, 4);
  entry.writeUInt16BE(6, 8);
  const behindHead = 8 + 25;
  return Buffer.concat([file.subarray(0, behindHead), chunk("eXIf", Buffer.concat([head, entry])), file.subarray(behindHead)]);
}

/** A TIFF of RGB pixels, which browsers cannot show. `color(x, y)` is an array of three bytes. */
export function tiff(width, height, color) {
  const entries = [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, 3, 8 + 2 + 10 * 12 + 4],
    [259, 3, 1, 1],
    [262, 3, 1, 2],
    [273, 4, 1, 8 + 2 + 10 * 12 + 4 + 6],
    [277, 3, 1, 3],
    [278, 4, 1, height],
    [279, 4, 1, width * height * 3],
    [284, 3, 1, 1],
  ];
  const head = Buffer.alloc(8 + 2 + entries.length * 12 + 4 + 6);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag, type, count, value], index) => {
    const at = 10 + index * 12;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    if (type === 3 && count === 1) head.writeUInt16LE(value, at + 8);
    else head.writeUInt32LE(value, at + 8);
  });
  for (const [index, bits] of [8, 8, 8].entries()) head.writeUInt16LE(bits, 8 + 2 + entries.length * 12 + 4 + 2 * index);
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pixels.set(color(x, y), (y * width + x) * 3);
  return Buffer.concat([head, pixels]);
}

/** A picture of three coloured areas and a bright disc, with a little noise. */
export function picture(seed = 1, width = 320, height = 240) {
  const next = random(seed);
  const area = () => [next() * 230, next() * 230, next() * 230];
  const [sky, ground, side, disc] = [area(), area(), area(), [250, 190 * next(), 20]];
  const [cx, cy, radius] = [width * (0.25 + next() / 2), height * (0.25 + next() / 2), height / 7];
  return png(width, height, (x, y) => {
    const inDisc = (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2;
    const base = inDisc ? disc : x > width * 0.8 ? side : y > height * 0.6 ? ground : sky;
    const noise = (next() - 0.5) * 10;
    return base.map((value) => Math.max(0, Math.min(255, Math.round(value + noise))));
  });
}

/** The start of a picture, which no one can read. */
export const damaged = (seed = 1) => picture(seed).subarray(0, 200);

/** A ZIP whose entries are stored as they are. `files` has the bytes by path. */
export function zip(files) {
  const [entries, directory] = [[], []];
  let offset = 0;
  for (const [path, bytes] of Object.entries(files)) {
    const name = Buffer.from(path);
    // Version, flags (names are UTF-8), method, time and date, checksum, both sizes, and the name's length.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const entry = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, name, bytes]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, place, name]));
    entries.push(entry);
    offset += entry.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...entries, ...directory, end]);
}
