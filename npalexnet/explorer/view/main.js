import { Client } from "./client.js";
import { readPictures } from "./pictures.js";

const textOf = (id) => document.getElementById(id).textContent;

async function open() {
  const about = JSON.parse(textOf("about"));
  const client = new Client(textOf("worker"));
  const opened = client.ask("open", about, textOf("weights"));
  const pictures = await readPictures(about.pictures, textOf("pictures"));

  window.npalexnet = {
    pictures: pictures.map(({ index, label, name }) => ({ index, label, name })),
    activations: (i) => client.ask("activations", pictures[i].given),
    gradients: (i, label) => client.ask("gradients", pictures[i].given, label),
  };
  await opened;
  window.npalexnet.ready = true;
}

open();
