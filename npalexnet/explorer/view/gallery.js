// The pictures that came with the page: pick one; or only those that are mistaken.

import { h, sized } from "./dom.js";
import { drawGiven } from "./given.js";
import { ranked } from "./answers.js";

const SIDE = 40;
const AT_A_TIME = 1; // so that whoever draws on the picture need not wait

export class Gallery {
  constructor(session) {
    this.session = session;
    this.only = h("input", { type: "checkbox", onchange: () => this.filter() });
    this.count = h("span", { class: "count" });
    this.buttons = session.pictures.map((picture) => this.button(picture));
    this.list = h("div", { class: "thumbs" }, ...this.buttons);
    this.element = h(
      "section",
      { class: "gallery", "aria-label": "Pictures" },
      h("h2", {}, "Pictures", this.count),
      h("label", { class: "check" }, this.only, "only mistakes"),
      this.list,
    );
    session.state.on(() => this.mark());
    this.mark();
  }

  button({ index, name, label }) {
    const { session } = this;
    const canvas = h("canvas", { "aria-hidden": "true", width: SIDE, height: SIDE });
    const what = label === null ? name : `${name}, ${session.classes[label]}`;
    return h(
      "button",
      {
        class: "thumb",
        title: what,
        "aria-label": what,
        onclick: () => session.state.set({ picture: index, label: null }),
      },
      canvas,
    );
  }

  draw() {
    const { shapes, isPixels, pictures } = this.session;
    this.buttons.forEach((button, i) => {
      const pen = sized(button.firstChild, SIDE, SIDE);
      pen.drawImage(
        drawGiven(pictures[i].given, shapes.input, isPixels),
        0,
        0,
        SIDE,
        SIDE,
      );
    });
  }

  mark() {
    this.buttons.forEach((button, i) => {
      const on = i === this.session.state.now.picture;
      button.setAttribute("aria-pressed", String(on));
    });
  }

  // Ask for the answers to all pictures, a few at a time, while nothing else is asked.
  async lookThrough() {
    const { session } = this;
    let [seen, mistakes] = [0, 0];
    for (let i = 0; i < session.pictures.length; i += AT_A_TIME) {
      const some = session.pictures.slice(i, i + AT_A_TIME);
      const answers = await session.client.ask(
        "probabilities",
        some.map(({ given }) => given),
      );
      some.forEach(({ index, label }, n) => {
        const answer = ranked(answers[n])[0].label;
        const wrong = label !== null && answer !== label;
        if (wrong) {
          mistakes++;
          const button = this.buttons[index];
          button.classList.add("wrong");
          const said = `${button.title}; the network says ${session.classes[answer]}`;
          button.title = said;
          button.setAttribute("aria-label", said);
        }
      });
      seen += some.length;
      this.count.textContent = ` ${mistakes} of ${seen} mistaken`;
      this.filter();
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  filter() {
    this.buttons.forEach((button) => {
      button.hidden = this.only.checked && !button.classList.contains("wrong");
    });
  }
}
