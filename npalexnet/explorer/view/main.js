import { Client } from "./client.js";
import { readPictures } from "./pictures.js";

const textOf = (id) => document.getElementById(id).textContent;

const about = JSON.parse(textOf("about"));
const client = new Client(textOf("worker"));
client.ask("open", about, textOf("weights"));
const pictures = readPictures(about.pictures, textOf("pictures"));

// What the page answers to a script; a picture is named by its place among those given.
async function askAbout(method, i, ...args) {
  return client.ask(method, (await pictures)[i].given, ...args);
}

window.npalexnet = {
  pictures: about.pictures.names.map((name, index) => {
    return { index, label: about.pictures.labels[index], name };
  }),
  activations: (i) => askAbout("activations", i),
  gradients: (i, label) => askAbout("gradients", i, label),
};
