// The page: what a press does, and what is shown of it.

import { ask, cancel, keep, models } from "./api.js";
import { element } from "./dom.js";
import { download, listenToFiles } from "./files.js";
import { listen } from "./keys.js";
import { Knobs } from "./knobs.js";
import { Takes, labelOf, stateOf, withStep } from "./state.js";
import { View } from "./view.js";
import { Walk } from "./walk.js";

const at = (id) => document.getElementById(id);
const ABOUT = {
  melodies: "Writes a melody, one note after the other.",
  voices: "Writes four voices; harmonises and rewrites.",
  phrases: "Draws phrases from noise that has four knobs.",
};
const PIECES = 60; // pieces that are kept here
const RINGED = ["rewrite", "vary", "walk"]; // steps of which one sees what they changed

const view = new View(at("view"), {
  tell,
  looked: async () => {
    tell("Looking ...", "busy");
    const found = await trying(() => ask("attention", { steps: takes.steps }, busy));
    return found && found.attention;
  },
});
const { player, roll } = view;
const takes = new Takes();
const known = new Map(); // pieces by their steps
const walk = new Walk();
const knobs = new Knobs(at("knobs"), {
  draw(turns) {
    const steps = turns.reduce((all, { part, track }) => withStep(all, {
      do: "vary", model: takes.steps[0].model, part, track, seed: drawn(),
    }), takes.steps);
    if (turns.length) make(steps, takes.steps);
  },
  walk(share, done) {
    const steps = walk.steps(takes.steps, share, drawn());
    if (done) make(steps, takes.steps, walk.isSame(steps, takes.steps));
    else glimpse(steps);
  },
  mark(end) {
    walk.mark(end, takes.steps);
    showKnobs();
    tell(`${end.toUpperCase()} is ${nameOfTake(takes.steps)}.`);
  },
});
let kinds = new Map();
let voicesOf = new Map();
let piece = null;

function drawn() {
  return crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
}

const kindOf = (name) => kinds.get(name);
const firstOf = (kind) => (kindOf(at("model").value) === kind ? at("model").value
  : [...kinds.keys()].find((name) => kinds.get(name) === kind));

function tell(text, state = "") {
  at("status").textContent = text;
  at("status").className = state;
  at("cancel").hidden = state !== "busy";
  document.body.classList.toggle("busy", state === "busy");
}

function busy(text) {
  tell(text, "busy");
}

/** Does something that takes its time, and says on the page what goes wrong. */
async function trying(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") tell("Stopped.");
    else tell(error.message, "error");
    return null;
  }
}

/** The piece of a take. */
async function written(steps, says = busy) {
  const name = JSON.stringify(steps);
  if (!known.has(name)) {
    says("Getting ready ...");
    known.set(name, (await ask("write", { steps }, says)).piece);
    if (known.size > PIECES) known.delete(known.keys().next().value);
  }
  return known.get(name);
}

/** Writes a take, and shows it as a new one, or instead of the one that is shown; `from` is the take
 * that it was made of. */
async function make(steps, from = null, instead = false) {
  glimpsed = null;
  if (!(await trying(() => written(steps)))) return;
  if (!from) {
    roll.marked = null;
    player.seek(0);
  }
  takes.show(steps, from, instead);
}

let glimpsed = null; // the take that is to be seen while a slider is moved
let looking = false;

/** Shows a take that is none yet; of those that are asked for meanwhile the last one is next. */
async function glimpse(steps) {
  glimpsed = steps;
  if (looking) return;
  looking = true;
  while (glimpsed) {
    const wanted = glimpsed;
    glimpsed = null;
    const found = await written(wanted, () => {}).catch(() => null); // said when it is let go
    if (found && found !== piece && !at("knobs").hidden) view.show(found, known.get(JSON.stringify(takes.steps)));
  }
  looking = false;
}

async function showTake() {
  const { steps, from } = takes;
  showTakes();
  if (!steps) return;
  const found = await trying(() => written(steps));
  if (!found || JSON.stringify(takes.steps) !== JSON.stringify(steps)) return;
  const last = steps[steps.length - 1].do;
  const before = from && RINGED.includes(last) ? known.get(JSON.stringify(from)) : null;
  piece = found;
  view.show(piece, before);
  const count = `${roll.changed.size} note${roll.changed.size === 1 ? "" : "s"} changed`;
  tell(before ? `${labelOf(steps)}: ${count}.` : `${labelOf(steps)}: written.`);
  showPiece();
}

function showPiece() {
  at("title").textContent = piece.title;
  at("summary").textContent = piece.summary;
  at("remarks").replaceChildren(...piece.remarks.map((text) => element("li", { textContent: text })));
  for (const id of ["work", "save"]) at(id).hidden = false;
  at("knobs").hidden = !piece.knobs;
  if (piece.knobs) showKnobs();
  at("rewrite-part").hidden = piece.voices.length < 2 || !firstOf("voices");
  at("harmonise").disabled = !firstOf("voices");
  at("continue").disabled = !firstOf("melodies");
  const names = voicesOf.get(firstOf("voices")) ?? [];
  const boxes = at("rewrite-voices");
  if (boxes.dataset.names !== names.join("\n")) {
    boxes.dataset.names = names.join("\n");
    boxes.replaceChildren(...names.map((name) => element(
      "label", {}, element("input", { type: "checkbox", checked: true, value: name }), name,
    )));
  }
  showMarked();
}

/** What a take is called where others speak of it. */
function nameOfTake(steps) {
  const place = takes.all.findIndex((take) => JSON.stringify(take.steps) === JSON.stringify(steps));
  if (!steps) return "drawn when you set out";
  return place < 0 ? labelOf(steps) : `take ${place + 1}`;
}

function showKnobs() {
  const { a, b, shares } = walk.at(takes.steps);
  knobs.show(piece.knobs, shares, `A is ${nameOfTake(a)}, B is ${nameOfTake(b)}.`);
}

function showTakes() {
  at("takes").replaceChildren(...takes.all.map((take, number) => {
    const button = element("button", {
      type: "button", textContent: `${number + 1}  ${labelOf(take.steps)}`,
    });
    if (number === takes.shown) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => takes.show(take.steps));
    return element("li", {}, button);
  }));
  at("takes").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  at("undo").disabled = !takes.can(-1);
  at("redo").disabled = !takes.can(1);
}

function showMarked() {
  const marks = roll.marked;
  const [first, last] = marks ?? [];
  const some = first === last ? `Bar ${first}` : `Bars ${first}–${last}`;
  const which = marks ? some : "All bars";
  at("marked").textContent = `${which} of the voices below. Mark bars over the roll: drag, or Shift+→.`;
  at("rewrite").textContent = marks ? `Rewrite ${which.toLowerCase()}` : "Rewrite all bars";
}

function settings(kind) {
  const number = (id) => (at(id).value === "" ? null : Number(at(id).value));
  const drawing = kind === "phrases" ? {} : {
    temperature: number("temperature"),
    ...(number("top-p") < 1 ? { top_p: number("top-p") } : {}),
  };
  const bars = number("bars");
  return { seed: number("seed") ?? drawn(), ...drawing, ...(bars ? { bars } : {}) };
}

function onPiece(step) {
  const { bars, ...drawing } = settings("voices");
  if (piece) make([...takes.steps, { ...step, ...drawing }], takes.steps);
}

at("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const model = at("model").value;
  make([{ do: "compose", model, ...settings(kindOf(model)) }]);
});
at("harmonise").addEventListener("click", () => onPiece({ do: "harmonise", model: firstOf("voices") }));
at("continue").addEventListener("click", () => onPiece({
  do: "continue", model: firstOf("melodies"), bars: Number(at("bars").value) || 8,
}));
at("rewrite").addEventListener("click", () => {
  const boxes = [...at("rewrite-voices").querySelectorAll("input")];
  const voices = boxes.filter((box) => box.checked).map((box) => box.value);
  if (boxes.length && !voices.length) return tell("Choose at least one voice to rewrite.", "error");
  return onPiece({
    do: "rewrite",
    model: firstOf("voices"),
    ...(roll.marked ? { bars: roll.marked } : {}),
    ...(voices.length < boxes.length ? { voices } : {}),
  });
});
at("cancel").addEventListener("click", cancel);
at("undo").addEventListener("click", () => takes.go(-1));
at("redo").addEventListener("click", () => takes.go(1));
listenToFiles({
  open: (file) => trying(async () => {
    busy(`Reading ${file.name} ...`);
    await make([await keep(file)]);
  }),
  save: (suffix) => piece && trying(async () => {
    busy("Making the file ...");
    const found = await ask("download", { steps: takes.steps, suffix }, busy);
    const name = `${labelOf(takes.steps).replace(/[^\w.-]+/g, "-")}${suffix}`;
    download(found, name);
    tell(`${name} is saved where your browser saves files.`);
  }),
});

for (const slide of document.querySelectorAll(".slide input")) {
  const show = () => { slide.parentElement.querySelector("output").value = Number(slide.value).toFixed(2); };
  slide.addEventListener("input", show);
  show();
}
at("model").addEventListener("change", () => {
  const kind = kindOf(at("model").value);
  at("about").textContent = ABOUT[kind];
  at("drawing").hidden = kind === "phrases";
});
listen(document, document.body, {
  ...view.actions,
  escape: () => (at("cancel").hidden ? view.actions.escape() : cancel()),
});

view.addEventListener("mark", showMarked);
view.addEventListener("sound", () => takes.hear(view.sound));
takes.addEventListener("change", showTake);

/** Shows what the address holds, if it is another take or sounds otherwise. */
function showAddress() {
  const held = stateOf(location.hash);
  if (!held) return false;
  const isNew = JSON.stringify(held.steps) !== JSON.stringify(takes.steps);
  takes.sound = held.sound;
  view.sound = held.sound;
  takes.show(held.steps, isNew ? null : takes.from);
  return true;
}
addEventListener("hashchange", showAddress);

await trying(async () => {
  const found = await models();
  kinds = new Map(found.map(({ name, writes }) => [name, writes]));
  voicesOf = new Map(found.map(({ name, voices }) => [name, voices]));
  at("model").replaceChildren(...[...kinds.keys()].map((name) => new Option(name)));
  at("model").dispatchEvent(new Event("change"));
});
if (!showAddress()) {
  if (takes.steps) showTake();
  else showTakes();
}
