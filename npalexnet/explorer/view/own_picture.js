// A picture of the reader's own, as predict takes it: turned upright, on white, shorter
// side to `side`, the central square, and of that the central crop.

import { shrink } from "./resize.js";

const MOST_BYTES = 60_000_000;
const MOST_PIXELS = 100_000_000;

// Width and height, which a browser reads without decoding the rest.
async function sizeOf(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  try {
    await new Promise((resolve, reject) => {
      [image.onload, image.onerror] = [resolve, reject];
      image.src = url;
    });
    return [image.naturalWidth, image.naturalHeight];
  } finally {
    URL.revokeObjectURL(url);
  }
}

// A small file can unfold to more than a browser has room for: its size is asked first.
async function decode(file) {
  if (file.size > MOST_BYTES) {
    const size = Math.round(file.size / 1e6);
    throw new Error(`${file.name} has ${size} MB; choose a smaller one.`);
  }
  const unreadable = new Error(
    `${file.name} is not a picture that this browser can read.`,
  );
  const [width, height] = await sizeOf(file).catch(() => [0, 0]);
  if (width * height === 0) throw unreadable;
  if (width * height > MOST_PIXELS) {
    throw new Error(
      `${file.name} has more than 100 million pixels; choose a smaller one.`,
    );
  }
  return createImageBitmap(file).catch(() => {
    throw unreadable;
  });
}

// The central square of a picture, as RGBA, on white; a very large one is halved first.
function centralSquare(bitmap, side) {
  const shorter = Math.min(bitmap.width, bitmap.height);
  const to = Math.min(shorter, 8 * side);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = to;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, to, to);
  pen.imageSmoothingQuality = "high";
  const [left, top] = [(bitmap.width - shorter) / 2, (bitmap.height - shorter) / 2];
  pen.drawImage(bitmap, left, top, shorter, shorter, 0, 0, to, to);
  return { data: pen.getImageData(0, 0, to, to).data, from: to };
}

// What the network is given: bytes (crop, crop, C). `source` is anything drawImage takes.
export function asGiven(source, { side, crop, input_shape: [channels] }) {
  const { data, from } = centralSquare(source, side);
  const square = shrink(data, from, side);
  const edge = Math.floor((side - crop) / 2);
  const given = new Uint8Array(crop * crop * channels);
  let to = 0;
  for (let row = edge; row < edge + crop; row++) {
    for (let column = edge; column < edge + crop; column++) {
      const at = (row * side + column) * 3;
      if (channels === 3) for (let n = 0; n < 3; n++) given[to++] = square[at + n];
      else
        given[to++] = Math.round(
          0.299 * square[at] + 0.587 * square[at + 1] + 0.114 * square[at + 2],
        );
    }
  }
  return given;
}

export async function readOwn(file, network) {
  return asGiven(await decode(file), network);
}
