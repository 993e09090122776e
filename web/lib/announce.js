// Says things to screen readers without moving the focus.

/** @type {ReturnType<typeof setTimeout> | undefined} */
let pending;

/** Announces a text politely. The same text twice is announced twice. @param {string} text */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  clearTimeout(pending);
  // A region that is emptied and filled at once is not announced again.
  pending = setTimeout(() => void (region.textContent = text), 60);
}

/**
 * Announces progress at each quarter alone, so that a reader is not talked over.
 * @param {(percent: number) => string} text
 * @returns {(percent: number) => void}
 */
export function quarters(text) {
  let said = 0;
  return (percent) => {
    const quarter = Math.floor(percent / 25);
    if (quarter > said && quarter < 4) announce(text(quarter * 25));
    said = quarter;
  };
}
