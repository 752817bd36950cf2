// Where a gradient comes from: what the NEXT layer sent back to one number of this
// layer's output. Only numbers here; view/ draws them.

import { windowOf } from "../layers/lrn.js";
import { softmax } from "../layers/softmax.js";
import { padSides } from "../layers/windows.js";
import { extremes, unravel } from "./forward_parts.js";

// The windows (p, q) of P×Q that see a pixel, and as which of their places (i, j).
function windowsThatSee(row, column, [p, q], k, stride, before) {
  const found = [];
  for (let a = 0; a < p; a++) {
    for (let b = 0; b < q; b++) {
      const [i, j] = [row + before - a * stride, column + before - b * stride];
      if (i >= 0 && i < k && j >= 0 && j < k) found.push({ at: [a, b], i, j });
    }
  }
  return found;
}

function conv({ settings: { pad, stride, groups }, params: { w } }, x, dy, place) {
  const [c, row, column] = unravel(place, x.shape);
  const [filters, cg, k] = w.shape;
  const [, p, q] = dy.shape;
  const group = Math.floor(c / cg);
  const [first, last] = [(group * filters) / groups, ((group + 1) * filters) / groups];
  const all = [];
  const seen = windowsThatSee(row, column, [p, q], k, stride, padSides(pad)[0]);
  const windows = seen.map(({ at: [a, b], i, j }) => {
    let value = 0;
    for (let f = first; f < last; f++) {
      const weight = w.data[((f * cg + (c % cg)) * k + i) * k + j];
      const sent = dy.data[(f * p + a) * q + b];
      value += weight * sent;
      all.push({ f, at: [a, b], w: weight, dy: sent });
    }
    return { at: [a, b], i, j, value };
  });
  const { up, down } = extremes(all.map((part) => part.w * part.dy));
  const detail = ({ index, value }) => ({ ...all[index], value });
  return { windows, up: up.map(detail), down: down.map(detail), filters: last - first };
}

function pool({ settings: { kernel, stride } }, x, dy, place, { winner }) {
  const [c, row, column] = unravel(place, x.shape);
  const [, p, q] = dy.shape;
  const seen = windowsThatSee(row, column, [p, q], kernel, stride, 0);
  const windows = seen.map(({ at: [a, b], i, j }) => {
    const here = (c * p + a) * q + b;
    const wins = winner[here] === place;
    return {
      at: [a, b],
      i,
      j,
      wins,
      dy: dy.data[here],
      value: wins ? dy.data[here] : 0,
    };
  });
  return { windows };
}

function lrn(layer, x, dy, place, { y, s, size, alpha, beta, groups }) {
  const [c] = unravel(place, x.shape);
  const [channels, h, w] = x.shape;
  const [lo, hi] = windowOf(c, channels, size, groups);
  const neighbours = [];
  for (let m = lo; m < hi; m++) {
    const there = place + (m - c) * h * w;
    const value =
      ((-2 * alpha * beta * x.data[place]) / s[there]) * dy.data[there] * y.data[there];
    neighbours.push({ c: m, value });
  }
  return { own: dy.data[place] * s[place] ** -beta, neighbours, c };
}

function samemap(layer, x, dy, place, { s, beta }, dx) {
  const own = dy.data[place] * s[place] ** -beta;
  return { own, others: dx.data[place] - own };
}

function linear({ params: { w } }, x, dy, place) {
  const d = x.data.length;
  const detail = ({ index, value }) => ({
    index,
    value,
    dy: dy.data[index],
    w: w.data[index * d + place],
  });
  const { up, down } = extremes(
    dy.data.map((value, m) => value * w.data[m * d + place]),
  );
  return { up: up.map(detail), down: down.map(detail), units: dy.data.length };
}

const KINDS = {
  Conv2d: conv,
  MaxPool: pool,
  LRN: lrn,
  SameMapNorm: samemap,
  Linear: linear,
  ReLU: (layer, x, dy, place) => ({
    x: x.data[place],
    slope: x.data[place] > 0 ? 1 : 0,
  }),
  Tanh: (layer, x, dy, place, y) => ({
    x: x.data[place],
    slope: 1 - y.data[place] ** 2,
  }),
  Dropout: (layer, x, dy, place, factor) => ({ factor: factor(place) }),
  Flatten: () => ({}),
};

// What was sent back to the number at `place` of layer `name`'s output (or of "input");
// `run` is {x, outputs, caches, gradients, label}.
export function backwardParts(layers, run, name, place) {
  if (!run.gradients) return null;
  const i = layers.findIndex((layer) => layer.name === name); // -1 for the input
  const found = { name, place, gradient: run.gradients[name].data[place] };
  if (i === layers.length - 1) {
    const p = softmax(run.outputs[name])[place];
    return { kind: "softmax", ...found, p, target: place === run.label ? 1 : 0 };
  }
  const next = layers[i + 1];
  const x = i < 0 ? run.x : run.outputs[name];
  const dy = run.gradients[next.name];
  const dx = run.gradients[name];
  const cache = run.caches[next.name];
  const parts = KINDS[next.layer](next, x, dy, place, cache, dx);
  const sent = dy.data.length === x.data.length ? dy.data[place] : null;
  return { kind: next.layer, from: next.name, ...found, dy: sent, ...parts };
}
