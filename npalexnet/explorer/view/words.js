// What layers are called, in words.

import { plural, whole } from "./dom.js";

export const times = (shape) => shape.map(whole).join(" × ");

// "48 maps of 27 × 27", "1,024 units"
export function shapeWords(shape) {
  if (shape.length === 3)
    return `${plural(shape[0], "map")} of ${times(shape.slice(1))}`;
  return plural(shape[0], "unit");
}

const pads = (pad) => {
  if (Array.isArray(pad)) return `, edge ${pad.join(" and ")}`;
  return pad ? `, edge ${pad}` : "";
};

const KINDS = {
  Conv2d: ({ kernel, stride, pad, groups }) =>
    `convolution ${kernel} × ${kernel}${stride > 1 ? `, stride ${stride}` : ""}` +
    `${pads(pad)}${groups > 1 ? `, ${groups} groups` : ""}`,
  Linear: ({ inputs }) => `fully connected, ${whole(inputs)} inputs`,
  MaxPool: ({ kernel, stride }) =>
    `max-pooling ${kernel} × ${kernel}, stride ${stride}`,
  LRN: ({ size }) => `local response normalisation over ${size} maps`,
  SameMapNorm: ({ size }) => `same-map normalisation ${size} × ${size}`,
  ReLU: () => "max(0, x)",
  Tanh: () => "tanh x",
  Dropout: ({ rate }) => `dropout, rate ${rate}`,
  Flatten: () => "maps in one row",
};

export const kindOf = ({ layer, settings }) => KINDS[layer](settings);

// "map 17, row 3, column 4", or "unit 17".
export function placeWords(session, name, map, at) {
  const maps = session.shapes[name].length === 3;
  if (!maps) {
    const isClass = name === session.last && session.classes[map] !== undefined;
    return isClass ? session.classes[map] : `unit ${map}`;
  }
  const colours = ["red", "green", "blue"];
  const isColour = name === "input" && session.shapes.input[0] === 3;
  const title = isColour ? colours[map] : `map ${map}`;
  return at ? `${title}, row ${at[0]}, column ${at[1]}` : title;
}

export const weightWords = (count) => (count ? plural(count, "weight") : "");
