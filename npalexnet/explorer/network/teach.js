// Teach it: the last layer learns new classes from a few pictures of each, and all other
// layers stay as they are. So a picture goes through them once, and is then only the
// numbers that the last layer sees (its features).

import { array, zeros } from "../layers/array.js";
import { linearBackward, linearForward } from "../layers/linear.js";
import { softmax, softmaxCrossEntropy } from "../layers/softmax.js";
import { chainForward } from "./chain.js";
import { npz, npyText } from "./npz.js";
import { sgdUpdate } from "./optim.js";

export class Teacher {
  constructor(about) {
    this.about = about;
    this.w = null;
    this.b = null;
  }

  features(layers, x) {
    const before = layers.slice(0, -1);
    const { outputs } = chainForward(before, x);
    return before.length ? outputs[before[before.length - 1].name] : x;
  }

  // Examples are [{given, label}]. Starts with zeros, which know nothing: a loss of ln C.
  // Gives the loss and the share that is right after each of so many passes over all.
  learn({ layers }, toInput, examples, classes, passes, lr) {
    const seen = examples.map(({ given, label }) => ({
      x: this.features(layers, toInput(given)),
      label,
    }));
    const d = seen[0].x.data.length;
    // features of networks differ in size: the rate is for features of length 1
    const length = seen.reduce(
      (sum, { x }) => sum + x.data.reduce((a, v) => a + v * v, 0),
      0,
    );
    const rate = lr / (length / seen.length || 1);
    [this.w, this.b] = [zeros([classes, d]), zeros([classes])];
    const [vw, vb] = [new Float32Array(classes * d), new Float32Array(classes)];
    const curve = [];
    for (let pass = 0; pass <= passes; pass++) {
      const [dw, db] = [new Float32Array(classes * d), new Float32Array(classes)];
      let [loss, right] = [0, 0];
      for (const { x, label } of seen) {
        const [y, cache] = linearForward(x, this.w, this.b);
        const [here, dy] = softmaxCrossEntropy(y, label);
        const [, dwHere, dbHere] = linearBackward(dy, cache);
        dwHere.data.forEach((g, i) => (dw[i] += g / seen.length));
        dbHere.data.forEach((g, i) => (db[i] += g / seen.length));
        loss += here / seen.length;
        const best = y.data.indexOf(Math.max(...y.data));
        right += (best === label ? 1 : 0) / seen.length;
      }
      curve.push({ loss, right });
      if (pass === passes) break;
      sgdUpdate(this.w.data, vw, dw, rate, 0.9, 0);
      sgdUpdate(this.b.data, vb, db, rate, 0.9, 0);
    }
    return curve;
  }

  answer({ layers }, toInput, given) {
    if (!this.w) return null;
    const [y] = linearForward(this.features(layers, toInput(given)), this.w, this.b);
    return Array.from(softmax(y));
  }

  // The bytes of a checkpoint: this network, with the last layer as it was taught.
  file({ layers, input }, toInput, classes) {
    const last = layers[layers.length - 1];
    const arrays = {};
    for (const { name, params } of layers) {
      for (const key of Object.keys(params)) arrays[`${name}.${key}`] = params[key];
    }
    arrays[`${last.name}.w`] = this.w;
    arrays[`${last.name}.b`] = this.b;
    arrays["input.mean"] = input.mean;
    arrays["input.std"] = input.std;
    const described = this.about.network;
    const entries = described.layers.map((entry, i) => ({
      ...entry,
      settings: { ...layers[i].settings },
    }));
    entries[entries.length - 1].settings.units = classes.length;
    const said = {
      ...described,
      layers: entries,
      classes,
      dtype: "float32",
      extra: {},
    };
    return npz(arrays, { about: npyText(JSON.stringify(said)) });
  }
}
