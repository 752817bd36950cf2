// Shrink a picture as Pillow's BILINEAR does, which predict uses: each new pixel is a
// mean over all old ones near it, weighted by a triangle. (A canvas' own way differs from
// browser to browser.)

// For each new pixel along one axis: the first old pixel, and the weights from there on.
function triangle(from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const last = Math.min(from, Math.floor(centre + reach + 0.5));
    const weights = Array.from({ length: last - first }, (_, n) => {
      return Math.max(0, 1 - Math.abs((first + n - centre + 0.5) / reach));
    });
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

// data: RGBA bytes of a square of this side; gives RGB bytes of a square of side `to`.
export function shrink(data, from, to) {
  const axis = triangle(from, to);
  const byte = (value) => Math.max(0, Math.min(255, Math.round(value)));
  const across = new Uint8Array(from * to * 3); // Pillow, too, rounds in between
  for (let row = 0; row < from; row++) {
    axis.forEach(({ first, weights }, column) => {
      for (let n = 0; n < 3; n++) {
        let sum = 0;
        weights.forEach(
          (weight, i) => (sum += weight * data[(row * from + first + i) * 4 + n]),
        );
        across[(row * to + column) * 3 + n] = byte(sum);
      }
    });
  }
  const out = new Uint8Array(to * to * 3);
  axis.forEach(({ first, weights }, row) => {
    for (let i = 0; i < to * 3; i++) {
      let sum = 0;
      weights.forEach(
        (weight, n) => (sum += weight * across[(first + n) * to * 3 + i]),
      );
      out[row * to * 3 + i] = byte(sum);
    }
  });
  return out;
}
