// Elements, and numbers as a person writes them. Text becomes text, never HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (name in element && typeof value === "boolean") element[name] = value;
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== false),
  );
  return element;
}

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Three digits, a real minus, and powers of ten as such: −0.0712, 1.3·10⁻⁶.
export function show(value, digits = 3) {
  if (!Number.isFinite(value)) return String(value).replace("-", "−");
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) {
    return String(Number(value.toPrecision(digits))).replace("-", "−");
  }
  const power = Math.floor(Math.log10(size));
  const small = Array.from(String(Math.abs(power)), (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("");
  const factor = (value / 10 ** power).toPrecision(digits - 1).replace("-", "−");
  return `${factor}·10${power < 0 ? "⁻" : ""}${small}`;
}

export const whole = (value) => value.toLocaleString("en");

export function percent(p) {
  const said = 100 * p;
  if (said < 0.1) return "< 0.1 %";
  return `${said < 10 ? said.toFixed(1) : Math.round(said)} %`;
}

// "1 window", "3 windows"
export const plural = (count, word) =>
  `${whole(count)} ${word}${count === 1 ? "" : "s"}`;

// A canvas of so many CSS pixels, sharp on any screen; drawn to in CSS pixels.
export function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [width, height].map((side) => Math.round(side * ratio));
  const pen = canvas.getContext("2d");
  if (canvas.width !== wide || canvas.height !== high) {
    [canvas.width, canvas.height] = [wide, high];
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = false;
  return pen;
}
