// The tour: one stop after the other, above the panel.

import { h } from "./dom.js";
import { STOPS } from "./stops.js";

export class TourView {
  // showTab(title) opens a tab of the panel below
  constructor(session, showTab) {
    [this.session, this.showTab] = [session, showTab];
    this.element = h("section", { class: "tour", "aria-label": "Tour" });
    this.stops = STOPS.filter(({ needs }) => !needs || needs(session));
    this.drawn = undefined;
    session.state.on(({ tour }) => tour !== this.drawn && this.draw());
    this.draw();
  }

  begin() {
    const { tour } = this.session.state.now;
    return this.goTo(tour && tour <= this.stops.length ? tour : 1);
  }

  async goTo(number) {
    const stop = this.stops[number - 1];
    const changes = await stop.go(this.session);
    this.showTab(stop.tab || "Where from");
    this.session.state.set({ ...changes, tour: number });
    const title = this.element.querySelector("h2");
    if (title) title.focus();
  }

  leave() {
    this.session.state.set({ tour: null });
  }

  draw() {
    const { tour } = this.session.state.now;
    this.drawn = tour;
    const stop = tour && this.stops[tour - 1];
    this.element.hidden = !stop;
    if (!stop) return this.element.replaceChildren();
    const step = (words, number, kind) =>
      h(
        "button",
        {
          class: kind,
          disabled: number < 1 || number > this.stops.length,
          onclick: () => this.goTo(number),
        },
        words,
      );
    return this.element.replaceChildren(
      h(
        "p",
        { class: "count" },
        `${tour} of ${this.stops.length}`,
        h("button", { class: "quiet", onclick: () => this.leave() }, "end the tour"),
      ),
      h("h2", { tabindex: "-1" }, stop.title),
      h("p", {}, stop.text),
      h("p", { class: "question" }, stop.question),
      h("details", {}, h("summary", {}, "What I found"), h("p", {}, stop.answer)),
      h(
        "div",
        { class: "tools" },
        step("Back", tour - 1, "tool"),
        step("Next", tour + 1, "primary"),
      ),
    );
  }
}
