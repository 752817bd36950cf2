// tanh: the neuron that ReLU replaced (paper 3.1). See layers/tanh.py.
//
// Shapes     x, y, dy, dx: any, all the same
// Forward    y = tanh(x)
// Backward   dx = dy · (1 - y²), because tanh′ = 1 - tanh²

import { map } from "./array.js";

export function tanhForward(x) {
  const y = map(x, Math.tanh);
  return [y, y];
}

export function tanhBackward(dy, cache) {
  const y = cache;
  return map(dy, (value, i) => value * (1 - y.data[i] * y.data[i]));
}
