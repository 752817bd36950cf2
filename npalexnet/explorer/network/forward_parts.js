// Where a number comes from: the parts that a layer made one of its outputs of. Only
// numbers here; view/ draws them.

import { array, dot, size } from "../layers/array.js";
import { windowOf } from "../layers/lrn.js";
import { padSides } from "../layers/windows.js";

export const MOST_PULLS = 8;

// (map, row, column) of a place in an array of this shape.
export function unravel(place, [, h, w]) {
  const inMap = place % (h * w);
  return [Math.floor(place / (h * w)), Math.floor(inMap / w), inMap % w];
}

// The largest and the smallest of `values`, as [{index, value}], at most `n` of each.
export function extremes(values, n = MOST_PULLS) {
  const order = Array.from(values, (value, index) => ({ index, value }));
  order.sort((a, b) => b.value - a.value);
  const up = order.filter(({ value }) => value > 0).slice(0, n);
  const down = order
    .filter(({ value }) => value < 0)
    .slice(-n)
    .reverse();
  return { up, down };
}

// The square of x (channel c) that begins at (row, column); null where it hangs over.
function square(x, c, row, column, k) {
  const [, h, w] = x.shape;
  return Array.from({ length: k * k }, (_, n) => {
    const [i, j] = [row + Math.floor(n / k), column + (n % k)];
    const inside = i >= 0 && i < h && j >= 0 && j < w;
    return inside ? x.data[(c * h + i) * w + j] : null;
  });
}

function conv({ settings, params: { w, b } }, x, y, place) {
  const [f, p, q] = unravel(place, y.shape);
  const [filters, cg, k] = w.shape;
  const [before, group] = [
    padSides(settings.pad)[0],
    Math.floor((f * settings.groups) / filters),
  ];
  const corner = [p * settings.stride - before, q * settings.stride - before];
  const channels = Array.from({ length: cg }, (_, n) => {
    const c = group * cg + n;
    const window = square(x, c, ...corner, k);
    const start = (f * cg + n) * k * k;
    const filter = Array.from(w.data.slice(start, start + k * k));
    const sum = window.reduce((total, value, i) => total + (value || 0) * filter[i], 0);
    return { c, window, filter, sum };
  });
  const sum = channels.reduce((total, channel) => total + channel.sum, 0);
  return { k, corner, group, groups: settings.groups, channels, sum, bias: b.data[f] };
}

function pool({ settings: { kernel: k, stride } }, x, y, place, { winner }) {
  const [c, p, q] = unravel(place, y.shape);
  const corner = [p * stride, q * stride];
  const [, row, column] = unravel(winner[place], x.shape);
  const shared = []; // other windows that this winner lies in
  for (let a = 0; a < y.shape[1]; a++) {
    for (let b = 0; b < y.shape[2]; b++) {
      const [i, j] = [row - a * stride, column - b * stride];
      const seen = i >= 0 && i < k && j >= 0 && j < k;
      const other = (c * y.shape[1] + a) * y.shape[2] + b;
      if (seen && other !== place) {
        shared.push({ at: [a, b], wins: winner[other] === winner[place] });
      }
    }
  }
  const window = square(x, c, ...corner, k);
  return { k, corner, window, winner: [row - corner[0], column - corner[1]], shared };
}

function lrn({ settings }, x, y, place, { s }) {
  const { size: n, alpha, beta, k, groups } = settings;
  const [c, row, column] = unravel(place, x.shape);
  const [channels, h, w] = x.shape;
  const [lo, hi] = windowOf(c, channels, n, groups);
  const neighbours = [];
  for (let m = lo; m < hi; m++) {
    neighbours.push({ c: m, x: x.data[(m * h + row) * w + column] });
  }
  return { neighbours, c, s: s[place], alpha, beta, k, x: x.data[place] };
}

function samemap({ settings }, x, y, place, { s }) {
  const { size: n, alpha, beta, k } = settings;
  const [c, row, column] = unravel(place, x.shape);
  const corner = [row - Math.floor(n / 2), column - Math.floor(n / 2)];
  const window = square(x, c, ...corner, n);
  return { k: n, corner, window, s: s[place], alpha, beta, add: k, x: x.data[place] };
}

function linear({ params: { w, b } }, x, y, place) {
  const d = x.data.length;
  const products = x.data.map((value, i) => value * w.data[place * d + i]);
  const detail = ({ index, value }) => ({
    index,
    value,
    x: x.data[index],
    w: w.data[place * d + index],
  });
  const { up, down } = extremes(products);
  return {
    up: up.map(detail),
    down: down.map(detail),
    sum: dot(w.data, place * d, x.data, 0, d),
    bias: b.data[place],
    inputs: d,
  };
}

const KINDS = {
  Conv2d: conv,
  MaxPool: pool,
  LRN: lrn,
  SameMapNorm: samemap,
  Linear: linear,
  ReLU: (layer, x, y, place) => ({ x: x.data[place] }),
  Tanh: (layer, x, y, place) => ({ x: x.data[place] }),
  Dropout: ({ settings: { rate } }, x, y, place, factor) => ({
    x: x.data[place],
    rate,
    factor: factor(place),
  }),
  Flatten: (layer, x, y, place) => ({
    from: x.shape.length === 3 && unravel(place, x.shape),
  }),
};

// What layer `name` made the number at `place` of; `run` is {x, outputs, caches}.
export function forwardParts(layers, run, name, place) {
  const i = layers.findIndex((layer) => layer.name === name);
  const x = i ? run.outputs[layers[i - 1].name] : run.x;
  const y = run.outputs[name] || array([0], []);
  if (!(place < size(y.shape))) return null;
  const found = KINDS[layers[i].layer](layers[i], x, y, place, run.caches[name]);
  return { kind: layers[i].layer, name, place, y: y.data[place], ...found };
}
