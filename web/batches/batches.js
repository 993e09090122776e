// The Batches view: `#/batches` has the form of a new job and the list of one's own, `#/batches/job_…` has one job.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { Form } from "./form.js";
import { JobPage } from "./job.js";
import { JobList } from "./list.js";

/** @returns {import("../app.js").View} */
export const createView = () => new Batches();

class Batches {
  element = el("section", { class: "batches" });
  #list = new JobList();
  #form = new Form({ onSent: (ids) => this.#onSent(ids) });
  #overview = el(
    "div",
    { class: "overview" },
    el("header", { class: "lead" }, el("h1", { tabindex: -1 }, t("batches.title")), el("p", {}, t("batches.lead"))),
    el("div", { class: "columns" }, this.#form.element, this.#list.element),
  );
  /** @type {JobPage | null} */
  #job = null;
  /** The id of the job that is shown; empty for the overview. */
  #id = "";
  #isShown = false;

  constructor() {
    fill(this.element, this.#overview);
  }

  /** @param {string[]} parts */
  show([wanted = ""]) {
    const [wasShown, isSame] = [this.#isShown, wanted === this.#id];
    this.#isShown = true;
    if (wasShown && isSame) return;
    // Whoever came from another view has the focus on a heading that may go now.
    const hadFocus = this.element.contains(document.activeElement);
    this.#id = wanted;
    if (isSame && this.#job) return this.#job.show();
    if (wanted) this.#showJob();
    else this.#showOverview();
    if (!hadFocus && (!wasShown || isSame)) return;
    this.element.querySelector("h1")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  hide() {
    this.#isShown = false;
    this.#list.hide();
    this.#job?.hide();
  }

  close() {
    this.#form.close();
    this.#list.hide();
    this.#job?.close();
  }

  #showJob() {
    this.#list.hide();
    this.#job?.close();
    this.#job = new JobPage(this.#id);
    fill(this.element, this.#job.element);
  }

  #showOverview() {
    this.#job?.close();
    this.#job = null;
    document.title = `${t("shell.batches")} · Huemill`;
    fill(this.element, this.#overview);
    this.#form.show();
    this.#list.show();
  }

  /** @param {string[]} ids */
  #onSent(ids) {
    // Whoever is elsewhere in the meantime stays there.
    const isHere = this.#isShown && this.#id === "";
    if (isHere && ids.length === 1) return void (location.hash = `#/batches/${ids[0]}`);
    if (isHere) {
      this.#list.show();
      this.#list.focus();
    }
    announce(t("batches.sending.done", { count: ids.length }));
  }
}
