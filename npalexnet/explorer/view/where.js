// The panel that says where the selected number comes from.

import { ranked } from "./answers.js";
import { curveWithPoint } from "./curve.js";
import { h, percent, show } from "./dom.js";
import { equation } from "./grid.js";
import { BACKWARD } from "./where_backward.js";
import { FORWARD } from "./where_forward.js";
import { placeWords } from "./words.js";

const MOST_CLASSES = 12;

function curve(session, { kind, x, y }) {
  const [f, formula] =
    kind === "ReLU" ? [(v) => Math.max(0, v), "max(0, x)"] : [Math.tanh, "tanh x"];
  const words =
    kind === "ReLU"
      ? x > 0
        ? "It is on: what comes in goes out."
        : "It is off: what is below zero becomes 0."
      : "Whatever comes in, between −1 and 1 comes out.";
  return [
    h("p", {}, words),
    curveWithPoint(f, x, `${formula} at x = ${show(x)}`),
    equation(`${formula.replace("x", show(x))} = ${show(y)}`),
  ];
}

// From the last layer's numbers to probabilities, and to the loss.
function softmaxTable(session) {
  const { outputs, probabilities, loss, label } = session.result;
  const logits = outputs[session.last].data;
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  const rows = ranked(probabilities).slice(0, MOST_CLASSES);
  if (label !== null && !rows.some((row) => row.label === label)) {
    rows.push({ label, p: probabilities[label] });
  }
  return [
    h("h4", {}, "Softmax: from numbers to probabilities"),
    h(
      "table",
      { class: "numbers" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["class", "z", "exp(z − max)", "p"].map((t) => h("th", { scope: "col" }, t)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(({ label: i, p }) =>
          h(
            "tr",
            { class: i === label ? "true" : "" },
            h("th", { scope: "row" }, session.classes[i]),
            [show(logits[i]), show(powers[i]), percent(p)].map((text) =>
              h("td", {}, text),
            ),
          ),
        ),
      ),
    ),
    equation(
      `Σ exp(z − max) = ${show(sum, 5)}`,
      label === null
        ? "Choose the true class to see the loss."
        : `loss = −log p(${session.classes[label]}) = −log ${show(probabilities[label])} = ${show(loss)}`,
    ),
  ];
}

export class WherePanel {
  constructor(session) {
    this.session = session;
    this.element = h("div", { class: "where" });
    session.onResult(() => this.update());
    session.state.on(() => this.update());
    document.addEventListener("themechange", () => this.update());
  }

  async update() {
    const { session } = this;
    const { layer, way } = session.state.now;
    const place = session.selected;
    if (place === null || !session.result) return this.welcome();
    if (way === "back" && session.label === null) {
      return this.element.replaceChildren(
        h(
          "p",
          {},
          "A gradient needs a loss, and a loss needs to know what is right: choose the true class.",
        ),
      );
    }
    if (way === "forward" && layer === "input") return this.input(place);
    const parts = await session.client.askNewest("parts", way, layer, place);
    if (!parts) return undefined;
    const { map, at } = session.unplace(layer, place);
    const value = way === "back" ? parts.gradient : parts.y;
    const found = way === "back" ? BACKWARD[parts.kind] : FORWARD[parts.kind] || curve;
    const body = found(session, parts);
    if (layer === session.last && way === "forward")
      body.push(...softmaxTable(session));
    this.fill(layer, map, at, value, body);
    return undefined;
  }

  fill(layer, map, at, value, body) {
    const back = this.session.state.now.way === "back";
    this.element.replaceChildren(
      h(
        "p",
        { class: "path" },
        `${layer} · ${placeWords(this.session, layer, map, at)}`,
      ),
      h(
        "p",
        { class: "big", "data-value": String(value) },
        back ? h("small", {}, "∂loss/∂ ") : null,
        show(value, 4),
      ),
      ...body.flat(2).filter(Boolean),
    );
  }

  input(place) {
    const { map, at } = this.session.unplace("input", place);
    const value = this.session.result.x.data[place];
    const words = this.session.isPixels
      ? "A pixel of the picture, minus the mean of the training set, divided by its standard deviation."
      : "What the network was given.";
    this.fill("input", map, at, value, [h("p", {}, words)]);
  }

  welcome() {
    this.element.replaceChildren(
      h(
        "p",
        { class: "lead" },
        "Click any number of the network, and see where it comes from.",
      ),
      h(
        "p",
        {},
        "Each tile is a map: what one filter found, and where. Orange is above zero, blue below. With the keyboard: Tab to a layer, arrows go from number to number, Page Up and Down from map to map.",
      ),
    );
  }
}
