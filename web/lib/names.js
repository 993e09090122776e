// Names of files.

/** The name at the end of a path, without its extension. @param {string} path */
export function stem(path) {
  const name = path.replace(/^.*\//, "");
  return name.replace(/\.[^.]+$/, "") || name;
}
