// Where a gradient comes from: what the next layer sent back.

import { h, plural, show } from "./dom.js";
import { bars, equation } from "./grid.js";
import { placeWords } from "./words.js";

const spot = ([row, column]) => `row ${row}, column ${column}`;

function pick(session, name, map, at) {
  return () => session.state.set({ layer: name, map, at });
}

function conv(session, parts) {
  const { windows, up, down, filters, from } = parts;
  const options = {
    labelOf: ({ f, at }) => `map ${f}, ${spot(at)}`,
    detailOf: ({ dy, w }) => `${show(dy)} × ${show(w)}`,
    onpick: ({ f, at }) => pick(session, from, f, at)(),
  };
  return [
    h(
      "p",
      {},
      `It was seen by ${plural(windows.length, "window")} of ${from}, with ${filters} filters each. Every one of them sends back its own gradient times the weight that lay here, and all is added up.`,
    ),
    h("h4", {}, "By window, all filters together"),
    bars(windows, { labelOf: ({ at }) => spot(at) }),
    up.length + down.length > 0 && h("h4", {}, "The strongest of all"),
    bars([...up.slice(0, 4), ...down.slice(0, 4)], options),
  ];
}

function pool(session, parts) {
  const { windows, from, gradient } = parts;
  const { map } = session.unplace(parts.name, parts.place);
  const won = windows.filter(({ wins }) => wins);
  const words =
    won.length === 0
      ? `It won in none of the ${plural(windows.length, "window")} that see it, so it gets nothing.`
      : `It won in ${won.length} of ${plural(windows.length, "window")}, and gets all of their gradients, added up.`;
  const list = h(
    "ul",
    { class: "plain" },
    windows.map(({ at, wins, dy }) =>
      h(
        "li",
        {},
        h("button", { class: "link", onclick: pick(session, from, map, at) }, spot(at)),
        wins ? `  won: ${show(dy)}` : "  lost: 0",
      ),
    ),
  );
  const sum = won.map(({ dy }) => show(dy)).join(" + ");
  return [
    h("p", {}, words),
    list,
    won.length > 1 && equation(`${sum} = ${show(gradient)}`),
  ];
}

function relu(session, { x, dy, slope, gradient, from }) {
  const words = slope
    ? `${from} was on here (x = ${show(x)} > 0): the gradient passes through unchanged.`
    : `${from} was off here (x = ${show(x)}): nothing passes. However wrong the answer, this number learns nothing of it.`;
  return [h("p", {}, words), equation(`${show(dy)} × ${slope} = ${show(gradient)}`)];
}

function tanh(session, { x, dy, slope, gradient, from }) {
  return [
    h(
      "p",
      {},
      `The slope of ${from} at x = ${show(x)} is 1 − tanh²x = ${show(slope)}.`,
    ),
    equation(`${show(dy)} × ${show(slope)} = ${show(gradient)}`),
  ];
}

function lrn(session, { own, neighbours, gradient, from, c }) {
  const others = neighbours.reduce((sum, { value }) => sum + value, 0);
  return [
    h(
      "p",
      {},
      `It moves ${from} in two ways: by itself, and by weakening its neighbours.`,
    ),
    h("h4", {}, "Through the neighbours' sums"),
    bars(neighbours, {
      labelOf: (part) => (part.c === c ? `map ${part.c} (itself)` : `map ${part.c}`),
    }),
    equation(`itself ${show(own)} + neighbours ${show(others)} = ${show(gradient)}`),
  ];
}

function samemap(session, { own, others, gradient, from }) {
  return [
    h(
      "p",
      {},
      `It moves ${from} in two ways: by itself, and by weakening what is around it.`,
    ),
    equation(`itself ${show(own)} + surroundings ${show(others)} = ${show(gradient)}`),
  ];
}

function linear(session, parts) {
  const { up, down, units, from } = parts;
  const options = {
    labelOf: ({ index }) => placeWords(session, from, index, null),
    detailOf: ({ dy, w }) => `${show(dy)} × ${show(w)}`,
    onpick: ({ index }) => pick(session, from, index, null)(),
  };
  return [
    h(
      "p",
      {},
      `All ${plural(units, "unit")} of ${from} used it, and each sends back its gradient times its weight.`,
    ),
    bars([...up, ...down], options),
  ];
}

function dropout(session, { dy, factor, gradient }) {
  return [
    h("p", {}, "The same factor as on the way forward."),
    equation(`${show(dy)} × ${show(factor)} = ${show(gradient)}`),
  ];
}

function flatten(session, { from }) {
  return [h("p", {}, `The same number as in ${from}, back at its place in the maps.`)];
}

function softmax(session, { p, target, gradient }) {
  return [
    h(
      "p",
      {},
      "Here the way back begins: what the network said, minus what it should have said.",
    ),
    equation(`p ${show(p)} − target ${target} = ${show(gradient)}`),
  ];
}

export const BACKWARD = {
  Conv2d: conv,
  MaxPool: pool,
  ReLU: relu,
  Tanh: tanh,
  LRN: lrn,
  SameMapNorm: samemap,
  Linear: linear,
  Dropout: dropout,
  Flatten: flatten,
  softmax,
};
