// Sliding windows and their adjoint: the one idea behind convolution and pooling.
//
//     windows(x)[c, i, j, p, q] = x[c, p·stride + i, q·stride + j]
//
// Going backward, each pixel collects what all windows that saw it send back: addWindows.
// Where windows overlap, contributions must be ADDED.
//
// Beside layers/windows.py the axes stand in another order: here a window is a column
// of a matrix (C·K·K, P·Q), so that a convolution is a product of two matrices.

import { zeros } from "./array.js";

// (before, after) for a pad given as one number or as two
export function padSides(pad) {
  return Array.isArray(pad) ? pad : [pad, pad];
}

// How many windows fit along one axis.
export function outputSide(side, kernel, stride, pad = 0) {
  const [before, after] = padSides(pad);
  return Math.floor((side + before + after - kernel) / stride) + 1;
}

// The places of x (H×W) that row i and column j of all windows see: calls
// visit(place in the P×Q windows, place in the H×W map) for those inside of the map.
function eachSeen(h, w, p, q, i, j, stride, before, visit) {
  for (let a = 0; a < p; a++) {
    const row = a * stride + i - before;
    if (row < 0 || row >= h) continue;
    for (let b = 0; b < q; b++) {
      const column = b * stride + j - before;
      if (column >= 0 && column < w) visit(a * q + b, row * w + column);
    }
  }
}

// All windows of x (C, H, W), padded with zeros, as (C·K·K, P·Q).
export function windows(x, kernel, stride = 1, pad = 0) {
  const [c, h, w] = x.shape;
  const [p, q] = [h, w].map((side) => outputSide(side, kernel, stride, pad));
  const v = zeros([c * kernel * kernel, p * q]);
  const before = padSides(pad)[0];
  for (let n = 0, row = 0; n < c; n++) {
    for (let i = 0; i < kernel; i++) {
      for (let j = 0; j < kernel; j++, row++) {
        const [to, from] = [row * p * q, n * h * w];
        eachSeen(h, w, p, q, i, j, stride, before, (window, pixel) => {
          v.data[to + window] = x.data[from + pixel];
        });
      }
    }
  }
  return v;
}

// Lay windows where `windows` takes them from, and add them up: (C, H, W).
export function addWindows(v, shape, kernel, stride = 1, pad = 0) {
  const [c, h, w] = shape;
  const [p, q] = [h, w].map((side) => outputSide(side, kernel, stride, pad));
  const sums = new Float64Array(c * h * w);
  const before = padSides(pad)[0];
  for (let n = 0, row = 0; n < c; n++) {
    for (let i = 0; i < kernel; i++) {
      for (let j = 0; j < kernel; j++, row++) {
        const [from, to] = [row * p * q, n * h * w];
        eachSeen(h, w, p, q, i, j, stride, before, (window, pixel) => {
          sums[to + pixel] += v.data[from + window];
        });
      }
    }
  }
  return { shape, data: Float32Array.from(sums) };
}
