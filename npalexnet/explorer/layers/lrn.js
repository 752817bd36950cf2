// Local response normalisation: loud neighbours make a neuron quieter (paper 3.3). See
// layers/lrn.py.
//
// Shapes     x, y, s, dy, dx: all (C, H, W)
// Forward    s[c] = k + α Σ_c′ x[c′]²     over the window c′ ∈ [c - size//2, c + size//2]
//            y[c] = x[c] · s[c]^-β
// Backward   dx[c] = dy[c] · s[c]^-β - 2αβ · x[c] · Σ_c′ dy[c′] · y[c′] / s[c′]

import { array, map } from "./array.js";

// The first and last channel (exclusive) of the window around c, inside of its group.
export function windowOf(c, channels, size, groups) {
  const cg = channels / groups;
  const first = Math.floor(c / cg) * cg;
  const half = Math.floor(size / 2);
  return [Math.max(first, c - half), Math.min(first + cg, c + half + 1)];
}

// Sum v (C, H, W) over each channel's window, group by group, in float64.
export function windowSums(v, shape, size, groups) {
  const [c, h, w] = shape;
  const sums = new Float64Array(v.length);
  for (let n = 0; n < c; n++) {
    const [lo, hi] = windowOf(n, c, size, groups);
    for (let m = lo; m < hi; m++) {
      for (let i = 0; i < h * w; i++) sums[n * h * w + i] += v[m * h * w + i];
    }
  }
  return sums;
}

export function lrnForward(x, size = 5, alpha = 1e-4, beta = 0.75, k = 2, groups = 1) {
  const squares = Float64Array.from(x.data, (value) => value * value);
  const s = windowSums(squares, x.shape, size, groups);
  for (let i = 0; i < s.length; i++) s[i] = k + alpha * s[i];
  const y = map(x, (value, i) => value * s[i] ** -beta);
  return [y, { x, y, s, size, alpha, beta, groups }];
}

export function lrnBackward(dy, cache) {
  const { x, y, s, size, alpha, beta, groups } = cache;
  const parts = Float64Array.from(dy.data, (value, i) => (value * y.data[i]) / s[i]);
  const sums = windowSums(parts, x.shape, size, groups);
  const dx = dy.data.map(
    (value, i) => value * s[i] ** -beta - 2 * alpha * beta * x.data[i] * sums[i],
  );
  return array(x.shape, dx);
}
