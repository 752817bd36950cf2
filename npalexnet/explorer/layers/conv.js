// Convolution: the same small filter at every place (paper 3.5). See layers/conv.py.
//
// Shapes     x (C, H, W)   w (F, C/groups, K, K)   b (F)   y (F, P, Q)
// Forward    y[f, p, q] = b[f] + Σ_cij x[c, p·stride + i, q·stride + j] · w[f, c, i, j]
// Backward   db[f]          = Σ_pq dy[f, p, q]
//            dw[f, c, i, j] = Σ_pq dy[f, p, q] · window(x)
//            dx             = addWindows(Σ_f dy[f, p, q] · w[f, c, i, j])

import { addRows, dot, zeros } from "./array.js";
import { addWindows, outputSide, windows } from "./windows.js";

export function conv2dForward(x, w, b, stride = 1, pad = 0, groups = 1) {
  const [f, cg, k] = w.shape;
  const [p, q] = x.shape.slice(1).map((side) => outputSide(side, k, stride, pad));
  const v = windows(x, k, stride, pad); // (C·K·K, P·Q)
  const [rows, places] = [cg * k * k, p * q];
  const y = zeros([f, p, q]);
  const sum = new Float64Array(places);
  for (let n = 0; n < f; n++) {
    const g = Math.floor((n * groups) / f);
    sum.fill(b.data[n]);
    // (F, C/G·K·K) -cij- (C/G·K·K, P·Q) -> (F, P·Q), one filter at a time
    addRows(sum, w.data, n * rows, 1, v.data, g * rows, rows, places);
    y.data.set(sum, n * places);
  }
  return [y, { x, w, stride, pad, groups }];
}

// `learn` false leaves out dw and db, which nobody needs who only wants to look.
export function conv2dBackward(dy, cache, learn = true) {
  const { x, w, stride, pad, groups } = cache;
  const [f, cg, k] = w.shape;
  const [, p, q] = dy.shape;
  const [fg, rows, places] = [f / groups, cg * k * k, p * q];

  const dv = zeros([groups * rows, places]);
  const sum = new Float64Array(places);
  for (let r = 0; r < groups * rows; r++) {
    const g = Math.floor(r / rows);
    sum.fill(0);
    // (C/G·K·K, F/G) -f- (F/G, P·Q) -> (C/G·K·K, P·Q), one row at a time
    addRows(sum, w.data, g * fg * rows + (r % rows), rows, dy.data, g * fg, fg, places);
    dv.data.set(sum, r * places);
  }
  const dx = addWindows(dv, x.shape, k, stride, pad);
  if (!learn) return [dx, null, null];

  const [dw, db] = [zeros(w.shape), zeros([f])];
  const v = windows(x, k, stride, pad);
  for (let n = 0; n < f; n++) {
    const g = Math.floor(n / fg);
    for (let i = 0; i < places; i++) db.data[n] += dy.data[n * places + i];
    for (let r = 0; r < rows; r++) {
      const row = (g * rows + r) * places;
      dw.data[n * rows + r] = dot(dy.data, n * places, v.data, row, places);
    }
  }
  return [dx, dw, db];
}
