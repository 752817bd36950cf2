// A curve with a point on it, and a curve of loss: small drawings of lines.

import { svg } from "./dom.js";

const [WIDTH, HEIGHT] = [260, 150];

function path(points) {
  return points
    .map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

// y = f(x) around the point x, which is marked.
export function curveWithPoint(f, x, label) {
  const reach = Math.max(2, Math.abs(x) * 1.3);
  const tall = Math.max(1, Math.abs(f(reach)), Math.abs(f(-reach)));
  const at = (u, v) => [
    ((u / reach + 1) * WIDTH) / 2,
    HEIGHT * (0.5 - (0.45 * v) / tall),
  ];
  const points = Array.from({ length: 121 }, (_, i) => {
    const u = (i / 60 - 1) * reach;
    return at(u, f(u));
  });
  const [px, py] = at(x, f(x));
  const [ox, oy] = at(0, 0);
  return svg(
    "svg",
    {
      class: "curve",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": label,
    },
    svg("path", { class: "axes", d: `M0 ${oy}H${WIDTH}M${ox} 0V${HEIGHT}` }),
    svg("path", { class: "line", d: path(points) }),
    svg("path", { class: "drop", d: `M${px} ${oy}L${px} ${py}L${ox} ${py}` }),
    svg("circle", { class: "point", cx: px, cy: py, r: 5 }),
  );
}

// Numbers over steps, from 0 to the largest.
export function curveOf(values, label) {
  const largest = Math.max(...values, 1e-9);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, i) => [
    i * step,
    HEIGHT - 6 - ((HEIGHT - 12) * value) / largest,
  ]);
  return svg(
    "svg",
    {
      class: "curve",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": label,
    },
    svg("path", { class: "axes", d: `M0 ${HEIGHT - 6}H${WIDTH}` }),
    svg("path", { class: "line", d: path(points) }),
  );
}
