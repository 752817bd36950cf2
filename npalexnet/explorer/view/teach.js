// Teach it: classes of the reader's own, a few pictures of each. The last layer learns
// them in the page.

import { bars, equation } from "./grid.js";
import { curveOf } from "./curve.js";
import { h, percent, plural, show, sized } from "./dom.js";
import { DrawPad } from "./drawpad.js";
import { asGiven, readOwn } from "./own_picture.js";
import { drawGiven } from "./given.js";

const [LEAST, MOST] = [2, 10];
const PASSES = 80;
const SIDE = 36;

export class TeachPanel {
  constructor(session) {
    this.session = session;
    this.classes = []; // {name, examples: [given], element, thumbs}
    this.taught = null; // names of the classes that the last layer has learned
    this.list = h("div", { class: "lessons" });
    this.more = h(
      "button",
      { class: "quiet", onclick: () => this.add() },
      "add a class",
    );
    this.learnButton = h(
      "button",
      { class: "primary", onclick: () => this.learn() },
      "Learn",
    );
    this.saveButton = h(
      "button",
      { class: "tool", hidden: true, onclick: () => this.save() },
      "Save the network…",
    );
    this.message = h("p", { class: "message", role: "alert" });
    this.report = h("div", { class: "report", "aria-live": "polite" });
    this.answer = h("div", { class: "taught" });
    this.element = h(
      "div",
      { class: "teaching" },
      h("p", { class: "lead" }, "Teach it something new."),
      h(
        "p",
        {},
        "Give each class a name and a few pictures. All layers but the last stay as they are; the last one learns to tell your classes apart.",
      ),
      this.list,
      this.more,
      h("div", { class: "tools" }, this.learnButton, this.saveButton),
      this.message,
      this.report,
      this.answer,
    );
    for (let i = 0; i < LEAST; i++) this.add();
    session.onResult(() => this.tell());
  }

  add() {
    const number = this.classes.length + 1;
    const lesson = { examples: [], thumbs: h("div", { class: "thumbs" }) };
    lesson.name = h("input", {
      type: "text",
      value: `class ${number}`,
      "aria-label": `Name of class ${number}`,
      maxlength: "80",
    });
    const file = h("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      hidden: true,
      "aria-label": `Pictures of class ${number}`,
      onchange: () => this.open(lesson, [...file.files]),
    });
    const pad = h("div", {});
    const draw = () => {
      const take = (canvas) =>
        this.take(lesson, asGiven(canvas, this.session.about.network));
      pad.replaceChildren(pad.firstChild ? "" : new DrawPad(take).element);
    };
    const { isPixels } = this.session;
    lesson.element = h(
      "section",
      {
        class: "lesson",
        "aria-label": `Class ${number}`,
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => this.drop(lesson, event),
      },
      lesson.name,
      h(
        "div",
        { class: "tools" },
        h(
          "button",
          {
            class: "quiet",
            onclick: () => this.take(lesson, this.session.given.slice()),
          },
          "+ the picture shown",
        ),
        isPixels &&
          h("button", { class: "quiet", onclick: () => file.click() }, "+ files…"),
        isPixels && h("button", { class: "quiet", onclick: draw }, "+ a drawing"),
        file,
      ),
      pad,
      lesson.thumbs,
    );
    this.classes.push(lesson);
    this.list.append(lesson.element);
    this.more.hidden = this.classes.length >= MOST;
  }

  take(lesson, given) {
    lesson.examples.push(given);
    const canvas = h("canvas", { "aria-hidden": "true" });
    const { shapes, isPixels } = this.session;
    sized(canvas, SIDE, SIDE).drawImage(
      drawGiven(given, shapes.input, isPixels),
      0,
      0,
      SIDE,
      SIDE,
    );
    const thumb = h(
      "button",
      { class: "thumb", title: "remove", "aria-label": "Remove this picture" },
      canvas,
    );
    thumb.addEventListener("click", () => {
      lesson.examples.splice(lesson.examples.indexOf(given), 1);
      thumb.remove();
    });
    lesson.thumbs.append(thumb);
  }

  async open(lesson, files) {
    this.message.textContent = "";
    for (const file of files) {
      try {
        this.take(lesson, await readOwn(file, this.session.about.network));
      } catch (error) {
        this.message.textContent = error.message;
      }
    }
  }

  drop(lesson, event) {
    event.preventDefault();
    event.stopPropagation();
    this.open(lesson, [...event.dataTransfer.files]);
  }

  async learn() {
    const used = this.classes.filter(({ examples }) => examples.length > 0);
    if (used.length < LEAST) {
      this.message.textContent = "At least two classes need a picture each.";
      return;
    }
    this.message.textContent = "";
    const examples = used.flatMap((lesson, label) =>
      lesson.examples.map((given) => ({ given, label })),
    );
    this.learnButton.disabled = true;
    const curve = await this.session.client.ask(
      "teach",
      "learn",
      examples,
      used.length,
      PASSES,
      1,
    );
    this.learnButton.disabled = false;
    this.saveButton.hidden = false;
    this.taught = used.map(({ name }) => name.value || "?");
    const end = curve[curve.length - 1];
    const right = Math.round(end.right * examples.length);
    this.report.replaceChildren(
      h("h4", {}, `Loss over ${PASSES} passes`),
      curveOf(
        curve.map(({ loss }) => loss),
        `loss from ${show(curve[0].loss)} to ${show(end.loss)}`,
      ),
      equation(
        `loss ${show(curve[0].loss)} → ${show(end.loss)},  ${right} of ${plural(examples.length, "picture")} right`,
      ),
    );
    await this.tell();
  }

  // What the taught layer says of the picture that is shown.
  async tell() {
    if (!this.taught) return;
    const answer = await this.session.client.askNewest(
      "teach",
      "answer",
      this.session.given,
    );
    if (!answer) return;
    const parts = answer.map((value, i) => ({ value, name: this.taught[i] }));
    this.answer.replaceChildren(
      h("h4", {}, "What it says now of the picture shown"),
      bars(parts, {
        labelOf: ({ name }) => name,
        textOf: ({ value }) => percent(value),
      }),
    );
  }

  async save() {
    const bytes = await this.session.client.ask("teach", "file", this.taught);
    const url = URL.createObjectURL(
      new Blob([bytes], { type: "application/octet-stream" }),
    );
    h("a", { href: url, download: "taught.npz" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.message.textContent = 'In Python: npalexnet.load("taught.npz")';
  }
}
