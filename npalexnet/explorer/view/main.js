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

function explanation(session) {
  const text = h("p", { class: "explanation" });
  const say = () => {
    const back = session.state.now.way === "back";
    text.textContent = back
      ? "∂loss/∂(each number): orange, and the loss grows with it; blue, and it falls."
      : "What each layer makes of the picture: orange above zero, blue below.";
    if (session.training) text.append(" Dropout drops, as in training.");
  };
  session.state.on(say);
  session.onResult(say);
  say();
  return text;
}

function heading(session, startTour) {
  const weights = Object.values(about.costs).reduce((sum, [count]) => sum + count, 0);
  const { variant } = about.network.about;
  const facts = [
    variant,
    `${whole(weights)} weights`,
    `${session.classes.length} classes`,
  ];
  return h(
    "header",
    { class: "top" },
    h("h1", {}, "npalexnet", h("span", {}, " explorer")),
    h("p", { class: "facts" }, facts.filter(Boolean).join(", ")),
    h("button", { class: "tool", onclick: startTour }, "Tour"),
    wayButtons(session.state),
    themeButton(),
  );
}

function footing() {
  const words =
    "Every number is computed here, in your browser, from the network’s own weights " +
    `rounded to ${about.bits} bits; npalexnet gives the same for weights rounded alike. ` +
    "Nothing leaves this page.";
  return h("footer", { class: "bottom" }, words);
}

// The column on the right: the tour, and below it the panels. Where the page is narrow
// it lies over the page, and can be folded.
function sideColumn(session, network) {
  const fold = (on) => element.classList.toggle("folded", on);
  const tabs = new Tabs(
    (opened) => fold(!opened && !element.classList.contains("folded")),
    {
      "Where from": new WherePanel(session).element,
      Learn: new LearnPanel(session).element,
      Teach: new TeachPanel(session).element,
    },
  );
  const tour = new TourView(session, (title) => tabs.show(title));
  const element = h(
    "aside",
    { class: "side", "aria-label": "What it means" },
    tour.element,
    tabs.element,
  );
  fold(innerWidth < NARROW && session.state.now.layer === null);
  session.state.on((now, before) => {
    if (now.tour !== before.tour) network.close();
    if (!["layer", "map", "at"].some((key) => now[key] !== before[key])) return;
    network.reveal(now.layer);
    if (now.tour === null) tabs.show("Where from");
    fold(false);
  });
  const startTour = () => {
    fold(false);
    tour.begin();
  };
  return { element, startTour };
}

async function open() {
  const session = new Session(about, client, await reading);
  const network = new NetworkView(session);
  const gallery = new Gallery(session);
  const picture = new PictureView(session);
  const answers = new AnswersView(session);
  const side = sideColumn(session, network);
  const left = h(
    "div",
    { class: "left" },
    picture.element,
    answers.element,
    gallery.element,
  );
  const middle = h("div", { class: "middle" }, explanation(session), network.element);
  middle.append(footing());
  const page = document.getElementById("app");
  page.replaceChildren(
    heading(session, side.startTour),
    h("main", {}, left, middle, side.element),
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
  performance.mark("ready");
  network.reveal(session.state.now.layer);
  gallery.draw();
  if (session.state.now.tour !== null && session.state.now.layer === null)
    side.startTour();
  const work = Object.values(about.costs).reduce((sum, [, count]) => sum + count, 0);
  if (work < MOST_WORK) gallery.lookThrough();
}

open().catch((error) => {
  console.error(error);
  const words = `This network could not be shown (${error.message}). Perhaps the browser has too little memory for it: npalexnet explore --bits 8 makes a smaller page.`;
  document.getElementById("app").replaceChildren(h("p", { class: "failure" }, words));
});
