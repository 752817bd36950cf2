// Flatten: from maps to one row of numbers, before the first Linear. See
// layers/flatten.py.
//
// Forward    (C, H, W) → (C·H·W)     Backward   the same numbers in the old shape

import { array, size } from "./array.js";

export function flattenForward(x) {
  return [array([size(x.shape)], x.data), x.shape];
}

export function flattenBackward(dy, cache) {
  const shape = cache;
  return array(shape, dy.data);
}
