// The chain: a network is a list of layers, run forward, then backward. See
// net/graph.py, chain_forward and chain_backward.
//
// A layer here is what a checkpoint says of it, with its arrays:
//     {name: "conv1", layer: "Conv2d", settings: {stride: 2, ...}, params: {w, b}}

import { conv2dBackward, conv2dForward } from "../layers/conv.js";
import { dropoutBackward, dropoutForward } from "../layers/dropout.js";
import { flattenBackward, flattenForward } from "../layers/flatten.js";
import { linearBackward, linearForward } from "../layers/linear.js";
import { lrnBackward, lrnForward } from "../layers/lrn.js";
import { maxpoolBackward, maxpoolForward } from "../layers/pool.js";
import { reluBackward, reluForward } from "../layers/relu.js";
import { samemapNormBackward, samemapNormForward } from "../layers/samemap.js";
import { tanhBackward, tanhForward } from "../layers/tanh.js";

// By the name of the class in npalexnet.layers: forward from a layer's input and its own
// settings and arrays; backward always from (dy, cache, learn).
const KINDS = {
  Conv2d: {
    forward: (x, { stride, pad, groups }, { w, b }) =>
      conv2dForward(x, w, b, stride, pad, groups),
    backward: conv2dBackward,
  },
  Linear: {
    forward: (x, settings, { w, b }) => linearForward(x, w, b),
    backward: linearBackward,
  },
  MaxPool: {
    forward: (x, { kernel, stride }) => maxpoolForward(x, kernel, stride),
    backward: (dy, cache) => [maxpoolBackward(dy, cache)],
  },
  LRN: {
    forward: (x, { size, alpha, beta, k, groups }) =>
      lrnForward(x, size, alpha, beta, k, groups),
    backward: (dy, cache) => [lrnBackward(dy, cache)],
  },
  SameMapNorm: {
    forward: (x, { size, alpha, beta, k }) =>
      samemapNormForward(x, size, alpha, beta, k),
    backward: (dy, cache) => [samemapNormBackward(dy, cache)],
  },
  ReLU: {
    forward: (x) => reluForward(x),
    backward: (dy, cache) => [reluBackward(dy, cache)],
  },
  Tanh: {
    forward: (x) => tanhForward(x),
    backward: (dy, cache) => [tanhBackward(dy, cache)],
  },
  Dropout: {
    forward: (x, { rate }, params, mask) => dropoutForward(x, rate, mask),
    backward: (dy, cache) => [dropoutBackward(dy, cache)],
  },
  Flatten: {
    forward: (x) => flattenForward(x),
    backward: (dy, cache) => [flattenBackward(dy, cache)],
  },
};

// Each layer's output is the next one's input. `masks`: dropout layer to mask, in
// training; none at test. Gives each layer's output, and what each one remembers.
export function chainForward(layers, x, masks = {}) {
  const [outputs, caches] = [{}, {}];
  for (const { name, layer, settings, params } of layers) {
    [x, caches[name]] = KINDS[layer].forward(x, settings, params, masks[name] || null);
    outputs[name] = x;
  }
  return { outputs, caches };
}

// The chain rule, last layer first. Gives ∂loss/∂(each layer's output), ∂loss/∂x by the
// name "input", and, if `learn`, ∂loss/∂(each parameter) by its name, "conv1.w".
export function chainBackward(layers, dy, caches, learn = false) {
  const [gradients, grads] = [{}, {}];
  for (const { name, layer, params } of [...layers].reverse()) {
    gradients[name] = dy;
    const found = KINDS[layer].backward(dy, caches[name], learn && "w" in params);
    if (learn && "w" in params) [, grads[`${name}.w`], grads[`${name}.b`]] = found;
    dy = found[0];
  }
  gradients.input = dy;
  return { gradients, grads };
}
