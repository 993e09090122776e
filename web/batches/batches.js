// The Batches view: `#/batches` has the form of a new job and the list of one's own, `#/batches/job_…` has one job.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { Form } from "./form.js";
import { JobPage } from "./job.js";
import { JobList } from "./list.js";

/** @returns {import("../app.js").View} */
export function createView() {
  const element = el("section", { class: "batches" });
  const list = new JobList();
  const heading = el("h1", { tabindex: -1 }, t("batches.title"));
  const overview = el("div", { class: "overview" });
  const form = new Form({ onSent });
  overview.append(el("header", { class: "lead" }, heading, el("p", {}, t("batches.lead"))), el("div", { class: "columns" }, form.element, list.element));
  fill(element, overview);
  /** @type {JobPage | null} */
  let job = null;
  let id = "";
  let isShown = false;

  /** @param {string[]} ids */
  function onSent(ids) {
    // Whoever is elsewhere in the meantime stays there.
    if (!isShown || id !== "") return announce(t("batches.sending.done", { count: ids.length }));
    if (ids.length === 1) return void (location.hash = `#/batches/${ids[0]}`);
    list.show();
    list.focus();
    announce(t("batches.sending.done", { count: ids.length }));
  }

  function showJob() {
    list.hide();
    job?.close();
    job = new JobPage(id);
    fill(element, job.element);
  }

  function showOverview() {
    job?.close();
    job = null;
    document.title = `${t("shell.batches")} · Huemill`;
    fill(element, overview);
    form.show();
    list.show();
  }

  return {
    element,
    show([wanted = ""]) {
      const wasShown = isShown;
      isShown = true;
      if (wasShown && wanted === id) return;
      const isSame = wanted === id;
      // Whoever came from another view has the focus on a heading that may go now.
      const hadFocus = element.contains(document.activeElement);
      id = wanted;
      if (isSame && job) return job.show();
      if (id) showJob();
      else showOverview();
      if (!hadFocus && (!wasShown || isSame)) return;
      element.querySelector("h1")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    },
    hide() {
      isShown = false;
      list.hide();
      job?.hide();
    },
    close() {
      form.close();
      list.hide();
      job?.close();
    },
  };
}
