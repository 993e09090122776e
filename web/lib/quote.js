// Texts in command lines.

/** Quotes a text for a POSIX shell where it needs it. @param {string} text */
export const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
