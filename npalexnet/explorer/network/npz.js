// Writes a NumPy .npz file: a zip, nothing compressed, of one .npy file an array. This
// is what npalexnet.load reads.

import { size } from "../layers/array.js";

const ascii = (text) => Uint8Array.from(text, (char) => char.charCodeAt(0));

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

// Magic, version 1.0, length of the header, the header as Python writes a dictionary;
// together a multiple of 64 bytes.
function npy(descr, shape, data) {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const said = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const header = said.padEnd(Math.ceil((said.length + 11) / 64) * 64 - 11) + "\n";
  const length = [header.length & 255, header.length >> 8];
  return joined([
    Uint8Array.of(0x93),
    ascii("NUMPY\x01\x00"),
    length,
    ascii(header),
    data,
  ]);
}

// A text as an array without axes, four bytes a character.
export function npyText(text) {
  const points = Array.from(text, (char) => char.codePointAt(0));
  const data = new Uint8Array(Uint32Array.from(points).buffer);
  return npy(`<U${points.length}`, [], data);
}

function crcTable() {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n >>> 0;
  });
}

const CRC = crcTable();

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// Whole numbers as bytes, the lowest first: pairs of [value, count of bytes].
function numbers(...pairs) {
  const bytes = [];
  for (const [value, count] of pairs) {
    for (let i = 0; i < count; i++) bytes.push(Math.floor(value / 256 ** i) & 255);
  }
  return Uint8Array.from(bytes);
}

const DATE = 0x21; // 1 January 1980, where a zip's calendar begins

function zip(files) {
  const [parts, central] = [[], []];
  let offset = 0;
  for (const [name, data] of Object.entries(files)) {
    const title = ascii(name);
    const shared = numbers(
      [20, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [DATE, 2],
      [crc32(data), 4],
      [data.length, 4],
      [data.length, 4],
      [title.length, 2],
      [0, 2],
    );
    const local = joined([numbers([0x04034b50, 4]), shared, title, data]);
    central.push(numbers([0x02014b50, 4], [20, 2]), shared);
    central.push(numbers([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), title);
    parts.push(local);
    offset += local.length;
  }
  const list = joined(central);
  const count = Object.keys(files).length;
  const end = numbers(
    [0x06054b50, 4],
    [0, 4],
    [count, 2],
    [count, 2],
    [list.length, 4],
    [offset, 4],
    [0, 2],
  );
  return joined([...parts, list, end]);
}

// arrays: {name: array}, written as float32; others: {name: bytes of an .npy}.
export function npz(arrays, others = {}) {
  const files = {};
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    if (data.length !== size(shape)) throw new Error(`${name} has another shape`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    files[`${name}.npy`] = npy("<f4", shape, bytes);
  }
  for (const [name, bytes] of Object.entries(others)) files[`${name}.npy`] = bytes;
  return zip(files);
}
