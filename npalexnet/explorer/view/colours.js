// One scale for everything: blue below zero, orange above, paper at zero. Blue and orange
// are told apart by all common kinds of colour blindness, and either way the lightness
// alone says how far from zero.

const LIGHT = {
  below: [
    [246, 244, 240],
    [170, 202, 232],
    [64, 124, 186],
    [16, 52, 104],
  ],
  above: [
    [246, 244, 240],
    [250, 200, 140],
    [220, 112, 28],
    [104, 44, 6],
  ],
};
const DARK = {
  below: [
    [34, 35, 39],
    [30, 72, 120],
    [72, 144, 212],
    [206, 230, 255],
  ],
  above: [
    [34, 35, 39],
    [124, 58, 14],
    [232, 136, 56],
    [255, 232, 204],
  ],
};

// Most numbers are small beside the largest one: a root of less than 1 shows them, too.
const POWER = 0.6;
const STEPS = 255;

function table({ below, above }) {
  const colours = new Uint8ClampedArray((2 * STEPS + 1) * 3);
  for (let step = -STEPS; step <= STEPS; step++) {
    const anchors = step < 0 ? below : above;
    const at = (Math.abs(step) / STEPS) * (anchors.length - 1);
    const [i, share] = [Math.min(Math.floor(at), anchors.length - 2), at % 1];
    const part = at === anchors.length - 1 ? 1 : share;
    for (let n = 0; n < 3; n++) {
      colours[(step + STEPS) * 3 + n] =
        anchors[i][n] * (1 - part) + anchors[i + 1][n] * part;
    }
  }
  return colours;
}

const TABLES = { light: table(LIGHT), dark: table(DARK) };

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

export function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen || (prefersDark.matches ? "dark" : "light");
}

function stepOf(value, largest) {
  const share = largest > 0 ? Math.min(1, Math.abs(value) / largest) : 0;
  return STEPS + Math.sign(value) * Math.round(STEPS * share ** POWER);
}

export function colour(value, largest) {
  const at = stepOf(value || 0, largest) * 3;
  return `rgb(${TABLES[theme()].slice(at, at + 3).join(" ")})`;
}

// Black or white, whichever can be read on that colour.
export function inkOn(value, largest) {
  const at = stepOf(value || 0, largest) * 3;
  const [r, g, b] = TABLES[theme()].slice(at, at + 3);
  return 0.3 * r + 0.59 * g + 0.11 * b > 140 ? "#1d1d1f" : "#ffffff";
}

// The same colours as a canvas holds them: one whole number for red, green, blue, opaque.
const PIXELS = Object.fromEntries(
  Object.entries(TABLES).map(([name, colours]) => {
    const bytes = new Uint8Array((2 * STEPS + 1) * 4).fill(255);
    for (let i = 0; i <= 2 * STEPS; i++)
      bytes.set(colours.slice(3 * i, 3 * i + 3), 4 * i);
    return [name, new Uint32Array(bytes.buffer)];
  }),
);

// A picture of so many numbers, one pixel each, of width × height: a canvas.
export function pictureOf(data, width, height, largest) {
  const pixels = PIXELS[theme()];
  const image = new ImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  const count = Math.min(width * height, data.length);
  for (let i = 0; i < count; i++) out[i] = pixels[stepOf(data[i], largest)];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

export function largestOf(data) {
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]));
  return largest;
}
