// The pictures that came with the page.

import { bytesOf } from "../network/unpack.js";

async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream();
  const plain = stream.pipeThrough(new DecompressionStream("deflate"));
  return new Response(plain).arrayBuffer();
}

// [{index, label, name, given}]: `given` is what the network is given, pixels (H, W, C)
// as bytes, or its input as float32.
export async function readPictures({ kind, shape, labels, names }, text) {
  const buffer = await unzipped(bytesOf(text.trim()));
  const all = kind === "pixels" ? new Uint8Array(buffer) : new Float32Array(buffer);
  const each = all.length / shape[0];
  return names.map((name, index) => ({
    index,
    label: labels[index],
    name,
    given: all.slice(index * each, (index + 1) * each),
  }));
}
