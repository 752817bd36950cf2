// From pixels to a network's input: x = (pixel - mean) / std. See datasets/input.py.
//
// Shapes     pixels (H, W, C), 0..255     mean (C) or (H, W, C)     x (C, H, W)

import { array, zeros } from "../layers/array.js";

export function normalise(pixels, shape, mean, std) {
  const [c, h, w] = shape;
  const x = zeros(shape);
  for (let n = 0; n < c; n++) {
    for (let i = 0; i < h * w; i++) {
      const from = i * c + n;
      const centre = mean.data[from % mean.data.length];
      // float32 at each step, as NumPy does it
      x.data[n * h * w + i] =
        Math.fround(pixels[from] - centre) / std.data[n % std.data.length];
    }
  }
  return x;
}

// The part of a mean picture (side, side, C) that the network sees; a mean colour (C) as
// it is.
export function centralCrop(mean, crop) {
  if (mean.shape.length < 3) return mean;
  const [side, , c] = mean.shape;
  const edge = Math.floor((side - crop) / 2);
  const rows = Array.from({ length: crop }, (_, i) => {
    const start = ((edge + i) * side + edge) * c;
    return Array.from(mean.data.slice(start, start + crop * c));
  });
  return array([crop, crop, c], Float32Array.from(rows.flat()));
}

// What is put into the network: pixels, or numbers that are its input already.
export function asInput(given, shape, mean, std) {
  if (given instanceof Float32Array) return array(shape, given);
  return normalise(given, shape, mean, std);
}
