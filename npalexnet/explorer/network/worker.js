// The arithmetic's own thread: it answers one question after the other, so that the page
// stays smooth. A question is {id, method, args}, an answer {id, result} or {id, error}.

import { size } from "../layers/array.js";
import { bernoulliMask } from "../layers/dropout.js";
import { softmax, softmaxCrossEntropy } from "../layers/softmax.js";
import { backwardParts } from "./backward_parts.js";
import { chainBackward, chainForward } from "./chain.js";
import { forwardParts } from "./forward_parts.js";
import { asInput, centralCrop } from "./input.js";
import { sgdStep } from "./optim.js";
import { Teacher } from "./teach.js";
import { unpack } from "./unpack.js";

let network = null; // {layers, inputShape, mean, std}
let packed = null; // what the page holds, to go back to
let latest = null; // the latest run, for `parts`
let velocity = {};
let teacher = null;

function build() {
  const { about, text } = packed;
  const arrays = unpack(about.arrays, text);
  const layers = about.network.layers.map((entry) => ({
    ...entry,
    settings: { ...entry.settings },
    params: Object.fromEntries(
      Object.keys(entry.multipliers).map((key) => [
        key,
        arrays[`${entry.name}.${key}`],
      ]),
    ),
  }));
  return {
    layers,
    inputShape: about.network.input_shape,
    mean: centralCrop(arrays["input.mean"], about.network.crop),
    std: arrays["input.std"],
    input: { mean: arrays["input.mean"], std: arrays["input.std"] },
  };
}

function toInput(given) {
  return asInput(given, network.inputShape, network.mean, network.std);
}

function lastOf(outputs) {
  return outputs[network.layers[network.layers.length - 1].name];
}

function forward(given, masks = {}) {
  const x = toInput(given);
  return { x, ...chainForward(network.layers, x, masks) };
}

function backward({ outputs, caches }, label, learn = false) {
  const [loss, dlogits] = softmaxCrossEntropy(lastOf(outputs), label);
  return { loss, ...chainBackward(network.layers, dlogits, caches, learn) };
}

function drawMasks(x) {
  const { outputs } = chainForward(network.layers, x);
  const masks = {};
  for (const { name, layer, settings } of network.layers) {
    if (layer !== "Dropout") continue;
    masks[name] = bernoulliMask(size(outputs[name].shape), settings.rate);
  }
  return masks;
}

const METHODS = {
  open(about, text) {
    packed = { about, text };
    network = build();
    return true;
  },

  activations(given) {
    return forward(given).outputs;
  },

  gradients(given, label) {
    return backward(forward(given), label).gradients;
  },

  probabilities(givens) {
    return givens.map((given) => Array.from(softmax(lastOf(forward(given).outputs))));
  },

  // What the page shows: everything forward, and with `back` the gradients, if there is a
  // true class. In training, dropout draws new masks.
  run(given, label, training, back) {
    const masks = training ? drawMasks(toInput(given)) : {};
    latest = { label, ...forward(given, masks), loss: null, gradients: null };
    const logits = lastOf(latest.outputs);
    if (label !== null) [latest.loss] = softmaxCrossEntropy(logits, label);
    if (label !== null && back) Object.assign(latest, backward(latest, label));
    const { x, outputs, loss, gradients } = latest;
    return { x, outputs, loss, gradients, probabilities: Array.from(softmax(logits)) };
  },

  // Where one number comes from: of the outputs, or of the gradients.
  parts(way, name, place) {
    const find = way === "back" ? backwardParts : forwardParts;
    return latest && find(network.layers, latest, name, place);
  },

  weights(name) {
    return network.layers.find((layer) => layer.name === name).params.w;
  },

  // One of a layer's own numbers; the next run uses it.
  set(name, key, value) {
    network.layers.find((layer) => layer.name === name).settings[key] = value;
    return true;
  },

  step(given, label, lr) {
    const before = backward(forward(given), label, true);
    const moved = sgdStep(network.layers, before.grads, velocity, lr);
    const { loss } = backward(forward(given), label);
    return { before: before.loss, after: loss, moved };
  },

  // The weights as the page holds them; sliders stay where they are.
  undo() {
    const settings = network.layers.map((layer) => layer.settings);
    network = build();
    network.layers.forEach((layer, i) => (layer.settings = settings[i]));
    velocity = {};
    return true;
  },

  teach(method, ...args) {
    teacher = teacher || new Teacher(packed.about);
    return teacher[method](network, toInput, ...args);
  },
};

self.onmessage = ({ data: { id, method, args } }) => {
  try {
    self.postMessage({ id, result: METHODS[method](...args) });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
