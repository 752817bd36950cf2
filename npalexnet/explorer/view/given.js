// What the network is given, as a canvas: one pixel for each place.

import { largestOf, pictureOf } from "./colours.js";

// Pixels are shown as they are; numbers of one or three channels as greys or colours,
// from the least to the largest; others in the colours of the scale.
export function drawGiven(given, shape, isPixels) {
  const [channels, height, width] = shape.length === 3 ? shape : [0, 1, shape[0]];
  if (channels !== 1 && channels !== 3) {
    return pictureOf(given, width, height, largestOf(given));
  }
  const least = isPixels ? 0 : given.reduce((a, b) => Math.min(a, b));
  const reach = isPixels ? 255 : given.reduce((a, b) => Math.max(a, b)) - least || 1;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let n = 0; n < 3; n++) {
      const c = Math.min(n, channels - 1);
      const value = given[isPixels ? i * channels + c : c * width * height + i];
      image.data[4 * i + n] = (255 * (value - least)) / reach;
    }
    image.data[4 * i + 3] = 255;
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
