// The column on the right: tabs, one panel at a time.

import { h } from "./dom.js";

export class Tabs {
  // unfold(true) is called when a tab is opened, unfold(false) to fold or unfold: where
  // the page is narrow, the panels lie over it. panels: {title: element}
  constructor(unfold, panels) {
    this.titles = Object.keys(panels);
    this.tabs = this.titles.map((title, i) =>
      h(
        "button",
        {
          role: "tab",
          id: `tab-${i}`,
          "aria-controls": `panel-${i}`,
          onclick: () => {
            this.show(title);
            unfold(true);
          },
          onkeydown: (event) => this.key(event, i),
        },
        title,
      ),
    );
    this.panels = this.titles.map((title, i) =>
      h(
        "div",
        { role: "tabpanel", id: `panel-${i}`, "aria-labelledby": `tab-${i}` },
        panels[title],
      ),
    );
    this.element = h(
      "div",
      { class: "panel" },
      h(
        "div",
        { class: "tabs" },
        h("div", { role: "tablist" }, this.tabs),
        h("button", {
          class: "fold",
          "aria-label": "fold or unfold",
          onclick: () => unfold(false),
        }),
      ),
      this.panels,
    );
    this.show(this.titles[0]);
  }

  show(title) {
    this.titles.forEach((other, i) => {
      const on = other === title;
      this.tabs[i].setAttribute("aria-selected", String(on));
      this.tabs[i].tabIndex = on ? 0 : -1;
      this.panels[i].hidden = !on;
    });
    this.shown = title;
  }

  key(event, i) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (i + step + this.titles.length) % this.titles.length;
    this.show(this.titles[next]);
    this.tabs[next].focus();
  }
}
