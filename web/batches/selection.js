// What was chosen for the next job: pictures, archives, and what is left out.
import { isArchive, isPicture } from "../lib/filetypes.js";
import { isTooLarge } from "./parts.js";

/** @typedef {import("./types.js").Chosen} Chosen */
/** @typedef {import("./types.js").LeftOut} LeftOut */

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
      const isZip = isArchive(file);
      if (!isZip && !isPicture(file)) this.#leaveOut({ path, reason: "kind" });
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
