// Files that one view gives to another.

/** @type {import("./folder.js").FoundFile[]} */
let waiting = [];

/** Gives files to another view, which takes them when it is shown. @param {import("./folder.js").FoundFile[]} files @param {import("./shell.js").ViewName} name */
export function handOver(files, name) {
  waiting = files;
  location.hash = `#/${name}`;
}

/** The files that another view gave to this one. */
export function takeHandedOver() {
  const files = waiting;
  waiting = [];
  return files;
}
