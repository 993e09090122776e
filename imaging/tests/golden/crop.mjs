// Prints the crops that the npm package smartcrop finds in pictures, as JSON.
//
// Usage: node crop.mjs PICTURE... > crop.json
// sharp decodes the pictures, turns them upright and scales them. smartcrop gets plain pixels and uses its defaults.

import { basename } from 'node:path';
import sharp from 'sharp';
import smartcrop from 'smartcrop';

const ASPECTS = ['3:2', '1:1', '16:9', '2:3'];

const imageOperations = {
  async open(path) {
    const { data, info } = await sharp(path).rotate().removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  },
  async resample({ width, height, data }, toWidth, toHeight) {
    const to = { width: Math.floor(toWidth), height: Math.floor(toHeight) };
    const pixels = sharp(data, { raw: { width, height, channels: 3 } });
    return { ...to, data: await pixels.resize({ ...to, fit: 'fill' }).raw().toBuffer() };
  },
  async getData(picture) {
    const { width, height, data } = await picture;
    const rgba = await sharp(data, { raw: { width, height, channels: 3 } }).ensureAlpha().raw().toBuffer();
    return new smartcrop.ImgData(width, height, rgba);
  },
};

const pictures = [];
for (const path of process.argv.slice(2)) {
  const crops = {};
  for (const aspect of ASPECTS) {
    const [width, height] = aspect.split(':').map(Number);
    const { topCrop } = await smartcrop.crop(path, { width, height, minScale: 1, imageOperations });
    const { x, y, width: w, height: h, score } = topCrop;
    crops[aspect] = { x, y, width: w, height: h, score: score.total };
  }
  pictures.push(`${JSON.stringify(basename(path))}: ${JSON.stringify(crops)}`);
}
console.log(`{${pictures.join(',\n')}}`);
