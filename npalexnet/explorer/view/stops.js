// The stops of the tour. Each leads somewhere (`go` gives what to look at), says what is
// to be seen, and asks something whose answer can be found by touching it. A stop whose
// `needs` this network or its pictures do not have is left out.

import { ranked } from "./answers.js";

const first = (session, kind) => session.layers.find(({ layer }) => layer === kind);
const lastOf = (session, kind) =>
  [...session.layers].reverse().find(({ layer }) => layer === kind);
const after = (session, name, kind) => {
  const i = session.names.indexOf(name);
  return session.layers.slice(i).find(({ layer }) => layer === kind);
};
// Where ReLU is off, and yet its output was told the most to change.
async function loudestDead(session, before, relu) {
  const gradients = await session.client.ask(
    "gradients",
    session.given,
    session.label ?? 0,
  );
  const x = session.result.outputs[before].data;
  const told = (i) => (x[i] < 0 ? Math.abs(gradients[relu].data[i]) : 0);
  return x.reduce((best, _, i) => (told(i) > told(best) ? i : best), 0);
}

const forward = (changes) => ({ way: "forward", at: null, ...changes });

// The filter of the first convolution for which `score` of its weights, channel by
// channel, is largest: its number.
async function filterThat(session, name, score) {
  const { shape, data } = await session.client.ask("weights", name);
  const [filters, channels, k] = shape;
  const each = k * k;
  const scores = Array.from({ length: filters }, (_, f) => {
    const part = (c) =>
      data.slice((f * channels + c) * each, (f * channels + c + 1) * each);
    return score(Array.from({ length: channels }, (_, c) => part(c)));
  });
  return scores.indexOf(Math.max(...scores));
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const size = (values) => sum(Array.from(values, Math.abs));

// Strong, of one colour, and its weights cancel: it answers to changes of brightness.
function edgeScore(channels) {
  const all = channels.map((part) => sum(part));
  return size(channels.flatMap((part) => [...part])) - 4 * size(all);
}

const greenScore = ([red, green, blue]) => sum(green) - (sum(red) + sum(blue)) / 2;

// A picture that is taken for something else, and for what; the first one if none is.
async function mistake(session) {
  for (const { index, label, given } of session.pictures) {
    if (label === null) continue;
    const [p] = await session.client.ask("probabilities", [given]);
    const answer = ranked(p)[0].label;
    if (answer !== label) return { picture: index, map: answer };
  }
  return { picture: 0, map: session.pictures[0].label };
}

// The picture with the most green in it, of those that came with the page.
function greenest(session) {
  const size = session.shapes.input[1] * session.shapes.input[2];
  const [step, next] = session.isPixels ? [3, 1] : [1, size];
  const scores = session.pictures.map(({ given }) => {
    let score = 0;
    for (let i = 0; i < size; i++) {
      const [red, green, blue] = [0, next, 2 * next].map((n) => given[i * step + n]);
      score += Math.max(0, green - Math.max(red, blue));
    }
    return score;
  });
  return scores.indexOf(Math.max(...scores));
}

// The place with the largest number of a layer, as {map, at}.
function loudest(session, name) {
  const values = session.result.outputs[name];
  const largest = values.data.reduce(
    (best, v, i) => (v > values.data[best] ? i : best),
    0,
  );
  return session.unplace(name, largest);
}

export const STOPS = [
  {
    title: "A picture is numbers",
    needs: (session) => session.shapes.input.length === 3,
    go: () => forward({ layer: "input", map: 0 }),
    text: "The network gets three maps: how red, how green, how blue each place is. The mean of all training pictures is taken away, so an average picture would be zero everywhere.",
    question:
      "Go over the first map with the pointer or the arrow keys. Which places are blue in the map of red, and what do they look like in the picture?",
    answer:
      "Those with less red than the average picture has: dark places, and green or blue ones.",
  },
  {
    title: "An edge is found",
    needs: (session) => first(session, "Conv2d"),
    go: async (session) => {
      const { name } = first(session, "Conv2d");
      return forward({ layer: name, map: await filterThat(session, name, edgeScore) });
    },
    text: "This filter has weights above and below zero that nearly cancel. On a plain colour its answer is about zero; across an edge it is far from it.",
    question:
      "Click a place where the picture is of one colour. What do the products add up to?",
    answer:
      "To almost nothing: the same pixels times weights that cancel. Only a change inside of the window leaves something over. That is what a filter is: a small picture of what it looks for, and a sum that says how well it matches.",
  },
  {
    title: "A filter that likes green",
    needs: (session) => first(session, "Conv2d") && session.shapes.input[0] === 3,
    go: async (session) => {
      const { name } = first(session, "Conv2d");
      const map = await filterThat(session, name, greenScore);
      return forward({ picture: greenest(session), label: null, layer: name, map });
    },
    text: "You see the picture with the most green in it. Of all filters this one has the most weight on green, compared with red and blue. Nobody told it to; it was worth something in training.",
    question:
      "Pick pictures with and without green on the left. Where does this map become orange?",
    answer:
      "Where there is more green than red and blue: leaves, frogs, flags. In white, too, there is green, but red and blue pull the sum down again.",
  },
  {
    title: "What is below zero is dropped",
    needs: (session) => first(session, "ReLU"),
    go: (session) => {
      const map = session.state.now.map ?? 0;
      return forward({ layer: first(session, "ReLU").name, map });
    },
    text: "ReLU lets pass what is above zero, and makes the rest 0. Without it, all layers together would be no more than one.",
    question:
      "Compare this row with the one above it. What has happened to everything blue?",
    answer:
      "It is gone: 0, paper. A filter can say “here”, and it can say nothing, but after ReLU it cannot say “the opposite is here”; another filter must do that.",
  },
  {
    title: "What LRN does to a loud map",
    needs: (session) => first(session, "LRN"),
    go: (session) => {
      const { name } = first(session, "LRN");
      return forward({ layer: name, ...loudest(session, name) });
    },
    text: "At each place every map is divided by a measure of how loud its neighbours are there. You are at the loudest number of this layer.",
    question:
      "Pull α up, with the slider below. What happens to the loudest maps, and to the answer?",
    answer:
      "The loud ones lose most, for they are their own neighbours; the quiet ones next to them lose as much, those far away nothing. The network was trained with its own α, so its answers become worse.",
  },
  {
    title: "Why the maps become smaller",
    needs: (session) => first(session, "MaxPool"),
    go: (session) => forward({ layer: first(session, "MaxPool").name, map: 0 }),
    text: "Pooling keeps the largest number of each window. That something is there matters more than where exactly.",
    question:
      "Give the picture on the left the focus, and nudge it with the arrow keys by one pixel (or drag it). How much does this row change, and how much the row before it?",
    answer:
      "Each row says by how much it changed. The maps before pooling move with the picture; the pooled ones change less, because a winner that moves by one place is usually still in the same window.",
  },
  {
    title: "Deep in the network",
    needs: (session) => lastOf(session, "Conv2d"),
    go: (session) => {
      const conv = lastOf(session, "Conv2d");
      const relu = after(session, conv.name, "ReLU");
      const name = relu ? relu.name : conv.name;
      return forward({ layer: name, ...loudest(session, name) });
    },
    text: "The frame in the picture shows all that this number can see, through all layers before it. You are at the number that is loudest here.",
    question: "Click through some other pictures. Which have the same map loud?",
    answer:
      "Often pictures of one kind: eyes and mouths, wheels, stripes of a flag. What a deep map looks for is no longer an edge, and has no name.",
  },
  {
    title: "The vote",
    go: (session) =>
      forward({
        layer: session.last,
        map: ranked(session.result.probabilities)[0].label,
      }),
    text: "Each class is one sum over all units before it. The panel shows which pulled it up most and which pulled it down, and below how numbers become probabilities.",
    question:
      "Choose another true class on the left. What happens to the loss, and what to the answers?",
    answer:
      "The answers stay: the network does not know which class is true. The loss is −log of the probability of the true class, so it grows if you choose an unlikely one.",
  },
  {
    title: "A picture that it gets wrong",
    needs: (session) => session.pictures.some(({ label }) => label !== null),
    go: async (session) => {
      const found = await mistake(session);
      return forward({ ...found, label: null, layer: session.last });
    },
    text: "Here the likeliest answer is not the true one. Take the eraser to the picture and watch the answers while you wipe.",
    question:
      "Which part must go for the answer to change? So what did the network look at?",
    answer:
      "If wiping a part makes the wrong answer less likely, that part spoke for it. Often it is a colour or a texture that another class has, too, and not what you would have looked at.",
  },
  {
    title: "The way back",
    go: (session) => ({
      way: "back",
      label: session.label ?? 0,
      layer: "input",
      map: 0,
      at: null,
    }),
    text: "Now the same tiles show ∂loss/∂(each number): by how much the loss would rise if the number rose a little. It starts at the answers and flows back, layer by layer, down to the picture.",
    question: "Compare the topmost row with the picture. Where is the gradient strong?",
    answer:
      "Where a change of the picture would change the answer most: at edges and details that the network uses. Plain places hardly matter.",
  },
  {
    title: "A dead ReLU",
    needs: (session) => first(session, "ReLU"),
    go: async (session) => {
      const relu = first(session, "ReLU");
      const before = session.names[session.names.indexOf(relu.name) - 1];
      const place = await loudestDead(session, before, relu.name);
      return {
        way: "back",
        label: session.label ?? 0,
        layer: before,
        ...session.unplace(before, place),
      };
    },
    text: "Here the number was below zero, and ReLU made it 0. The layer after it does send a gradient, but it goes no further: had this number been a little larger, the answer would have been the same.",
    question: "What is its gradient, and what can the filter learn from this place?",
    answer:
      "0, and nothing. A unit that is below zero for all pictures never learns again. But the same filter looks at many other places, and there it may be alive.",
  },
  {
    title: "One step",
    tab: "Learn",
    go: () => ({}),
    text: "Training is this, a million times: forward, backward, and each weight a little against its gradient.",
    question:
      "Make one step on this picture, then look at another one. Can a step make one answer better and another one worse?",
    answer:
      "Yes. A step follows one picture (in training, the mean of 128), and all pictures share the weights. Undo, and try a larger ε.",
  },
];
