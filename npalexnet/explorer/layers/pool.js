// Max-pooling with windows that overlap (paper 3.4). See layers/pool.py.
//
// Shapes     x (C, H, W)   y (C, P, Q)
// Forward    y[c, p, q] = max over i, j of x[c, p·stride + i, q·stride + j]
// Backward   all of dy[c, p, q] goes to the winner; who wins in several windows gets
//            the SUM. If two pixels of a window are equal, the first in reading order
//            wins.

import { array, zeros } from "./array.js";
import { outputSide } from "./windows.js";

export function maxpoolForward(x, kernel = 3, stride = 2) {
  const [c, h, w] = x.shape;
  const [p, q] = [h, w].map((side) => outputSide(side, kernel, stride));
  const y = zeros([c, p, q]);
  const winner = new Int32Array(c * p * q); // where it lies in x
  for (let n = 0, to = 0; n < c; n++) {
    for (let a = 0; a < p; a++) {
      for (let b = 0; b < q; b++, to++) {
        const corner = (n * h + a * stride) * w + b * stride;
        let best = corner;
        for (let i = 0; i < kernel; i++) {
          for (let j = 0; j < kernel; j++) {
            const at = corner + i * w + j;
            if (x.data[at] > x.data[best]) best = at;
          }
        }
        y.data[to] = x.data[best];
        winner[to] = best;
      }
    }
  }
  return [y, { shape: x.shape, winner, kernel, stride }];
}

export function maxpoolBackward(dy, cache) {
  const { shape, winner } = cache;
  const sums = new Float64Array(shape[0] * shape[1] * shape[2]);
  for (let i = 0; i < winner.length; i++) sums[winner[i]] += dy.data[i];
  return array(shape, Float32Array.from(sums));
}
