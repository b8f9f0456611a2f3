// The keys, and the list of them. A key does what a button does, so it presses that button.

import { element } from "/static/mixer.js";

const BUTTONS = {
  c: ["compose-button", "Compose"],
  h: ["harmonise", "Harmonise this piece"],
  n: ["continue", "Continue this piece"],
  r: ["rewrite", "Rewrite the marked bars"],
  d: ["draw-all", "Draw all knobs that are not locked"],
  a: ["look", "Show what notes were copied from"],
  o: ["file", "Open a file"],
  l: ["loop", "Loop"],
  z: ["undo", "Undo: back to the take before"],
  y: ["redo", "Redo: forth to the take after"],
  "+": ["closer", "Closer"],
  "-": ["farther", "Farther"],
  Home: ["rewind", "To the beginning"],
  "?": ["help-button", "This list"],
};

const SHOWN = [
  ["Space", "Play or pause"],
  ["← →", "A beat back or on"],
  ["↑ ↓", "A bar back or on"],
  ["Shift ← →", "Mark bars, from the one at the playhead"],
  ["Esc", "Stop waiting; mark no bars"],
  ["1 – 8", "Mute a voice; with Shift it alone"],
  ["S", "Save as MIDI"],
];

const FIELDS = "input:not([type=range]):not([type=file]), select, textarea";

/** Listens to keys. `does` has play, step(bars, beats), extend(by), escape, mute(n) and solo(n). */
export function listen(does) {
  const button = (id) => document.getElementById(id);
  // Space is to play after a click, too, and not to press the same button again.
  document.addEventListener("click", (event) => {
    if (event.detail) event.target.closest?.("button")?.blur();
  });
  document.addEventListener("keydown", (event) => {
    const on = event.target;
    if (event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey && event.key.toLowerCase() !== "z" && event.key.toLowerCase() !== "y") return;
    if (event.key === "Escape") return does.escape();
    if (on.matches(FIELDS)) return;
    if (event.key === " ") {
      if (on.matches("button")) return;
      event.preventDefault();
      does.play();
      return;
    }
    const arrow = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (arrow[event.key] && !on.matches("[type=range]")) {
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
    if (key === "s") return void document.querySelector("[data-suffix='.mid']").click();
    if (!BUTTONS[key]) return;
    event.preventDefault();
    const pressed = button(BUTTONS[key][0]);
    if (!pressed.disabled && (pressed.id === "file" || pressed.offsetParent)) pressed.click();
  });

  const rows = [...SHOWN, ...Object.entries(BUTTONS).map(([key, [, text]]) => [
    key.length === 1 ? key.toUpperCase() : key,
    text,
  ])];
  button("keys").replaceChildren(...rows.flatMap(([key, text]) => [
    element("dt", {}, element("kbd", { textContent: key })),
    element("dd", { textContent: text }),
  ]));
  button("help-button").addEventListener("click", () => button("help").showModal());
}
