// What is being looked at, and its address: #picture=7&layer=conv2&map=17&at=3,4.
//
//     picture   its place in the list; null for one of the reader's own
//     layer     name, "input" too; map, at: which number of it (row, column)
//     way       "forward" or "back" (address: way=back)
//     label     the class that counts as true (class=4), or null for the picture's own
//     tour      the stop of the tour, from 1, or null

export function readAddress(text, { layers, pictures, classes }) {
  const said = new URLSearchParams(text.replace(/^#/, ""));
  const number = (key, end) => {
    const value = said.has(key) ? Number(said.get(key)) : NaN;
    return Number.isInteger(value) && value >= 0 && value < end ? value : null;
  };
  const at = (said.get("at") || "").split(",").map(Number);
  const isPlace = at.length === 2 && at.every((n) => Number.isInteger(n) && n >= 0);
  return {
    picture: number("picture", pictures) ?? 0,
    layer: layers.includes(said.get("layer")) ? said.get("layer") : null,
    map: number("map", Infinity),
    at: isPlace ? at : null,
    way: said.get("way") === "back" ? "back" : "forward",
    label: number("class", classes),
    tour: number("tour", Infinity),
  };
}

export function address({ picture, layer, map, at, way, label, tour }) {
  const parts = [];
  if (picture !== null) parts.push(`picture=${picture}`);
  if (layer !== null) parts.push(`layer=${encodeURIComponent(layer)}`);
  if (layer !== null && map !== null) parts.push(`map=${map}`);
  if (layer !== null && at !== null) parts.push(`at=${at.join(",")}`);
  if (way === "back") parts.push("way=back");
  if (label !== null) parts.push(`class=${label}`);
  if (tour !== null) parts.push(`tour=${tour}`);
  return `#${parts.join("&")}`;
}

export class State {
  constructor(start) {
    this.now = start;
    this.listeners = [];
  }

  // listener(now, before) after each change
  on(listener) {
    this.listeners.push(listener);
  }

  set(changes) {
    const before = this.now;
    this.now = { ...before, ...changes };
    const differs = Object.keys(changes).some(
      (key) => String(before[key]) !== String(changes[key]),
    );
    if (differs) this.listeners.forEach((listener) => listener(this.now, before));
  }
}
