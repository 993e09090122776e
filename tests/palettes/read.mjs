// Reads a palette that was exported to a folder, with the libraries of other makers, and prints as JSON what they find.
import { readFileSync } from "node:fs";
import postcss from "postcss";
import * as sass from "sass";
import StyleDictionary from "style-dictionary";
import { compile } from "tailwindcss";

// Style Dictionary reports its progress there, where the result goes.
console.log = console.error;

const folder = process.argv[2];
const text = (name) => readFileSync(`${folder}/${name}`, "utf8");

/** The values of properties by selector, or by at-rule and selector. */
function declarations(css) {
  const found = {};
  postcss.parse(css).walkDecls((declaration) => {
    const rule = declaration.parent;
    const outer = rule.parent.type === "atrule" ? `@${rule.parent.name} ${rule.parent.params} ` : "";
    const place = `${outer}${rule.type === "atrule" ? `@${rule.name} ${rule.params}` : rule.selector}`.trim();
    found[place] ??= {};
    if (declaration.prop in found[place]) throw new Error(`${declaration.prop} is there twice`);
    found[place][declaration.prop] = declaration.value;
  });
  return found;
}

/** Each map of the SCSS file, as Sass itself reads it. */
function scss() {
  const each = (name) => `@each $key, $value in palette.$${name} { .${name} { --#{$key}: #{meta.inspect($value)}; } }`;
  const maps = ["palette", "roles", "scheme-light", "scheme-dark"];
  const source = `@use "sass:meta"; @use "palette"; ${maps.map(each).join("\n")}`;
  const { css } = sass.compileString(source, { loadPaths: [`${folder}/sass`] });
  const found = {};
  postcss.parse(css).walkDecls((declaration) => {
    const map = declaration.parent.selector.slice(1);
    (found[map] ??= []).push([declaration.prop.slice(2), declaration.value]);
  });
  return found;
}

/** The CSS that Style Dictionary makes of the design tokens. */
async function tokens() {
  const dictionary = new StyleDictionary({
    tokens: JSON.parse(text("palette.tokens.json")),
    log: { warnings: "error", verbosity: "verbose" },
    usesDtcg: true,
    platforms: { css: { transformGroup: "css", files: [{ destination: "palette.css", format: "css/variables" }] } },
  });
  const [file] = await dictionary.formatPlatform("css");
  return declarations(file.output)[":root"];
}

/** What Tailwind makes of the theme for the utilities that are asked for. */
async function tailwind() {
  const { build } = await compile(`${text("palette.tailwind.css")}\n@tailwind utilities;`);
  const utilities = process.argv.slice(3).map((name) => `bg-${name}`);
  return declarations(build(utilities).replaceAll(/@layer [a-z, ]+;/g, ""));
}

const found = { css: declarations(text("palette.css")), scss: scss(), tokens: await tokens(), tailwind: await tailwind() };
process.stdout.write(JSON.stringify(found));
