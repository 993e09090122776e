// Tries to do something for the operator, and shows what went wrong next to where it was asked for.
import { announce } from "../lib/announce.js";
import { showProblem } from "./pieces.js";

/**
 * @param {import("./types.js").Context} context
 * @param {HTMLElement} trouble where problems are shown
 * @returns {(act: () => Promise<unknown>, done?: string) => Promise<void>} does something, and says in the end that it is done
 */
export const attemptIn = (context, trouble) => async (act, done) => {
  trouble.replaceChildren();
  try {
    await act();
    if (done) announce(done);
    context.refresh();
  } catch (error) {
    if (!context.absorb(error)) showProblem(trouble, error);
  }
};
