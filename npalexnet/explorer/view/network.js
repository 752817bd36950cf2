// The network from the picture to the answers: a row for each layer.

import { pictureOf } from "./colours.js";
import { h, percent, show, sized } from "./dom.js";
import { windowBefore } from "./receptive.js";
import { cornerOf, draw, layOut, mark, placeAt } from "./tiles.js";
import { kindOf, placeWords, shapeWords, weightWords } from "./words.js";

class Row {
  constructor(session, name) {
    [this.session, this.name] = [session, name];
    this.all = false;
    this.hovered = null;
    const shape = session.shapes[name];
    const layer = session.layers.find((entry) => entry.name === name);
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.over = h("canvas", {
      class: "over",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "maps",
      "aria-label": `${name}: ${shapeWords(shape)}`,
      onpointermove: (event) => this.hover(this.under(event)),
      onpointerleave: () => this.hover(null),
      onclick: (event) => this.choose(this.under(event)),
      onkeydown: (event) => this.key(event),
      onfocus: () => this.focused(),
      onblur: () => this.say(""),
    });
    this.scale = h("canvas", { class: "scale", "aria-hidden": "true" });
    this.ends = h("span", { class: "ends" });
    this.change = h("span", { class: "change" });
    this.readout = h("output", { class: "readout" });
    const isMaps = shape.length === 3;
    this.more = h(
      "button",
      { class: "quiet more", "aria-expanded": "false", onclick: () => this.toggle() },
      isMaps ? `all ${shape[0]}` : "larger",
    );
    this.box = h("div", { class: "maps" }, this.canvas, this.over);
    const costs = session.about.costs[name];
    this.element = h(
      "section",
      { class: layer && costs[0] ? "row learns" : "row", "data-layer": name },
      h(
        "header",
        {},
        h("h3", {}, name),
        h("p", {}, layer ? kindOf(layer) : "what the network is given"),
        h("p", {}, shapeWords(shape)),
        costs && costs[0] ? h("p", {}, weightWords(costs[0])) : null,
      ),
      h(
        "div",
        { class: "body" },
        this.box,
        h("footer", {}, this.scale, this.ends, this.change, this.readout, this.more),
      ),
    );
  }

  get width() {
    return Math.max(200, this.box.clientWidth);
  }

  draw() {
    const values = this.session.values(this.name);
    this.element.classList.toggle("silent", !values);
    if (!values) return;
    this.at = layOut(values.shape, this.width, this.all);
    const least = layOut(values.shape, this.width, false);
    this.more.hidden =
      values.shape.length === 3 ? least.shown === values.shape[0] : false;
    this.largest = draw(this.canvas, this.at, values);
    this.drawScale(values);
    const share = this.session.changed(this.name);
    this.change.textContent = share === null ? "" : `changed by ${percent(share)}`;
    this.mark();
  }

  drawScale(values) {
    const pen = sized(this.scale, 72, 8);
    const below = values.data.some((value) => value < 0);
    const line = Float32Array.from({ length: 72 }, (_, x) =>
      below ? x / 35.5 - 1 : x / 71,
    );
    pen.drawImage(pictureOf(line, 72, 1, 1), 0, 0, 72, 8);
    const end = show(this.largest);
    this.ends.textContent = below ? `−${end} … ${end}` : `0 … ${end}`;
  }

  mark() {
    if (!this.at) return;
    const { layer, map, at, way } = this.session.state.now;
    const place = this.session.selected;
    const chosen = layer === this.name ? place : null;
    const seen =
      place === null || way === "back"
        ? null
        : windowBefore(
            this.session,
            layer,
            map,
            at || this.session.unplace(layer, place).at,
          );
    const window = seen && seen.name === this.name ? seen : null;
    const marks = { hovered: this.hovered, selected: chosen, window };
    mark(this.over, this.at, marks, getComputedStyle(document.documentElement));
  }

  under(event) {
    const box = this.over.getBoundingClientRect();
    return (
      this.at && placeAt(this.at, event.clientX - box.left, event.clientY - box.top)
    );
  }

  hover(place) {
    if (place === this.hovered) return;
    this.hovered = place;
    this.mark();
    this.say(place === null ? "" : this.words(place));
  }

  words(place) {
    const { map, at } = this.session.unplace(this.name, place);
    const value = this.session.values(this.name).data[place];
    return `${placeWords(this.session, this.name, map, at)}: ${show(value)}`;
  }

  say(text) {
    this.readout.textContent = text;
  }

  choose(place) {
    if (place !== null && place !== undefined) this.session.select(this.name, place);
  }

  toggle(all = !this.all) {
    this.all = all;
    this.more.setAttribute("aria-expanded", String(all));
    const shape = this.session.shapes[this.name];
    if (shape.length === 3)
      this.more.textContent = all ? "one line" : `all ${shape[0]}`;
    else this.more.textContent = all ? "smaller" : "larger";
    this.draw();
  }

  // A keyboard begins where the selection is, or at the first number.
  focused() {
    if (!this.at) return;
    if (this.session.state.now.layer !== this.name)
      this.choose(this.session.place(this.name, 0, null));
    else this.announce();
  }

  announce() {
    const place = this.session.selected;
    if (place !== null && this.session.values(this.name)) this.say(this.words(place));
  }

  key(event) {
    const move = this.moves()[event.key];
    if (!move || !this.at) return;
    event.preventDefault();
    const place = this.session.selected ?? 0;
    const values = this.session.values(this.name);
    const next = move(place);
    if (next < 0 || next >= values.data.length) return;
    const map = this.session.unplace(this.name, next).map;
    if (this.at.maps && map >= this.at.shown) this.toggle(true);
    this.choose(next);
    this.announce();
  }

  // Arrows go from number to number inside of a map, Page Up and Down from map to map.
  moves() {
    const { maps, w = 1, h = 1, columns } = this.at || {};
    const each = maps ? w * h : 1;
    const row = maps ? w : columns;
    const inside = (from, to) =>
      !maps || Math.floor(from / each) === Math.floor(to / each) ? to : from;
    return {
      ArrowRight: (place) => inside(place, place + 1),
      ArrowLeft: (place) => inside(place, place - 1),
      ArrowDown: (place) => inside(place, place + row),
      ArrowUp: (place) => inside(place, place - row),
      PageDown: (place) => place + each,
      PageUp: (place) => place - each,
      Home: (place) => place % each,
      End: (place) =>
        this.session.values(this.name).data.length - each + (place % each),
    };
  }

  // Make sure that the selected map is to be seen.
  reveal() {
    const place = this.session.selected;
    if (place === null || !this.at) return;
    const { map } = this.session.unplace(this.name, place);
    if (this.at.maps && map >= this.at.shown) {
      this.toggle(true);
      this.opened = true;
    }
    const [, y] = cornerOf(this.at, place);
    const box = this.over.getBoundingClientRect();
    const top = box.top + y;
    if (top < 90 || top > innerHeight - 80) {
      const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      const goal = innerWidth < 1180 ? 170 : innerHeight / 2; // a panel may lie below
      scrollBy({ top: top - goal, behavior: smooth ? "smooth" : "auto" });
    }
  }
}

export class NetworkView {
  constructor(session) {
    this.session = session;
    this.rows = session.names.map((name) => new Row(session, name));
    this.element = h(
      "div",
      { class: "network" },
      ...this.rows.map((row) => row.element),
    );
    session.onResult(() => this.draw());
    session.state.on((now, before) => {
      if (now.way !== before.way)
        this.draw(); // gradients come with the next result
      else this.rows.forEach((row) => row.mark());
    });
    this.width = 0;
    new ResizeObserver(() => {
      if (this.element.clientWidth === this.width) return;
      this.width = this.element.clientWidth;
      this.draw();
    }).observe(this.element);
    document.addEventListener("themechange", () => this.draw());
  }

  draw() {
    this.rows.forEach((row) => row.draw());
  }

  // Rows that were opened for a stop of the tour are closed at the next one.
  close() {
    for (const row of this.rows) {
      if (row.opened) row.toggle(false);
      row.opened = false;
    }
  }

  reveal(name) {
    const row = this.rows.find((found) => found.name === name);
    if (row) row.reveal();
  }
}
