// Same-map normalisation: loud surroundings make a place quieter (the 2012 code). See
// layers/samemap.py.
//
// Shapes     x, y, s, dy, dx: all (C, H, W)
// Forward    s[h, w] = k + α Σ_h′w′ x[h′, w′]²     over the square of `size` around it
//            y[h, w] = x[h, w] · s[h, w]^-β
// Backward   dx[h, w] = dy[h, w] · s[h, w]^-β
//                       - 2αβ · x[h, w] · Σ_h′w′ dy[h′, w′] · y[h′, w′] / s[h′, w′]

import { array, map } from "./array.js";

// Sum v (C, H, W) over the square around each place, in float64.
export function squareSums(v, shape, size) {
  const [c, h, w] = shape;
  const half = Math.floor(size / 2);
  const sums = new Float64Array(v.length);
  for (let n = 0, to = 0; n < c; n++) {
    for (let a = 0; a < h; a++) {
      for (let b = 0; b < w; b++, to++) {
        for (let i = Math.max(0, a - half); i <= Math.min(h - 1, a + half); i++) {
          for (let j = Math.max(0, b - half); j <= Math.min(w - 1, b + half); j++) {
            sums[to] += v[(n * h + i) * w + j];
          }
        }
      }
    }
  }
  return sums;
}

export function samemapNormForward(x, size = 5, alpha = 4e-5, beta = 0.75, k = 1) {
  const squares = Float64Array.from(x.data, (value) => value * value);
  const s = squareSums(squares, x.shape, size);
  for (let i = 0; i < s.length; i++) s[i] = k + alpha * s[i];
  const y = map(x, (value, i) => value * s[i] ** -beta);
  return [y, { x, y, s, size, alpha, beta }];
}

export function samemapNormBackward(dy, cache) {
  const { x, y, s, size, alpha, beta } = cache;
  const parts = Float64Array.from(dy.data, (value, i) => (value * y.data[i]) / s[i]);
  const sums = squareSums(parts, x.shape, size);
  const dx = dy.data.map(
    (value, i) => value * s[i] ** -beta - 2 * alpha * beta * x.data[i] * sums[i],
  );
  return array(x.shape, dx);
}
