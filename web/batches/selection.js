// What was chosen for the next job: pictures, archives, and what is left out.
import { isTooLarge } from "./parts.js";

/** @typedef {import("./types.js").Chosen} Chosen */
/** @typedef {import("./types.js").LeftOut} LeftOut */

const PICTURE_NAME = /\.(jpe?g|jpe|jfif|a?png|webp|gif|bmp|tiff?)$/i;
const PICTURE_TYPE = /^image\/(jpeg|png|apng|webp|gif|bmp|x-ms-bmp|tiff)$/;
const ZIP_NAME = /\.zip$/i;
const ZIP_TYPE = /^application\/(zip|x-zip-compressed)$/;

/** What fields for files offer. */
export const ACCEPT = ".jpg,.jpeg,.jpe,.jfif,.png,.apng,.webp,.gif,.bmp,.tif,.tiff,.zip,image/jpeg,image/png,image/webp,image/gif,image/bmp,image/tiff,application/zip";

export class Selection {
  /** @type {Chosen[]} */
  pictures = [];
  /** @type {Chosen[]} */
  zips = [];
  /** @type {LeftOut[]} */
  leftOut = [];

  /** Adds files; those that are chosen already stay as they are. @param {Chosen[]} files @param {LeftOut[]} [unreadable] */
  add(files, unreadable = []) {
    const known = new Set([...this.pictures, ...this.zips].map(identity));
    for (const chosen of files) {
      if (known.has(identity(chosen))) continue;
      known.add(identity(chosen));
      const { file, path } = chosen;
      const isZip = ZIP_NAME.test(path) || ZIP_TYPE.test(file.type);
      if (!isZip && !PICTURE_NAME.test(path) && !PICTURE_TYPE.test(file.type)) this.#leaveOut({ path, reason: "kind" });
      else if (file.size === 0) this.#leaveOut({ path, reason: "empty" });
      else (isZip ? this.zips : this.pictures).push(chosen);
    }
    for (const each of unreadable) this.#leaveOut(each);
  }

  /** @param {LeftOut} one which may have been chosen before */
  #leaveOut(one) {
    if (!this.leftOut.some(({ path }) => path === one.path)) this.leftOut.push(one);
  }

  /** @param {Chosen} chosen */
  remove(chosen) {
    this.pictures = this.pictures.filter((other) => other !== chosen);
    this.zips = this.zips.filter((other) => other !== chosen);
  }

  /** Files that the service refuses for their size. */
  get tooLarge() {
    return [...this.pictures.filter((chosen) => isTooLarge(chosen, false)), ...this.zips.filter((chosen) => isTooLarge(chosen, true))];
  }

  clear() {
    [this.pictures, this.zips, this.leftOut] = [[], [], []];
  }

  get isEmpty() {
    return this.pictures.length + this.zips.length === 0;
  }

  get bytes() {
    return [...this.pictures, ...this.zips].reduce((sum, { file }) => sum + file.size, 0);
  }
}

/** @param {Chosen} chosen */
const identity = ({ file, path }) => `${path}\n${file.size}\n${file.lastModified}`;
