// An array: its shape, and its numbers in row-major order, as in NumPy.
//
// A picture goes through the network alone here, so the axis N that every shape begins
// with in layers/*.py is left out: activations are (C, H, W) or (D). Letters are the
// same: C channels, F filters, H×W in, K kernel, P×Q out, D inputs and M units.
// Numbers are kept in float32 and added up in float64.

export function size(shape) {
  return shape.reduce((product, n) => product * n, 1);
}

export function array(shape, data) {
  return { shape, data };
}

export function zeros(shape) {
  return array(shape, new Float32Array(size(shape)));
}

// y[i] = f(x[i], i), of the same shape
export function map(x, f) {
  return array(x.shape, x.data.map(f));
}

// Σ a[i] · b[i], over n numbers
export function dot(a, aStart, b, bStart, n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}

// sum[i] += Σ_r w[wStart + r·wStep] · v[(vStart + r)·n + i], over n numbers and R rows.
// Four rows at a time: the sum is then read and written a quarter as often.
export function addRows(sum, w, wStart, wStep, v, vStart, rows, n) {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    const at = wStart + r * wStep;
    const [w0, w1, w2, w3] = [
      w[at],
      w[at + wStep],
      w[at + 2 * wStep],
      w[at + 3 * wStep],
    ];
    const v0 = (vStart + r) * n;
    const [v1, v2, v3] = [v0 + n, v0 + 2 * n, v0 + 3 * n];
    for (let i = 0; i < n; i++) {
      sum[i] += w0 * v[v0 + i] + w1 * v[v1 + i] + w2 * v[v2 + i] + w3 * v[v3 + i];
    }
  }
  for (; r < rows; r++) {
    const w0 = w[wStart + r * wStep];
    const v0 = (vStart + r) * n;
    for (let i = 0; i < n; i++) sum[i] += w0 * v[v0 + i];
  }
}
