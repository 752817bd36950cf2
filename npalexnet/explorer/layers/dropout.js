// Dropout: every step switches off a different random half of the neurons (paper 4.2).
// See layers/dropout.py.
//
// Shapes     x, y, dy, dx: any, all the same
// Forward    training: y = mask ⊙ x     test: y = (1 - rate) · x
// Backward   training: dx = mask ⊙ dy   test: dx = (1 - rate) · dy

import { map } from "./array.js";

// 1 with probability 1 - rate, else 0.
export function bernoulliMask(size, rate, random = Math.random) {
  return Float32Array.from({ length: size }, () => (random() >= rate ? 1 : 0));
}

// A mask means training, none means test.
export function dropoutForward(x, rate, mask = null) {
  const factor = (i) => (mask ? mask[i] : 1 - rate);
  return [map(x, (value, i) => value * factor(i)), factor];
}

export function dropoutBackward(dy, cache) {
  const factor = cache;
  return map(dy, (value, i) => value * factor(i));
}
