// What the page knows: the network, its pictures, what is looked at (state), and the
// latest run of the network on it (result).

import { address, readAddress, State } from "./state.js";

export class Session {
  constructor(about, client, pictures) {
    [this.about, this.client, this.pictures] = [about, client, pictures];
    this.layers = about.network.layers;
    this.classes = about.network.classes;
    this.shapes = { input: about.network.input_shape, ...about.shapes };
    this.names = ["input", ...this.layers.map(({ name }) => name)];
    this.last = this.names[this.names.length - 1];
    this.isPixels = about.pictures.kind === "pixels";
    this.result = null; // {x, outputs, gradients, probabilities, loss}
    this.given = null; // what the network is given: the picture, perhaps erased
    this.own = null; // {name, given} of a picture that was dropped
    this.training = false;
    this.untouched = null; // outputs for the picture before it was erased or moved
    this.listeners = [];
    const known = {
      layers: this.names,
      pictures: pictures.length,
      classes: this.classes.length,
    };
    this.read = (text) => readAddress(text, known);
    this.state = new State(this.read(location.hash || about.at));
    this.restore();
    this.state.on((now, before) => {
      this.writeAddress();
      if (now.picture !== before.picture) this.restore();
      const keys = ["picture", "label", "way"];
      if (keys.some((key) => now[key] !== before[key])) this.run();
    });
    addEventListener("hashchange", () => this.state.set(this.read(location.hash)));
  }

  writeAddress() {
    try {
      history.replaceState(null, "", address(this.state.now));
    } catch {
      // a frame without an address of its own, as in a notebook
    }
  }

  get picture() {
    return this.state.now.picture === null
      ? this.own
      : this.pictures[this.state.now.picture];
  }

  // The class that counts as true: as chosen, or the picture's own; null if not known.
  get label() {
    return this.state.now.label ?? this.picture.label ?? null;
  }

  restore() {
    this.given = this.picture.given.slice();
    this.erased = false;
  }

  showOwn(name, given) {
    this.own = { index: null, name, given, label: null };
    if (this.state.now.picture !== null) this.state.set({ picture: null, label: null });
    else {
      this.restore();
      this.run();
    }
  }

  // The picture was erased or moved.
  touched() {
    this.erased = true;
    this.run();
  }

  onResult(listener) {
    this.listeners.push(listener);
  }

  async run() {
    const label = this.label;
    const back = this.state.now.way === "back";
    const asked = [this.given, label, this.training, back];
    const result = await this.client.askNewest("run", ...asked);
    if (result === undefined) return;
    this.result = { ...result, label };
    this.result.outputs.input = this.result.x;
    if (!this.erased) this.untouched = this.result.outputs;
    this.listeners.forEach((listener) => listener(this.result));
  }

  // The numbers of a layer that are shown: its output, or ∂loss/∂(its output).
  values(name) {
    if (!this.result) return null;
    const { outputs, gradients } = this.result;
    return this.state.now.way === "back" ? gradients && gradients[name] : outputs[name];
  }

  // By which share a layer's output differs from that for the picture as it came.
  changed(name) {
    if (!this.erased || !this.untouched || !this.result) return null;
    const [now, was] = [this.result.outputs[name].data, this.untouched[name].data];
    let [difference, size] = [0, 0];
    for (let i = 0; i < now.length; i++) {
      difference += (now[i] - was[i]) ** 2;
      size += was[i] ** 2;
    }
    return size ? Math.sqrt(difference / size) : null;
  }

  // Where (map, at) is in a layer's numbers; without `at`, the number furthest from 0.
  place(name, map, at) {
    const shape = this.shapes[name];
    if (shape.length < 3) return map < shape[0] ? map : null;
    const [c, height, width] = shape;
    if (map >= c) return null;
    const start = map * height * width;
    if (at) {
      const inside = at[0] < height && at[1] < width;
      return inside ? start + at[0] * width + at[1] : null;
    }
    const values = this.values(name);
    let best = start;
    for (let i = start; values && i < start + height * width; i++) {
      if (Math.abs(values.data[i]) > Math.abs(values.data[best])) best = i;
    }
    return best;
  }

  // {map, at} of a place.
  unplace(name, place) {
    const shape = this.shapes[name];
    if (shape.length < 3) return { map: place, at: null };
    const [, height, width] = shape;
    const inMap = place % (height * width);
    const at = [Math.floor(inMap / width), inMap % width];
    return { map: Math.floor(place / (height * width)), at };
  }

  // The place that is selected, or null.
  get selected() {
    const { layer, map, at } = this.state.now;
    return layer === null || map === null ? null : this.place(layer, map, at);
  }

  select(name, place) {
    this.state.set({ layer: name, ...this.unplace(name, place) });
  }
}
