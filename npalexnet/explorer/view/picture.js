// The picture itself: shown large, erased with the pointer or the keyboard, replaced by
// one that is dropped; and where in it the selected number looks.

import { h, sized } from "./dom.js";
import { drawGiven } from "./given.js";
import { readOwn } from "./own_picture.js";
import { receptiveField } from "./receptive.js";

const SIDE = 232;

export class PictureView {
  constructor(session) {
    this.session = session;
    this.erasing = false;
    this.cursor = null;
    this.canvas = h("canvas", {
      class: "picture",
      tabindex: "0",
      role: "img",
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.move(event),
      onpointerup: () => (this.pressed = false),
      onkeydown: (event) => this.key(event),
    });
    this.eraser = h(
      "button",
      {
        class: "tool",
        "aria-pressed": "false",
        onclick: () => this.setErasing(!this.erasing),
      },
      "Eraser",
    );
    this.back = h("button", { class: "tool", onclick: () => this.reset() }, "Restore");
    this.file = h("input", {
      type: "file",
      accept: "image/*",
      hidden: true,
      "aria-label": "A picture of your own",
      onchange: () => this.open(this.file.files[0]),
    });
    this.openButton = h(
      "button",
      { class: "tool", onclick: () => this.file.click() },
      "Open…",
    );
    this.message = h("p", { class: "message", role: "alert" });
    this.caption = h("p", { class: "caption" });
    this.isMap = session.shapes.input.length === 3; // a row of numbers has no places
    const tools = [
      this.isMap && this.eraser,
      this.back,
      session.isPixels && this.openButton,
    ];
    this.element = h(
      "section",
      { class: "looking", "aria-label": "The picture" },
      this.canvas,
      this.caption,
      h("div", { class: "tools" }, ...tools, this.file),
      this.message,
    );
    session.onResult(() => this.draw());
    session.state.on((now, before) => {
      if (now.picture !== before.picture) this.say("");
      this.draw();
    });
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => this.drop(event));
    document.addEventListener("themechange", () => this.draw());
  }

  draw() {
    const { session } = this;
    const shape = session.shapes.input;
    const [height, width] = shape.length === 3 ? shape.slice(1) : [1, shape[0]];
    const wide = SIDE;
    const high = Math.max(24, Math.round((SIDE * height) / width));
    const pen = sized(this.canvas, wide, high);
    pen.drawImage(drawGiven(session.given, shape, session.isPixels), 0, 0, wide, high);
    this.cell = wide / width;
    this.drawField(pen);
    if (this.cursor) this.drawCursor(pen);
    const name = session.picture.name.split("/").pop();
    this.caption.textContent = session.erased ? `${name}, changed` : name;
    this.canvas.setAttribute("aria-label", `${name}; arrow keys move it by a pixel`);
    this.back.hidden = !session.erased;
  }

  drawField(pen) {
    const { layer, map, at } = this.session.state.now;
    const place = this.session.selected;
    if (place === null || map === null) return;
    const field = receptiveField(
      this.session,
      layer,
      at || this.session.unplace(layer, place).at,
    );
    if (!field) return;
    const style = getComputedStyle(document.documentElement);
    const box = [field.column, field.row, field.width, field.height].map(
      (n) => n * this.cell,
    );
    for (const [name, line] of [
      ["--paper", 4],
      ["--accent", 2],
    ]) {
      pen.strokeStyle = style.getPropertyValue(name);
      pen.lineWidth = line;
      pen.strokeRect(...box);
    }
  }

  drawCursor(pen) {
    const [row, column] = this.cursor;
    pen.strokeStyle = "#000";
    pen.lineWidth = 1;
    pen.beginPath();
    pen.arc(
      (column + 0.5) * this.cell,
      (row + 0.5) * this.cell,
      this.radius * this.cell,
      0,
      7,
    );
    pen.stroke();
  }

  get radius() {
    return Math.max(2, Math.round(this.session.shapes.input[2] / 14));
  }

  setErasing(on) {
    this.erasing = on;
    this.eraser.setAttribute("aria-pressed", String(on));
    this.canvas.classList.toggle("erasing", on);
    const [, height, width] = this.session.shapes.input;
    this.cursor = on ? [height >> 1, width >> 1] : null;
    this.say(
      on ? "Draw over the picture; by keyboard, arrows move and Space erases." : "",
    );
    this.draw();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return [Math.floor(y / this.cell), Math.floor(x / this.cell)];
  }

  press(event) {
    if (!this.isMap) return;
    this.pressed = true;
    this.from = this.at(event);
    this.canvas.setPointerCapture(event.pointerId);
    if (this.erasing) this.erase(this.from);
  }

  move(event) {
    const here = this.at(event);
    if (this.erasing) {
      if (this.pressed) this.wipe(here);
      this.cursor = here;
      this.draw();
    } else if (this.pressed) {
      const [rows, columns] = here.map((n, i) => n - this.from[i]);
      if (rows || columns) this.shift(rows, columns);
      this.from = here;
    }
  }

  // A pointer that moves fast is seen only here and there: erase in between, too.
  wipe(to) {
    const [rows, columns] = to.map((n, i) => n - this.from[i]);
    const steps = Math.max(1, Math.ceil(Math.hypot(rows, columns) / this.radius));
    for (let i = 1; i <= steps; i++) {
      const share = i / steps;
      this.erase(
        [rows, columns].map((n, axis) => Math.round(this.from[axis] + n * share)),
      );
    }
    this.from = to;
  }

  // Move the whole picture; what comes in at the edge repeats it.
  shift(rows, columns) {
    const { session } = this;
    const [channels, height, width] = session.shapes.input;
    const old = session.given.slice();
    const inside = (n, end) => Math.max(0, Math.min(end - 1, n));
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const [row, column] = [inside(i - rows, height), inside(j - columns, width)];
        for (let n = 0; n < channels; n++) {
          const place = (a, b) =>
            session.isPixels
              ? (a * width + b) * channels + n
              : (n * height + a) * width + b;
          session.given[place(i, j)] = old[place(row, column)];
        }
      }
    }
    session.touched();
    this.draw();
  }

  // White where there were pixels, 0 where there were numbers.
  erase([row, column]) {
    const { session } = this;
    const [channels, height, width] = session.shapes.input;
    const r = this.radius;
    for (let i = Math.max(0, row - r); i <= Math.min(height - 1, row + r); i++) {
      for (let j = Math.max(0, column - r); j <= Math.min(width - 1, column + r); j++) {
        if ((i - row) ** 2 + (j - column) ** 2 > r * r) continue;
        for (let n = 0; n < channels; n++) {
          if (session.isPixels) session.given[(i * width + j) * channels + n] = 255;
          else session.given[(n * height + i) * width + j] = 0;
        }
      }
    }
    session.touched();
    this.draw();
  }

  // Arrows move the picture, or the eraser, which wipes with Space.
  key(event) {
    const steps = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    const wipes = this.erasing && (event.key === " " || event.key === "Enter");
    if (!this.isMap || (!step && !wipes)) return;
    event.preventDefault();
    if (wipes) this.erase(this.cursor);
    else if (!this.erasing) this.shift(...step);
    else {
      const ends = this.session.shapes.input.slice(1);
      this.cursor = this.cursor.map((n, i) =>
        Math.max(0, Math.min(ends[i] - 1, n + 2 * step[i])),
      );
      this.draw();
    }
  }

  reset() {
    this.session.restore();
    this.session.run();
    this.draw();
  }

  drop(event) {
    event.preventDefault();
    const file = event.dataTransfer && event.dataTransfer.files[0];
    if (file) this.open(file);
  }

  async open(file) {
    if (!file || !this.session.isPixels) return;
    try {
      this.say("");
      this.session.showOwn(file.name, await readOwn(file, this.session.about.network));
    } catch (error) {
      this.say(error.message);
    }
    this.file.value = "";
  }

  say(text) {
    this.message.textContent = text;
  }
}
