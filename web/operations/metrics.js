// Reads the Prometheus text format (0.0.4). Lines that it does not understand are skipped and counted: a page of figures
// is of more use with a gap than not at all.

/**
 * @typedef {object} Sample
 * @property {Record<string, string>} labels
 * @property {number} value
 */

/** What a label must be. @typedef {Record<string, string | RegExp | ((value: string) => boolean)>} Match */

const NAME = /^[a-zA-Z_:][\w:]*/;
const LABEL = /^[a-zA-Z_]\w*/;

/** The samples of one scrape, by name. */
export class Metrics {
  /** @param {Map<string, Sample[]>} samples @param {number} skipped */
  constructor(samples, skipped) {
    this.samples = samples;
    this.skipped = skipped;
  }

  /** The samples with this name whose labels match. @param {string} name @param {Match} [match] @returns {Sample[]} */
  series(name, match) {
    const all = this.samples.get(name) ?? [];
    return match ? all.filter(({ labels }) => matches(labels, match)) : all;
  }

  /** The sum of the samples, or null if there are none. @param {string} name @param {Match} [match] */
  sum(name, match) {
    const found = this.series(name, match);
    return found.length > 0 ? found.reduce((sum, { value }) => sum + value, 0) : null;
  }

  /** The largest sample, or null if there are none. @param {string} name @param {Match} [match] */
  max(name, match) {
    const found = this.series(name, match);
    return found.length > 0 ? Math.max(...found.map(({ value }) => value)) : null;
  }
}

/** @param {Record<string, string>} labels @param {Match} match */
function matches(labels, match) {
  return Object.entries(match).every(([name, wanted]) => {
    const value = labels[name] ?? "";
    if (typeof wanted === "string") return value === wanted;
    return wanted instanceof RegExp ? wanted.test(value) : wanted(value);
  });
}

/** Parses a scrape. @param {string} text @returns {Metrics} */
export function parseMetrics(text) {
  /** @type {Map<string, Sample[]>} */
  const samples = new Map();
  let skipped = 0;
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const parsed = parseLine(trimmed);
    if (!parsed) {
      skipped += 1;
      continue;
    }
    const known = samples.get(parsed.name);
    if (known) known.push(parsed.sample);
    else samples.set(parsed.name, [parsed.sample]);
  }
  return new Metrics(samples, skipped);
}

/** @param {string} line @returns {{ name: string, sample: Sample } | null} */
function parseLine(line) {
  const name = NAME.exec(line)?.[0];
  if (!name) return null;
  let rest = line.slice(name.length).trimStart();
  /** @type {Record<string, string>} */
  let labels = {};
  if (rest.startsWith("{")) {
    const parsed = parseLabels(rest);
    if (!parsed) return null;
    labels = parsed.labels;
    rest = rest.slice(parsed.end);
  } else if (rest.length === line.length - name.length) {
    // Nothing separates the name from what follows.
    return null;
  }
  // A value, and perhaps a time and an exemplar.
  const value = parseValue(rest.trim().split(/\s+/)[0] ?? "");
  return value === null ? null : { name, sample: { labels, value } };
}

/**
 * Parses `{name="value",…}` and tells where it ends.
 * @param {string} text
 * @returns {{ labels: Record<string, string>, end: number } | null}
 */
function parseLabels(text) {
  /** @type {Record<string, string>} */
  const labels = {};
  let at = 1;
  const skipSpace = () => {
    while (text[at] === " " || text[at] === "\t") at += 1;
  };
  for (;;) {
    skipSpace();
    if (text[at] === "}") return { labels, end: at + 1 };
    const name = LABEL.exec(text.slice(at))?.[0];
    if (!name) return null;
    at += name.length;
    skipSpace();
    if (text[at] !== "=") return null;
    at += 1;
    skipSpace();
    const quoted = parseQuoted(text, at);
    if (!quoted) return null;
    labels[name] = quoted.value;
    at = quoted.end;
    skipSpace();
    if (text[at] === ",") at += 1;
    else if (text[at] !== "}") return null;
  }
}

/** @param {string} text @param {number} start @returns {{ value: string, end: number } | null} */
function parseQuoted(text, start) {
  if (text[start] !== '"') return null;
  let value = "";
  for (let at = start + 1; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === '"') return { value, end: at + 1 };
    if (letter === "\\") {
      at += 1;
      value += text[at] === "n" ? "\n" : (text[at] ?? "");
    } else {
      value += letter;
    }
  }
  return null;
}

/** @param {string} text @returns {number | null} null if it is no number */
function parseValue(text) {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}
