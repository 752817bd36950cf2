// The page: puts the parts side by side, and answers to a script.

import { AnswersView } from "./answers.js";
import { Client } from "./client.js";
import { theme } from "./colours.js";
import { h, whole } from "./dom.js";
import { Gallery } from "./gallery.js";
import { LearnPanel } from "./learn.js";
import { NetworkView } from "./network.js";
import { Tabs } from "./panel.js";
import { PictureView } from "./picture.js";
import { readPictures } from "./pictures.js";
import { Session } from "./session.js";
import { TeachPanel } from "./teach.js";
import { TourView } from "./tour.js";
import { WherePanel } from "./where.js";

const MOST_WORK = 3e8; // multiply-adds a picture, to look through all of them unasked

const NARROW = 1180; // pixels; below, the panel lies over the page (page.css)

const textOf = (id) => document.getElementById(id).textContent;
const about = JSON.parse(textOf("about"));
const client = new Client(textOf("worker"));
client.ask("open", about, textOf("weights"));
const reading = readPictures(about.pictures, textOf("pictures"));

// What the page answers to a script; a picture is named by its place among those given.
async function askAbout(method, i, ...args) {
  return client.ask(method, (await reading)[i].given, ...args);
}

window.npalexnet = {
  pictures: about.pictures.names.map((name, index) => {
    return { index, label: about.pictures.labels[index], name };
  }),
  activations: (i) => askAbout("activations", i),
  gradients: (i, label) => askAbout("gradients", i, label),
};

function wayButtons(state) {
  const button = (words, way) =>
    h(
      "button",
      { class: "tool", "data-way": way, onclick: () => state.set({ way }) },
      words,
    );
  const buttons = [button("Forward", "forward"), button("Backward", "back")];
  const mark = () =>
    buttons.forEach((b) =>
      b.setAttribute("aria-pressed", String(b.dataset.way === state.now.way)),
    );
  state.on(mark);
  mark();
  return h("div", { class: "ways", role: "group", "aria-label": "Which way" }, buttons);
}

function themeButton() {
  const turn = () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    document.dispatchEvent(new Event("themechange"));
  };
  return h("button", { class: "quiet", onclick: turn }, "light / dark");
}

function explanation(state) {
  const text = h("p", { class: "explanation" });
  const say = () => {
    text.textContent =
      state.now.way === "back"
        ? "∂loss/∂(each number): orange, and the loss grows with it; blue, and it falls."
        : "What each layer makes of the picture: orange above zero, blue below.";
  };
  state.on(say);
  say();
  return text;
}

async function open() {
  const pictures = await reading;
  const session = new Session(about, client, pictures);
  const weights = Object.values(about.costs).reduce((sum, [count]) => sum + count, 0);
  const work = Object.values(about.costs).reduce((sum, [, count]) => sum + count, 0);
  const network = new NetworkView(session);
  const gallery = new Gallery(session);
  const unfold = (opened) => fold(opened ? false : !side.classList.contains("folded"));
  const tabs = new Tabs(unfold, {
    "Where from": new WherePanel(session).element,
    Learn: new LearnPanel(session).element,
    Teach: new TeachPanel(session).element,
  });
  const tour = new TourView(session, (title) => tabs.show(title));
  const startTour = () => {
    fold(false);
    tour.begin();
  };
  const side = h(
    "aside",
    { class: "side", "aria-label": "What it means" },
    tour.element,
    tabs.element,
  );
  const fold = (on) => side.classList.toggle("folded", on);
  fold(innerWidth < NARROW && session.state.now.layer === null);
  session.state.on((now, before) => {
    const moved = ["layer", "map", "at"].some((key) => now[key] !== before[key]);
    if (moved) network.reveal(now.layer);
    if (moved && now.tour === null) tabs.show("Where from");
    if (moved) fold(false);
  });
  const variant = about.network.about.variant;
  const facts = `${variant ? `${variant}, ` : ""}${whole(weights)} weights, ${session.classes.length} classes`;
  document
    .getElementById("app")
    .replaceChildren(
      h(
        "header",
        { class: "top" },
        h("h1", {}, "npalexnet", h("span", {}, " explorer")),
        h("p", { class: "facts" }, facts),
        h("button", { class: "tool", onclick: startTour }, "Tour"),
        wayButtons(session.state),
        themeButton(),
      ),
      h(
        "main",
        {},
        h(
          "div",
          { class: "left" },
          new PictureView(session).element,
          new AnswersView(session).element,
          gallery.element,
        ),
        h("div", { class: "middle" }, explanation(session.state), network.element),
        side,
      ),
      h(
        "footer",
        { class: "bottom" },
        `Every number is computed here, in your browser, from the network’s own weights rounded to ${about.bits} bits; npalexnet gives the same for weights rounded alike. Nothing leaves this page.`,
      ),
    );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new Event("themechange"));
  });
  Object.assign(window.npalexnet, {
    given: () => session.given,
    parts: (way, name) => client.ask("parts", way, name, session.selected),
  });
  await session.run();
  document.body.dataset.ready = "true";
  network.reveal(session.state.now.layer);
  gallery.draw();
  const { layer, tour: stop } = session.state.now;
  if (stop !== null && layer === null) tour.begin();
  if (work < MOST_WORK) gallery.lookThrough();
}

open();
