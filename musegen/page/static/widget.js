// The knobs of a model in a notebook, as a widget: a view of the piece that is shown, and the pads.
//
// `model` has what Python knows: `shown`, a piece and where it is on the walk; `asked` is what a press
// asks of Python, numbered, so that the same may be asked twice.

import { button, element } from "./dom.js";
import { listen } from "./keys.js";
import { Knobs } from "./knobs.js";
import { View } from "./view.js";

function render({ model, el }) {
  const root = el.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(model.get("look"));
  root.adoptedStyleSheets = [sheet];
  el.dataset.lmSuppressShortcuts = "true"; // a notebook's own keys

  let number = 0;
  const ask = (what) => {
    number += 1;
    model.set("asked", { ...what, number });
    model.save_changes();
  };
  const said = element("p", { id: "status", role: "status", "aria-live": "polite" });
  const title = element("p", { className: "hint" });
  const [left, right] = [element("div"), element("div")];
  const box = element("section", { className: "knobs", "aria-label": "Knobs" }, left, right);
  left.append(title);
  const view = new View(left, { tell: (text) => { said.textContent = text; }, looked: () => null });
  left.append(said);
  view.part("transport").append(button("?", {
    id: "help-button", className: "quiet", "aria-label": "Keys", title: "Keys (?)",
  }, () => {}));
  const knobs = new Knobs(right, {
    draw: (turns) => turns.length && ask({
      turns: turns.map(({ part, track }) => ({ part, track })),
    }),
    walk: (share) => ask({ share }),
    mark: (end) => ask({ mark: end }),
  });
  root.append(box);
  for (const kind of ["keydown", "keyup", "keypress"]) {
    el.addEventListener(kind, (event) => event.stopPropagation());
  }
  listen(root, box, view.actions);

  const show = () => {
    const { piece, shares, ends, error } = model.get("shown");
    if (error) said.textContent = error;
    if (!piece) return;
    if (JSON.stringify(piece) !== JSON.stringify(view.piece)) {
      const before = view.piece;
      view.show(piece, before);
      const count = view.roll.changed.size;
      if (before) said.textContent = `${count} note${count === 1 ? "" : "s"} changed.`;
    }
    title.textContent = `${piece.title}: ${piece.summary}`;
    knobs.show(piece.knobs, shares, ends);
  };
  model.on("change:shown", show);
  show();
  return () => {
    model.off("change:shown", show);
    view.stop();
  };
}

export default { render };
