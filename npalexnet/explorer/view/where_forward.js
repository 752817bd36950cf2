// Where a number comes from: the parts that network/forward_parts.js found, in words and
// squares of numbers.

import { h, plural, show } from "./dom.js";
import { bars, equation, grid } from "./grid.js";
import { lrnSliders, dropoutSwitch } from "./knobs.js";
import { placeWords } from "./words.js";

const MOST_CHANNELS = 4;

function before(session, name) {
  return session.names[session.names.indexOf(name) - 1];
}

// A button that selects a number of the layer before.
function source(session, parts, map, at) {
  const name = before(session, parts.name);
  const words = `${name}, ${placeWords(session, name, map, at)}`;
  const pick = () => session.state.set({ layer: name, map, at });
  return h("button", { class: "link", onclick: pick }, words);
}

// Each place of a window: the number, its weight, and their product.
function productTable(window, filter, k) {
  const cells = (place) => {
    const x = window[place] ?? 0;
    return [x, filter[place], x * filter[place]].map((v) => h("td", {}, show(v)));
  };
  const row = (_, place) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${Math.floor(place / k)}, ${place % k}`),
      cells(place),
    );
  const head = ["row, column", "x", "w", "x · w"].map((t) =>
    h("th", { scope: "col" }, t),
  );
  return h(
    "details",
    {},
    h("summary", {}, "the numbers"),
    h(
      "table",
      { class: "numbers" },
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, window.map(row)),
    ),
  );
}

function conv(session, parts) {
  const { k, corner, channels, groups, group, sum, bias, y } = parts;
  const name = before(session, parts.name);
  const order = [...channels].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const list = h("div", { class: "channels" });
  const size = k > 5 ? 100 : 88;
  const one = ({ c, window, filter, sum: part }) => {
    const products = window.map((value, i) =>
      value === null ? null : value * filter[i],
    );
    const pick = () => session.state.set({ layer: name, map: c, at: null });
    const words = placeWords(session, name, c, null);
    return h(
      "figure",
      { class: "product" },
      h("figcaption", {}, h("button", { class: "link", onclick: pick }, words)),
      h(
        "div",
        { class: "squares" },
        grid(window, k, { label: `window of ${words}`, size }),
        h("span", { class: "sign" }, "×"),
        grid(filter, k, { label: `filter for ${words}`, size }),
        h("span", { class: "sign" }, "="),
        grid(products, k, { label: `products of ${words}`, size }),
      ),
      h("p", { class: "sum" }, "sum ", h("b", {}, show(part))),
      productTable(window, filter, k),
    );
  };
  const fill = (all) =>
    list.replaceChildren(...(all ? order : order.slice(0, MOST_CHANNELS)).map(one));
  fill(false);
  const more =
    order.length > MOST_CHANNELS &&
    h(
      "button",
      { class: "quiet", onclick: () => (fill(true), more.remove()) },
      `all ${order.length} maps`,
    );
  const last = channels[channels.length - 1].c;
  const sees =
    groups > 1
      ? `It is in group ${group + 1} of ${groups} and sees only maps ${channels[0].c} to ${last} of ${name}.`
      : `It sees ${plural(channels.length, "map")} of ${name}.`;
  return [
    h(
      "p",
      {},
      `A filter of ${k} × ${k} is laid on the window that begins at row ${corner[0]}, column ${corner[1]}; number times number, and all added up. ${sees}`,
    ),
    equation(`products ${show(sum)} + bias ${show(bias)} = ${show(y)}`),
    h(
      "h4",
      {},
      order.length > MOST_CHANNELS
        ? "The maps that count most"
        : "Window × filter = products",
    ),
    list,
    more,
  ];
}

function pool(session, parts) {
  const { k, corner, window, winner, shared, y } = parts;
  const { map } = session.unplace(parts.name, parts.place);
  const at = corner.map((n, i) => n + winner[i]);
  const wins = shared.filter((other) => other.wins).length;
  const overlap = shared.length
    ? `The winner lies in ${plural(shared.length, "other window")} as well, and wins ${wins || "none"} of them.`
    : "No other window sees the winner.";
  return [
    h("p", {}, `The largest of ${k * k} numbers goes on, the others are forgotten.`),
    grid(window, k, {
      label: "window",
      marked: winner[0] * k + winner[1],
      size: Math.min(168, 52 * k),
    }),
    equation(`max = ${show(y)}`),
    h("p", {}, "The winner is ", source(session, parts, map, at), ". ", overlap),
  ];
}

function lrn(session, parts) {
  const { neighbours, c, s, alpha, beta, k, x, y } = parts;
  const name = before(session, parts.name);
  const { at } = session.unplace(parts.name, parts.place);
  const squares = neighbours.map((part) => ({ ...part, value: part.x * part.x }));
  const sum = squares.reduce((total, part) => total + part.value, 0);
  return [
    h(
      "p",
      {},
      "A number is divided by a measure of how loud the neighbouring maps are at the same place.",
    ),
    h("h4", {}, "x² of the neighbours"),
    bars(squares, {
      labelOf: (part) => (part.c === c ? `map ${part.c} (itself)` : `map ${part.c}`),
      detailOf: (part) => `x = ${show(part.x)}`,
      onpick: (part) => session.state.set({ layer: name, map: part.c, at }),
    }),
    equation(
      `s = k + α Σ x² = ${show(k)} + ${show(alpha)} · ${show(sum)} = ${show(s, 5)}`,
      `y = x · s⁻ᵝ = ${show(x)} · ${show(s ** -beta)} = ${show(y)}`,
    ),
    lrnSliders(session, parts.name),
  ];
}

function samemap(session, parts) {
  const { k, window, s, alpha, beta, add, x, y } = parts;
  const sum = window.reduce((total, value) => total + (value || 0) ** 2, 0);
  return [
    h(
      "p",
      {},
      "A number is divided by a measure of how loud its own map is around it.",
    ),
    grid(window, k, { label: "surroundings", marked: (k * k - 1) / 2, size: 168 }),
    equation(
      `s = k + α Σ x² = ${show(add)} + ${show(alpha)} · ${show(sum)} = ${show(s, 5)}`,
      `y = x · s⁻ᵝ = ${show(x)} · ${show(s ** -beta)} = ${show(y)}`,
    ),
    lrnSliders(session, parts.name),
  ];
}

function linear(session, parts) {
  const name = before(session, parts.name);
  const options = {
    labelOf: (part) => placeWords(session, name, part.index, null),
    detailOf: (part) => `${show(part.x)} × ${show(part.w)}`,
    onpick: (part) => session.state.set({ layer: name, map: part.index, at: null }),
  };
  const list = (title, found) =>
    found.length > 0 && [h("h4", {}, title), bars(found, options)];
  return [
    h("p", {}, `All ${parts.inputs} inputs, each times its own weight, and added up.`),
    equation(
      `products ${show(parts.sum)} + bias ${show(parts.bias)} = ${show(parts.y)}`,
    ),
    list("Pulled up most", parts.up),
    list("Pulled down most", parts.down),
  ];
}

function dropout(session, parts) {
  const { x, rate, factor, y } = parts;
  const words = session.training
    ? factor
      ? "This number was kept. The next step of training draws again."
      : "This number was switched off for this step."
    : `At test time all are kept, and weakened to what they are worth on average: 1 − ${rate}.`;
  return [
    h("p", {}, words),
    equation(`${show(x)} × ${show(factor)} = ${show(y)}`),
    dropoutSwitch(session),
  ];
}

function flatten(session, parts) {
  if (!parts.from) return [h("p", {}, "The same number.")];
  const [map, row, column] = parts.from;
  const origin = source(session, parts, map, [row, column]);
  return [h("p", {}, "The same number, in one long row. It was ", origin, ".")];
}

export const FORWARD = {
  Conv2d: conv,
  MaxPool: pool,
  LRN: lrn,
  SameMapNorm: samemap,
  Linear: linear,
  Dropout: dropout,
  Flatten: flatten,
};
