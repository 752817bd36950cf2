// White paper to draw on, with the pointer or the keyboard.

import { h } from "./dom.js";

const SIDE = 160;
const STEP = 6;

export class DrawPad {
  // taken(canvas) is called with each drawing that is kept
  constructor(taken) {
    this.at = [SIDE / 2, SIDE / 2];
    this.down = false;
    this.canvas = h("canvas", {
      class: "pad",
      width: SIDE,
      height: SIDE,
      tabindex: "0",
      role: "img",
      "aria-label":
        "Paper: draw with the pointer; by keyboard, Space lowers and lifts the pen, arrows move it",
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) =>
        this.down && !this.byKey && this.line(this.under(event)),
      onpointerup: () => (this.down = false),
      onkeydown: (event) => this.key(event),
    });
    this.pen = this.canvas.getContext("2d");
    this.clear();
    this.element = h(
      "div",
      { class: "drawing" },
      this.canvas,
      h(
        "div",
        { class: "tools" },
        h(
          "button",
          { class: "tool", onclick: () => (taken(this.canvas), this.clear()) },
          "Keep",
        ),
        h("button", { class: "tool", onclick: () => this.clear() }, "Clear"),
      ),
    );
  }

  clear() {
    this.pen.fillStyle = "#ffffff";
    this.pen.fillRect(0, 0, SIDE, SIDE);
  }

  under(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    [this.down, this.byKey] = [true, false];
    this.at = this.under(event);
    this.line(this.at);
  }

  line(to) {
    Object.assign(this.pen, { lineWidth: 9, lineCap: "round", strokeStyle: "#1f1e1c" });
    this.pen.beginPath();
    this.pen.moveTo(...this.at);
    this.pen.lineTo(...to);
    this.pen.stroke();
    this.at = to;
  }

  key(event) {
    const steps = {
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
    };
    const step = steps[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (!step) [this.down, this.byKey] = [!this.down, true];
    const to = this.at.map((n, i) =>
      Math.max(0, Math.min(SIDE, n + STEP * (step ? step[i] : 0))),
    );
    if (this.down) this.line(to);
    else this.at = to;
  }
}
