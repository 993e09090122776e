// The cards side by side, each at the same scale.
import { el, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { Card } from "./card.js";
import { CARD_KINDS } from "./options.js";
import { Queue } from "./queue.js";

const AT_ONCE = 2;

/** How far below the window a card begins to load. */
const MARGIN = "200px";

export class Cards {
  #queue = new Queue(AT_ONCE);
  #cards;
  #watcher = new IntersectionObserver((entries) => this.#onSight(entries), { rootMargin: MARGIN });

  /** @param {import("./card.js").Handlers} handlers */
  constructor(handlers) {
    const title = uniqueId("cards");
    this.#cards = CARD_KINDS.map((kind) => new Card(kind, this.#queue, handlers));
    this.element = el(
      "section",
      { class: "panel cards-panel", "aria-labelledby": title },
      el("div", { class: "panel-head" }, el("h3", { id: title }, t("studio.cards.title")), el("p", { class: "hint" }, t("studio.cards.hint"))),
      el("ul", { class: "cards" }, this.#cards.map((card) => card.element)),
    );
  }

  /** @param {import("./types.js").Shown} shown */
  show(shown) {
    for (const card of this.#cards) {
      card.show(shown);
      this.#watcher.observe(card.element);
    }
  }

  /** @param {unknown} [reason] */
  clear(reason) {
    this.#watcher.disconnect();
    for (const card of this.#cards) card.clear(reason);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onSight(entries) {
    for (const { target, isIntersecting } of entries) this.#cards.find((card) => card.element === target)?.see(isIntersecting);
  }
}
