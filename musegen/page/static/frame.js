// A piece in a frame of a notebook, or as a page of its own: a view, with what the document holds.

import { button, element } from "./dom.js";
import { listen } from "./keys.js";
import { View } from "./view.js";

const piece = JSON.parse(document.getElementById("piece").textContent);
const box = document.querySelector("main");
const said = element("p", { id: "status", role: "status", "aria-live": "polite" });
const help = button("?", { id: "help-button", className: "quiet", "aria-label": "Keys",
  title: "Keys (?)" }, () => {});
box.append(
  element(
    "div",
    { id: "piece-head" },
    element("h1", { textContent: piece.title }),
    element("p", { textContent: piece.summary }),
  ),
);
const view = new View(box, { tell: (text) => { said.textContent = text; }, looked: () => piece.maps });
view.part("transport").append(help);
box.append(said);
listen(document, box, view.actions);
view.show(piece);
