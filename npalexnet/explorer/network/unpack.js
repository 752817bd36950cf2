// From the text in the page to arrays. pack.py writes it: one line for each array.
//
//     16 bits   float16, all numbers of an array
//      8 bits   a scale for each row (float32), then whole numbers -127..127 (int8);
//               arrays of one axis stay in 16 bits
//     32 bits   float32: the mean and std of the input

import { array, size } from "../layers/array.js";

// Bytes from base64, in which text can hold them.
export function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// The value of each of the 65,536 patterns of a float16: sign, 5 bits of exponent, 10 of
// fraction.
function float16Values() {
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    if (exponent === 0) values[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) values[bits] = fraction ? NaN : sign * Infinity;
    else values[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return values;
}

const FLOAT16 = float16Values();

function from8(bytes, shape) {
  const [rows, row] = [shape[0], size(shape) / shape[0]];
  const scales = new Float32Array(bytes.slice(0, 4 * rows).buffer);
  const whole = new Int8Array(bytes.buffer, 4 * rows);
  return Float32Array.from(whole, (q, i) => q * scales[Math.floor(i / row)]);
}

// {name: array} from the lines and what is said of them: [{name, shape, bits}].
export function unpack(said, text) {
  const lines = text.trim().split("\n");
  const found = {};
  said.forEach(({ name, shape, bits }, i) => {
    const bytes = bytesOf(lines[i]);
    if (bits === 32) found[name] = array(shape, new Float32Array(bytes.buffer));
    else if (bits === 8) found[name] = array(shape, from8(bytes, shape));
    else {
      const patterns = new Uint16Array(bytes.buffer);
      found[name] = array(
        shape,
        Float32Array.from(patterns, (bits) => FLOAT16[bits]),
      );
    }
  });
  return found;
}
