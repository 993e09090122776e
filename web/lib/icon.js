// The pictures of buttons, which take the colour of the text beside them.
import { svg } from "./dom.js";

const PATHS = {
  go: "M6 4l10 6-10 6z",
  key: "M7 5a5 5 0 1 0 4.6 7H14v2h3v-2h2V9h-7.4A5 5 0 0 0 7 5Zm0 3a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
  pause: "M6 4h3v12H6zM11 4h3v12h-3z",
};

/** @param {keyof typeof PATHS} name */
export const icon = (name) =>
  svg("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" }, svg("path", { fill: "currentColor", d: PATHS[name] }));
