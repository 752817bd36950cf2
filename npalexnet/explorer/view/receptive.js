// Which part of the picture a number depends on: windows of windows, back to the input.

import { padSides } from "../layers/windows.js";

// (kernel, stride, pad before) of a layer; null if it sees all of its input.
function windowOf({ layer, settings }) {
  if (layer === "Conv2d") {
    return [settings.kernel, settings.stride, padSides(settings.pad)[0]];
  }
  if (layer === "MaxPool") return [settings.kernel, settings.stride, 0];
  if (layer === "SameMapNorm") return [settings.size, 1, Math.floor(settings.size / 2)];
  return layer === "Linear" || layer === "Flatten" ? null : [1, 1, 0];
}

// {row, column, height, width} in the input's pixels; it may reach over the edge.
export function receptiveField(session, name, at) {
  const [, height, width] = session.shapes.input;
  const all = { row: 0, column: 0, height, width };
  if (session.shapes.input.length < 3) return null;
  if (!at) return all;
  let [[top, bottom], [left, right]] = at.map((n) => [n, n]);
  for (let i = session.names.indexOf(name) - 1; i >= 0; i--) {
    const seen = windowOf(session.layers[i]);
    if (!seen) return all;
    const [k, stride, before] = seen;
    [top, left] = [top, left].map((n) => n * stride - before);
    [bottom, right] = [bottom, right].map((n) => n * stride - before + k - 1);
  }
  return { row: top, column: left, height: bottom - top + 1, width: right - left + 1 };
}

// What a number sees in the layer just before it: {name, maps: [first, last), corner, k},
// or null where it is not a window.
export function windowBefore(session, name, map, at) {
  const i = session.names.indexOf(name) - 1;
  if (i < 0 || !at) return null;
  const { layer, settings } = session.layers[i];
  const window = windowOf(session.layers[i]);
  const shape = session.shapes[session.names[i]];
  if (!window || shape.length < 3) return null;
  const [k, stride, before] = window;
  const corner = at.map((n) => n * stride - before);
  let maps = [map, map + 1];
  if (layer === "Conv2d") {
    const seen = shape[0] / settings.groups;
    const group = Math.floor((map * settings.groups) / session.shapes[name][0]);
    maps = [group * seen, (group + 1) * seen];
  }
  if (layer === "LRN") {
    const half = Math.floor(settings.size / 2);
    maps = [Math.max(0, map - half), Math.min(shape[0], map + half + 1)];
  }
  return { name: session.names[i], maps, corner, k };
}
