// One step of SGD on this picture: what changes, by how much, and is the answer better?

import { h, percent, plural, show } from "./dom.js";
import { bars, equation } from "./grid.js";

export class LearnPanel {
  constructor(session) {
    this.session = session;
    this.steps = 0;
    this.rate = h("input", {
      type: "range",
      min: "-4",
      max: "-1",
      step: "0.1",
      "aria-label": "learning rate",
    });
    this.rate.value = "-2";
    this.said = h("output", {}, "0.01");
    this.rate.addEventListener("input", () => {
      this.said.textContent = show(10 ** Number(this.rate.value), 2);
    });
    this.step = h(
      "button",
      { class: "primary", onclick: () => this.learn() },
      "One step",
    );
    this.undo = h(
      "button",
      { class: "tool", hidden: true, onclick: () => this.forget() },
      "Undo",
    );
    this.report = h("div", { class: "report", "aria-live": "polite" });
    this.element = h(
      "div",
      { class: "learning" },
      h("p", { class: "lead" }, "Let it learn from this picture."),
      h(
        "p",
        {},
        "The gradient says how each weight should move so that the loss falls. One step moves all of them a little: w ← w − ε · ∂loss/∂w, with momentum and weight decay as in the paper.",
      ),
      h("label", { class: "knob" }, h("span", {}, "ε"), this.rate, this.said),
      h("div", { class: "tools" }, this.step, this.undo),
      this.report,
      session.about.film ? this.film() : null,
    );
  }

  // How the first filters came to be, in training: played when asked for.
  film() {
    const picture = h("img", {
      alt: "The filters of the first layer, epoch after epoch",
      src: `data:image/gif;base64,${this.session.about.film}`,
    });
    return h(
      "details",
      { class: "film" },
      h(
        "summary",
        {},
        "Play the film of its training: how the first filters came to be",
      ),
      picture,
    );
  }

  async learn() {
    const { session } = this;
    if (session.label === null) {
      this.report.replaceChildren(
        h("p", {}, "Choose the true class first: without it there is no loss."),
      );
      return;
    }
    this.step.disabled = true;
    const { label } = session;
    const rate = 10 ** Number(this.rate.value);
    const { before, after, moved } = await session.client.ask(
      "step",
      session.given,
      label,
      rate,
    );
    this.steps += 1;
    this.step.disabled = false;
    this.undo.hidden = false;
    this.undo.textContent = `Undo ${plural(this.steps, "step")}`;
    const [was, is] = [Math.exp(-before), Math.exp(-after)];
    const weights = moved.filter(({ name }) => name.endsWith(".w"));
    const shares = weights.map(({ name, change, before: size }) => ({
      name,
      value: size ? change / size : 0,
    }));
    this.report.replaceChildren(
      equation(
        `loss ${show(before)} → ${show(after)}`,
        `p(${session.classes[label]}) ${percent(was)} → ${percent(is)}`,
      ),
      h(
        "p",
        {},
        after < before
          ? "Better. But only for this picture: look at others, whose answers may have become worse."
          : "Worse: the step was too long. The gradient is right only close by.",
      ),
      h("h4", {}, "How far the weights of each layer moved, as a share of their size"),
      bars(shares, {
        labelOf: ({ name }) => name,
        textOf: ({ value }) => percent(value),
      }),
    );
    await session.run();
  }

  async forget() {
    await this.session.client.ask("undo");
    this.steps = 0;
    this.undo.hidden = true;
    this.report.replaceChildren(h("p", {}, "All weights are as they were."));
    await this.session.run();
  }
}
