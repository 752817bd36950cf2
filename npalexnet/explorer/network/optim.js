// How the network learns: the paper's update rule (section 5). See net/optim.py.
//
//     v ← 0.9 · v - 0.0005 · ε · w - ε · g
//     w ← w + v

// Writes to w and v; ε times the array's own multipliers, as SGD does.
export function sgdUpdate(w, v, g, lr, momentum = 0.9, weightDecay = 5e-4) {
  for (let i = 0; i < w.length; i++) {
    v[i] = momentum * v[i] - weightDecay * lr * w[i] - lr * g[i];
    w[i] += v[i];
  }
}

// One step on every parameter. Gives how far each layer's weights moved: the length of
// the change, and of the weights before it.
export function sgdStep(layers, grads, velocity, lr) {
  const moved = [];
  for (const { name, params, multipliers } of layers) {
    for (const key of Object.keys(params)) {
      const full = `${name}.${key}`;
      const w = params[key].data;
      const [rate, decay] = multipliers[key];
      velocity[full] = velocity[full] || new Float32Array(w.length);
      const before = Math.sqrt(w.reduce((sum, value) => sum + value * value, 0));
      sgdUpdate(w, velocity[full], grads[full].data, lr * rate, 0.9, 5e-4 * decay);
      const change = velocity[full].reduce((sum, value) => sum + value * value, 0);
      moved.push({ name: full, change: Math.sqrt(change), before });
    }
  }
  return moved;
}
