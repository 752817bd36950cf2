// A layer's maps as tiles, side by side, or its units as one field of cells: where each
// number lies, and the drawing of all of them.

import { largestOf, pictureOf } from "./colours.js";
import { sized } from "./dom.js";

const GAP = 4;

// How large a cell is: about `target` pixels a map, whole pixels where they are small.
function cellFor(side, target) {
  return side > target * 1.4 ? target / side : Math.max(1, Math.round(target / side));
}

// {cell, columns, rows, shown, width, height, ...} for an array of this shape.
export function layOut(shape, available, all) {
  if (shape.length < 3) return layOutUnits(shape[0], available, all);
  const [count, h, w] = shape;
  const fit = (cell) => {
    const columns = Math.max(1, Math.floor((available + GAP) / (cell * w + GAP)));
    const shown = all ? count : Math.min(count, columns);
    const rows = Math.ceil(shown / columns);
    return { cell, columns, rows, shown, stepX: cell * w + GAP, stepY: cell * h + GAP };
  };
  let found = fit(cellFor(w, 44));
  if (all) {
    for (let target = 88; target > 44; target -= 8) {
      const larger = fit(cellFor(w, target));
      if (larger.rows * larger.stepY < 520) {
        found = larger;
        break;
      }
    }
  }
  const width = Math.min(found.shown, found.columns) * found.stepX - GAP;
  return { ...found, h, w, maps: true, width, height: found.rows * found.stepY - GAP };
}

function layOutUnits(count, available, all) {
  const most = all ? 260 : 56;
  const sizes = all
    ? [32, 24, 16, 12, 10, 8, 6, 5, 4, 3]
    : [28, 20, 12, 8, 6, 5, 4, 3, 2];
  const fits = (cell) => Math.ceil(count / Math.floor(available / cell)) * cell <= most;
  const cell = sizes.find(fits) || sizes[sizes.length - 1];
  const columns = Math.min(count, Math.floor(available / cell));
  const rows = Math.ceil(count / columns);
  const [width, height] = [columns * cell, rows * cell];
  return { cell, columns, rows, shown: count, maps: false, width, height };
}

// The corner of a place in pixels.
export function cornerOf(at, place) {
  if (!at.maps) {
    return [(place % at.columns) * at.cell, Math.floor(place / at.columns) * at.cell];
  }
  const inMap = place % (at.h * at.w);
  const map = Math.floor(place / (at.h * at.w));
  const x = (map % at.columns) * at.stepX + (inMap % at.w) * at.cell;
  return [
    x,
    Math.floor(map / at.columns) * at.stepY + Math.floor(inMap / at.w) * at.cell,
  ];
}

// The place under a pixel, or null.
export function placeAt(at, x, y) {
  if (x < 0 || y < 0 || x >= at.width || y >= at.height) return null;
  if (!at.maps) {
    const place = Math.floor(y / at.cell) * at.columns + Math.floor(x / at.cell);
    return place < at.shown ? place : null;
  }
  const map = Math.floor(y / at.stepY) * at.columns + Math.floor(x / at.stepX);
  const column = Math.floor((x % at.stepX) / at.cell);
  const row = Math.floor((y % at.stepY) / at.cell);
  if (map >= at.shown || column >= at.w || row >= at.h) return null;
  return (map * at.h + row) * at.w + column;
}

// Draw everything; gives the largest number, which the scale ends at.
export function draw(canvas, at, values) {
  const pen = sized(canvas, at.width, at.height);
  const largest = largestOf(values.data);
  if (!at.maps) {
    const { columns, rows, cell } = at;
    const image = pictureOf(values.data, columns, rows, largest);
    pen.drawImage(image, 0, 0, columns * cell, rows * cell);
    return largest;
  }
  const { h, w, cell, shown } = at;
  const image = pictureOf(values.data, w, shown * h, largest); // one below the other
  pen.imageSmoothingEnabled = cell < 1;
  for (let map = 0; map < shown; map++) {
    const [x, y] = cornerOf(at, map * h * w);
    pen.drawImage(image, 0, map * h, w, h, x, y, w * cell, h * cell);
  }
  return largest;
}

// A frame of the accent's colour, cased in paper so that it is seen on any other.
function frame({ pen, accent, paper }, box, line) {
  const strokes = [
    [paper, line + 2],
    [accent, line],
  ];
  for (const [colour, width] of strokes) {
    [pen.strokeStyle, pen.lineWidth] = [colour, width];
    pen.strokeRect(...box);
  }
}

// What the selected number of the next layer sees here, in each map that it sees.
function markWindow(tools, at, { maps, corner: [row, column], k }) {
  const { pen } = tools;
  const side = k * at.cell;
  for (let map = maps[0]; map < Math.min(maps[1], at.shown); map++) {
    const [x, y] = cornerOf(at, map * at.h * at.w);
    pen.save();
    pen.beginPath();
    pen.rect(x - 1, y - 1, at.w * at.cell + 2, at.h * at.cell + 2);
    pen.clip(); // a window may hang over the edge
    frame(tools, [x + column * at.cell, y + row * at.cell, side, side], 1.5);
    pen.restore();
  }
}

// One number, and the map that it is in.
function markPlace(tools, at, place, line) {
  const [x, y] = cornerOf(at, place);
  if (at.maps) {
    const map = Math.floor(place / (at.h * at.w));
    if (map >= at.shown) return;
    const [left, top] = cornerOf(at, map * at.h * at.w);
    const [width, height] = [at.w * at.cell - line, at.h * at.cell - line];
    [tools.pen.strokeStyle, tools.pen.lineWidth] = [tools.accent, line];
    tools.pen.strokeRect(left + line / 2, top + line / 2, width, height);
  }
  const side = Math.max(at.cell, 6);
  const edge = (at.cell - side) / 2;
  frame(tools, [x + edge, y + edge, side, side], line);
}

// What lies over the tiles: what the next layer sees, the place under the pointer, and
// the selected one; each may be null.
export function mark(canvas, at, { hovered, selected, window }, style) {
  const tools = {
    pen: sized(canvas, at.width, at.height),
    accent: style.getPropertyValue("--accent"),
    paper: style.getPropertyValue("--paper"),
  };
  if (window && at.maps) markWindow(tools, at, window);
  if (hovered !== null) markPlace(tools, at, hovered, 1);
  if (selected !== null) markPlace(tools, at, selected, 2);
}
