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

  draw({ probabilities, loss, label }) {
    const { classes } = this.session;
    this.list.replaceChildren(
      ...ranked(probabilities)
        .slice(0, MOST_ANSWERS)
        .map((answer) => {
          const bar = h("span", {
            class: "bar",
            style: { width: `${100 * answer.p}%` },
          });
          const name = h("span", { class: "name" }, classes[answer.label]);
          const mark =
            answer.label === label ? h("span", { class: "tag" }, "true") : null;
          const p = h("span", { class: "p" }, percent(answer.p));
          const kind = answer.label === label ? "true" : "";
          return h(
            "li",
            { class: kind },
            h("span", { class: "track" }, bar),
            name,
            mark,
            p,
          );
        }),
    );
    this.choice.value = this.session.label === null ? "" : String(this.session.label);
    this.loss.textContent =
      loss === null
        ? "Choose the true class, and the loss can be computed."
        : `Loss −log p(${classes[label]}) = ${show(loss)}`;
  }
}
