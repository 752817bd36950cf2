// What the network answers, and which class counts as true.

import { h, percent, show } from "./dom.js";

export const MOST_ANSWERS = 5;

// Likeliest first: [{label, p}].
export function ranked(probabilities) {
  const all = probabilities.map((p, label) => ({ label, p }));
  return all.sort((a, b) => b.p - a.p);
}

export class AnswersView {
  constructor(session) {
    this.session = session;
    this.list = h("ol", { class: "answers" });
    this.loss = h("p", { class: "loss" });
    this.choice = h(
      "select",
      {
        id: "true-class",
        onchange: () => {
          const value = this.choice.value;
          session.state.set({ label: value === "" ? null : Number(value) });
        },
      },
      h("option", { value: "" }, "not known"),
      ...session.classes.map((name, i) => h("option", { value: String(i) }, name)),
    );
    this.element = h(
      "section",
      { class: "answer", "aria-label": "The answers" },
      h("h2", {}, "It answers"),
      this.list,
      h("label", { class: "field", for: "true-class" }, "True class", this.choice),
      this.loss,
    );
    session.onResult((result) => this.draw(result));
    session.state.on(() => session.result && this.draw(session.result));
  }

  row({ label, p }, truth) {
    const isTrue = label === truth;
    const bar = h("span", { class: "bar", style: { width: `${100 * p}%` } });
    return h(
      "li",
      { class: isTrue ? "true" : "" },
      h("span", { class: "track" }, bar),
      h("span", { class: "name" }, this.session.classes[label]),
      isTrue && h("span", { class: "tag" }, "true"),
      h("span", { class: "p" }, percent(p)),
    );
  }

  // The likeliest, and below them the true class if it is not among them.
  draw({ probabilities, loss, label }) {
    const { classes } = this.session;
    const order = ranked(probabilities);
    const shown = order.filter(
      (answer, i) => i < MOST_ANSWERS || answer.label === label,
    );
    this.list.replaceChildren(...shown.map((answer) => this.row(answer, label)));
    this.choice.value = this.session.label === null ? "" : String(this.session.label);
    this.loss.textContent =
      loss === null
        ? "Choose the true class, and the loss can be computed."
        : `Loss −log p(${classes[label]}) = ${show(loss)}`;
  }
}
