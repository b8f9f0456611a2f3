// The keys, and the list of them. A key does what a button does, so it presses that button.

import { button, element } from "./dom.js";

const BUTTONS = {
  c: ["compose-button", "Compose"],
  h: ["harmonise", "Harmonise this piece"],
  n: ["continue", "Continue this piece"],
  r: ["rewrite", "Rewrite the marked bars"],
  d: ["draw-all", "Draw all knobs that are not locked"],
  f: ["mark-a", "Walk from here: A"],
  t: ["mark-b", "Walk to here: B"],
  a: ["look-copied", "Show what notes were copied from"],
  q: ["look-attention", "Show what notes looked at"],
  o: ["file", "Open a file"],
  s: ["save-midi", "Save as MIDI"],
  l: ["loop", "Loop"],
  z: ["undo", "Undo: back to the take before"],
  y: ["redo", "Redo: forth to the take after"],
  "+": ["closer", "Closer"],
  "-": ["farther", "Farther"],
  Home: ["rewind", "To the beginning"],
  "?": ["help-button", "This list"],
};
const PLACES = { m: ["model", "To the models"], w: ["walk-all", "To the walk from A to B"] };

const SHOWN = [
  ["Space", "Play or pause"],
  ["← →", "A beat back or on"],
  ["↑ ↓", "A bar back or on"],
  ["Shift ← →", "Mark bars, from the one at the playhead"],
  ["Esc", "Stop waiting; mark no bars; back to the roll"],
  ["1 – 8", "Mute a voice; with Shift it alone"],
];

const FIELDS = "input:not([type=range]):not([type=file]):not([type=checkbox]), select, textarea";

/** Listens to keys in a root. `does` has play, step(bars, beats), extend(by), escape, mute(n) and
 * solo(n). `help` is the button that shows the list, which is put into `box`. */
export function listen(root, box, does) {
  const part = (id) => root.querySelector(`#${id}`);
  const dialog = help(box, part);
  part("help-button").addEventListener("click", () => dialog.showModal());
  // Space is to play after a click, too, and not to press the same button again.
  root.addEventListener("click", (event) => {
    if (event.detail) event.target.closest?.("button")?.blur();
  });
  root.addEventListener("keydown", (event) => {
    const on = event.target;
    if (event.altKey || event.metaKey || dialog.open) return;
    if (event.ctrlKey && event.key.toLowerCase() !== "z" && event.key.toLowerCase() !== "y") return;
    if (event.key === "Escape") {
      if (on.matches("select, input")) part("roll").focus();
      return void does.escape();
    }
    if (on.matches(FIELDS)) return;
    if (event.key === " ") {
      if (on.matches("button, [type=checkbox]")) return;
      event.preventDefault();
      does.play();
      return;
    }
    const arrow = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (arrow[event.key]) {
      if (on.matches("[type=range]")) return;
      event.preventDefault();
      const [bars, beats] = arrow[event.key];
      if (event.shiftKey && beats) does.extend(beats);
      else does.step(bars, beats);
      return;
    }
    const digit = /^Digit([1-8])$/.exec(event.code);
    if (digit) return void (event.shiftKey ? does.solo : does.mute)(Number(digit[1]) - 1);
    let key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey && key === "z" && event.shiftKey) key = "y";
    if (key === "=") key = "+";
    if (key === "Home" && on.matches("[type=range]")) return;
    const found = part((BUTTONS[key] ?? PLACES[key])?.[0]);
    if (!found) return;
    event.preventDefault();
    if (found.disabled || !(found.type === "file" || found.offsetParent)) return;
    if (PLACES[key]) found.focus();
    else found.click();
  });
}

/** The list of the keys that do something here. */
function help(box, part) {
  const there = Object.entries({ ...BUTTONS, ...PLACES }).filter(([, [id]]) => part(id));
  const rows = [...SHOWN, ...there.map(([key, [, text]]) => [
    key.length === 1 ? key.toUpperCase() : key,
    text,
  ])];
  const list = element("dl", { id: "keys" }, ...rows.flatMap(([key, text]) => [
    element("dt", {}, element("kbd", { textContent: key })),
    element("dd", { textContent: text }),
  ]));
  const hint = "In the roll: click to move the playhead, drag over bar numbers to mark bars.";
  const dialog = element(
    "dialog",
    { id: "help", "aria-labelledby": "help-title" },
    element("h2", { id: "help-title", textContent: "Keys" }),
    list,
    element("p", { className: "hint", textContent: hint }),
  );
  dialog.append(button("Close", { className: "main" }, () => dialog.close()));
  box.append(dialog);
  return dialog;
}
