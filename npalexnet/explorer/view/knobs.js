// What can be turned: the numbers of a normalisation, and dropout's two ways. Both act on
// the whole network at once.

import { h, show } from "./dom.js";

const RANGES = {
  k: { label: "k", from: 0.1, to: 10, says: "what the sum is added to" },
  alpha: { label: "α", from: 1e-6, to: 1, says: "how much the neighbours count" },
  beta: { label: "β", from: 0, to: 2, says: "how strongly it is divided" },
  size: { label: "n", from: 1, to: 15, says: "how many maps count as neighbours" },
};

const scales = {
  k: [Math.log10, (v) => 10 ** v, 0.01],
  alpha: [Math.log10, (v) => 10 ** v, 0.01],
  beta: [(v) => v, (v) => v, 0.01],
  size: [(v) => v, (v) => v, 2], // odd numbers only
};

export function lrnSliders(session, name) {
  const { settings } = session.layers.find((layer) => layer.name === name);
  session.knobs = session.knobs || {};
  const now = (session.knobs[name] = session.knobs[name] || { ...settings });
  const set = async (key, value) => {
    now[key] = value;
    await session.client.ask("set", name, key, value);
    session.run();
  };
  const slider = (key) => {
    const { label, from, to, says } = RANGES[key];
    const [inward, outward, step] = scales[key];
    const value = h("output", {}, show(now[key]));
    const input = h("input", {
      type: "range",
      min: inward(from),
      max: inward(to),
      step,
      "data-knob": key,
      "aria-label": `${label}: ${says}`,
      oninput: () => {
        const chosen = outward(Number(input.value));
        value.textContent = show(chosen);
        input.setAttribute("aria-valuetext", show(chosen));
        set(key, chosen);
      },
    });
    input.value = inward(now[key]);
    return h(
      "label",
      { class: "knob", title: says },
      h("span", {}, label),
      input,
      value,
    );
  };
  const box = h("div", { class: "knobs" });
  const reset = async () => {
    for (const key of Object.keys(RANGES)) {
      now[key] = settings[key];
      await session.client.ask("set", name, key, settings[key]);
    }
    session.run();
    box.replaceWith(lrnSliders(session, name));
  };
  box.append(
    h("h4", {}, "Turn them"),
    ...Object.keys(RANGES).map(slider),
    h("button", { class: "quiet", onclick: reset }, "as they were"),
  );
  return box;
}

export function dropoutSwitch(session) {
  const choose = (training) => {
    session.training = training;
    session.run();
  };
  const button = (words, training) =>
    h(
      "button",
      {
        class: "tool",
        "aria-pressed": String(session.training === training),
        onclick: () => choose(training),
      },
      words,
    );
  return h(
    "div",
    { class: "knobs" },
    h("h4", {}, "All dropout layers"),
    h("div", { class: "tools" }, button("Test", false), button("Training", true)),
    session.training &&
      h("button", { class: "quiet", onclick: () => choose(true) }, "draw another mask"),
  );
}
