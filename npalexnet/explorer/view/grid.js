// A small square of numbers, each written on its colour.

import { colour, inkOn, largestOf } from "./colours.js";
import { h, show } from "./dom.js";

// values: K·K numbers, null where a window hangs over the edge. `marked`: a place in it.
export function grid(
  values,
  k,
  { label, largest = null, marked = null, size = 96 } = {},
) {
  const end = largest ?? largestOf(values.map((value) => value || 0));
  const written = size / k >= 40; // else the numbers are for screen readers alone
  const cells = values.map((value, i) => {
    const cell = h("td", {
      class: marked === i ? "marked" : "",
      title: value === null ? "outside: 0" : show(value),
      style: { background: colour(value, end), color: inkOn(value, end) },
    });
    if (value === null) cell.classList.add("outside");
    cell.textContent = value === null ? "0" : show(value, 2);
    return cell;
  });
  const rows = Array.from({ length: k }, (_, i) =>
    h("tr", {}, cells.slice(i * k, i * k + k)),
  );
  return h(
    "table",
    {
      class: written ? "grid written" : "grid",
      "aria-label": label,
      style: { width: `${size}px`, height: `${size}px` },
    },
    h("tbody", {}, rows),
  );
}

// Bars to the left and right of a middle line, widest for the largest.
export function bars(parts, { labelOf, detailOf, textOf = null, onpick = null }) {
  const largest = largestOf(parts.map(({ value }) => value));
  const onesided = parts.every(({ value }) => value >= 0);
  return h(
    "ul",
    { class: onesided ? "bars onesided" : "bars" },
    parts.map((part) => {
      const share = largest ? Math.abs(part.value) / largest : 0;
      const bar = h("span", {
        class: part.value < 0 ? "bar below" : "bar above",
        style: {
          width: `${(onesided ? 100 : 50) * share}%`,
          background: colour(part.value, largest),
        },
      });
      const label = onpick
        ? h("button", { class: "link", onclick: () => onpick(part) }, labelOf(part))
        : h("span", {}, labelOf(part));
      const value = h(
        "span",
        { class: "value" },
        textOf ? textOf(part) : show(part.value),
      );
      return h(
        "li",
        {},
        label,
        h("span", { class: "axis" }, bar),
        value,
        detailOf ? h("span", { class: "detail" }, detailOf(part)) : null,
      );
    }),
  );
}

export function equation(...lines) {
  return h(
    "div",
    { class: "equation" },
    lines.map((line) => h("p", {}, line)),
  );
}
