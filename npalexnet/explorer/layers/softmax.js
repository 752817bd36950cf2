// How wrong is the network? Softmax and cross-entropy together (paper 3.5). See
// net/loss.py.
//
// Shapes     logits (C), label a whole number in [0, C), loss a number
// Forward    probability[c] = exp(logits[c]) / Σ_d exp(logits[d])
//            loss = -log probability[label]
// Backward   ∂loss/∂logits = p - onehot(label): prediction minus target

import { array } from "./array.js";

export function logSoftmax(logits) {
  const largest = logits.data.reduce((a, b) => Math.max(a, b)); // so that exp is safe
  const shifted = Float64Array.from(logits.data, (value) => value - largest);
  const log = Math.log(shifted.reduce((sum, value) => sum + Math.exp(value), 0));
  return shifted.map((value) => value - log);
}

export function softmax(logits) {
  return logSoftmax(logits).map(Math.exp);
}

export function softmaxCrossEntropy(logits, label) {
  const logP = logSoftmax(logits);
  const dlogits = Float32Array.from(logP, Math.exp);
  dlogits[label] = Math.exp(logP[label]) - 1;
  return [-logP[label], array(logits.shape, dlogits)];
}
