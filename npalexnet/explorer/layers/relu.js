// ReLU: y = max(0, x), a neuron that is off, or passes on what it hears (paper 3.1). See
// layers/relu.py.
//
// Shapes     x, y, dy, dx: any, all the same
// Forward    y = max(0, x)
// Backward   dx = dy where x > 0, else 0; the slope at 0 is 0

import { map } from "./array.js";

export function reluForward(x) {
  const y = map(x, (value) => (value <= 0 ? 0 : value)); // with <= NaN stays NaN
  return [y, y];
}

export function reluBackward(dy, cache) {
  const y = cache;
  return map(dy, (value, i) => (y.data[i] > 0 ? value : 0));
}
