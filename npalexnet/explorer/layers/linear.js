// The fully connected layer: every unit sees every input (paper 3.5). See
// layers/linear.py.
//
// Shapes     x (D)   w (M, D)   b (M)   y (M)
// Forward    y[m] = b[m] + Σ_d x[d] · w[m, d]
// Backward   dx[d] = Σ_m dy[m] · w[m, d]     dw[m, d] = dy[m] · x[d]     db[m] = dy[m]

import { array, dot, zeros } from "./array.js";

export function linearForward(x, w, b) {
  const [m, d] = w.shape;
  const y = zeros([m]);
  for (let n = 0; n < m; n++) {
    y.data[n] = b.data[n] + dot(w.data, n * d, x.data, 0, d);
  }
  return [y, { x, w }];
}

// `learn` false leaves out dw and db, which nobody needs who only wants to look.
export function linearBackward(dy, cache, learn = true) {
  const { x, w } = cache;
  const [m, d] = w.shape;
  const sum = new Float64Array(d);
  for (let n = 0; n < m; n++) {
    const here = dy.data[n];
    if (here === 0) continue; // a dead unit sends nothing back
    for (let i = 0; i < d; i++) sum[i] += here * w.data[n * d + i];
  }
  const dx = array(x.shape, Float32Array.from(sum));
  if (!learn) return [dx, null, null];

  const dw = zeros(w.shape);
  for (let n = 0; n < m; n++) {
    for (let i = 0; i < d; i++) dw.data[n * d + i] = dy.data[n] * x.data[i];
  }
  return [dx, dw, array([m], dy.data.slice())];
}
