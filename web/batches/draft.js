// The next job, as far as it is put together, and the sending of it. Both outlive the form: the page makes that anew when it
// changes its language.
import { Selection } from "./selection.js";

/** @typedef {import("./parts.js").Part} Part */

export const draft = {
  selection: new Selection(),
  /** The lines of web addresses. */
  addresses: "",
  /** What was entered in the fields of options, by their names. @type {Record<string, string>} */
  options: {},
  /** The jobs that are being sent, or that could not all be sent, until the draft is changed. @type {import("./sending.js").Sending | null} */
  sending: null,
};

export const isSending = () => draft.sending !== null && draft.sending.outcome === null;

/** Empties a draft that was sent while no form was there to do so. */
export function settleDraft() {
  if (draft.sending?.outcome?.error !== null) return;
  clearDraft();
  draft.sending = null;
}

/** Leaves in the draft what is not sent yet. @param {Part[]} rest */
export function keepRest(rest) {
  draft.selection.pictures = rest.flatMap(({ pictures }) => pictures ?? []);
  draft.selection.zips = rest.flatMap(({ zip }) => zip ?? []);
  draft.addresses = rest.flatMap(({ urls }) => urls ?? []).join("\n");
}

/** Empties the draft but for the options, which are those of the next job too. */
export function clearDraft() {
  draft.selection.clear();
  draft.addresses = "";
}
