// The page: what a press does, and what is shown of it.

import { ask, cancel, keep, models } from "/static/api.js";
import { download, listenToFiles } from "/static/files.js";
import { listen } from "/static/keys.js";
import { Knobs } from "/static/knobs.js";
import { element, showMixer } from "/static/mixer.js";
import { Player } from "/static/player.js";
import { Roll, nameOf } from "/static/roll.js";
import { Takes, labelOf, stepsOf, withStep } from "/static/state.js";

const at = (id) => document.getElementById(id);
const ABOUT = {
  melodies: "Writes a melody, one note after the other.",
  voices: "Writes four voices; harmonises and rewrites.",
  phrases: "Draws phrases from noise that has four knobs.",
};
const PIECES = 60; // pieces that are kept here

const player = new Player();
const roll = new Roll(at("roll"), player);
const takes = new Takes();
const known = new Map(); // pieces by their steps
const knobs = new Knobs(at("knob-rows"), (turns) => {
  const steps = turns.reduce((all, { part, track }) => withStep(all, {
    do: "vary", model: takes.steps[0].model, part, track, seed: drawn(),
  }), takes.steps);
  if (turns.length) make(steps, takes.steps);
});
let kinds = new Map();
let voicesOf = new Map();
let piece = null;
let changes = 0;

const drawn = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
const kindOf = (name) => kinds.get(name);
const firstOf = (kind) => (kindOf(at("model").value) === kind ? at("model").value
  : [...kinds.keys()].find((name) => kinds.get(name) === kind));

function tell(text, state = "") {
  at("status").textContent = text;
  at("status").className = state;
  at("cancel").hidden = state !== "busy";
  document.body.classList.toggle("busy", state === "busy");
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
async function written(steps) {
  const name = JSON.stringify(steps);
  if (!known.has(name)) {
    tell("Getting ready ...", "busy");
    known.set(name, (await ask("write", { steps }, (text) => tell(text, "busy"))).piece);
    if (known.size > PIECES) known.delete(known.keys().next().value);
  }
  return known.get(name);
}

/** Writes a take, and shows it as a new one; `from` is the take that it was made of. */
async function make(steps, from = null) {
  if (!(await trying(() => written(steps)))) return;
  if (!from) {
    roll.marked = null;
    player.seek(0);
  }
  takes.show(steps, from);
}

/** The notes of a piece that another has not, as the roll names them. */
function changed(now, before) {
  const names = (one) => one.voices.flatMap((voice) => voice.notes.map(
    ([start, length, pitch]) => `${voice.name}/${start}/${length}/${pitch}`,
  ));
  const old = new Set(names(before));
  return new Set(names(now).filter((name) => !old.has(name)));
}

async function showTake() {
  const { steps, from } = takes;
  showTakes();
  if (!steps) return;
  const found = await trying(() => written(steps));
  if (!found || JSON.stringify(takes.steps) !== JSON.stringify(steps)) return;
  const last = steps[steps.length - 1].do;
  const before = from && ["rewrite", "vary"].includes(last) ? known.get(JSON.stringify(from)) : null;
  const rings = before ? changed(found, before) : new Set();
  piece = found;
  changes = rings.size;
  player.load(piece);
  roll.show(piece, rings);
  const count = `${changes} note${changes === 1 ? "" : "s"} changed`;
  tell(before ? `${labelOf(steps)}: ${count}.` : `${labelOf(steps)}: written.`);
  showPiece();
}

function showPiece() {
  at("title").textContent = piece.title;
  at("summary").textContent = piece.summary;
  at("remarks").replaceChildren(...piece.remarks.map((text) => element("li", { textContent: text })));
  const voices = `${piece.voices.length} voice${piece.voices.length === 1 ? "" : "s"}`;
  const bars = piece.bars[piece.bars.length - 1][2];
  at("roll").setAttribute("aria-label", `Piano roll: ${voices}, ${bars} bars. ${piece.summary}`);
  at("tempo").value = Math.round(piece.tempos[0][1] * player.pace);
  for (const id of ["work", "save"]) at(id).hidden = false;
  at("knobs").hidden = !piece.knobs;
  knobs.show(piece.knobs);
  at("look").hidden = !piece.copies;
  at("look").setAttribute("aria-pressed", false);
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
  showMixer(at("mixer"), player);
  showMarked();
  showPlayer();
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
  player.region = roll.region;
}

function showPlayer() {
  at("play").textContent = player.playing ? "Pause" : "Play";
  at("play").setAttribute("aria-pressed", player.playing);
  at("loop").setAttribute("aria-pressed", player.looping);
  at("play").disabled = !piece;
  if (!piece || roll.piece !== player.piece) return;
  const place = roll.barAt(player.beat);
  const [start, , number, beat] = piece.bars[place];
  at("position").textContent = `bar ${number}, beat ${Math.floor((player.beat - start) / beat + 1e-6) + 1}`;
}

function frame() {
  if (player.playing) {
    roll.follow(player.beat);
    roll.draw();
    showPlayer();
  }
  requestAnimationFrame(frame);
}

/** What sounds at the playhead, for those who don't see it. */
function tellPlace() {
  const beat = player.beat;
  const sounding = piece.voices.flatMap((voice) => voice.notes
    .filter(([start, length]) => start <= beat + 1e-6 && beat < start + length - 1e-6)
    .map((note) => `${voice.name} ${nameOf(note[2])}`));
  tell(`${at("position").textContent}: ${sounding.join(", ") || "silence"}${copiedFrom()}`);
}

/** What the note that is pointed at was copied from, in words. */
function copiedFrom() {
  const found = roll.links?.get(roll.pointed);
  if (!found) return "";
  if (!found.length) return "; made up";
  const from = found.slice(0, 3).map(([beat, weight]) => (
    `bar ${piece.bars[roll.barAt(beat)][2]} (${Math.round(100 * weight)} %)`
  ));
  return `; from ${from.join(", ")}`;
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
at("draw-all").addEventListener("click", () => knobs.drawAll());
at("cancel").addEventListener("click", cancel);
at("undo").addEventListener("click", () => takes.go(-1));
at("redo").addEventListener("click", () => takes.go(1));
at("play").addEventListener("click", () => (player.playing ? player.pause() : player.play()));
at("rewind").addEventListener("click", () => { player.seek(0); roll.follow(0, true); });
at("loop").addEventListener("click", () => player.change({ looping: !player.looping }));
at("closer").addEventListener("click", () => roll.zoom(1.35));
at("farther").addEventListener("click", () => roll.zoom(1 / 1.35));
at("volume").addEventListener("input", () => player.setVolume(Number(at("volume").value)));
at("tempo").addEventListener("change", () => {
  const wanted = Math.min(300, Math.max(20, Number(at("tempo").value) || 84));
  if (piece) player.change({ pace: wanted / piece.tempos[0][1] });
});
at("look").addEventListener("click", () => trying(async () => {
  const pressed = at("look").getAttribute("aria-pressed") !== "true";
  at("look").setAttribute("aria-pressed", pressed);
  roll.links = null;
  if (pressed) {
    tell("Looking ...", "busy");
    const { attention } = await ask("attention", { steps: takes.steps }, (text) => tell(text, "busy"));
    roll.links = new Map(attention.notes);
    tell(`Point at a note, or step to it, to see what it ${
      attention.of === "copied" ? "was copied from" : "looked at"}.`);
  }
  roll.draw();
}));
listenToFiles({
  open: (file) => trying(async () => {
    tell(`Reading ${file.name} ...`, "busy");
    await make([await keep(file)]);
  }),
  save: (suffix) => piece && trying(async () => {
    tell("Making the file ...", "busy");
    const request = { steps: takes.steps, suffix };
    const found = await ask("download", request, (text) => tell(text, "busy"));
    const name = `${labelOf(takes.steps).replace(/[^\w.-]+/g, "-")}${suffix}`;
    download(found, name);
    tell(`${name} is saved where your browser saves files.`);
  }),
});

for (const slider of document.querySelectorAll(".slide input")) {
  const show = () => { slider.parentElement.querySelector("output").value = Number(slider.value).toFixed(2); };
  slider.addEventListener("input", show);
  show();
}
at("model").addEventListener("change", () => {
  const kind = kindOf(at("model").value);
  at("about").textContent = ABOUT[kind];
  at("drawing").hidden = kind === "phrases";
});

listen({
  play: () => at("play").click(),
  step(bars, beats) {
    if (!piece) return;
    const place = roll.barAt(player.beat);
    const [start, , , beat] = piece.bars[place];
    const target = piece.bars[Math.min(Math.max(place + bars, 0), piece.bars.length - 1)];
    const now = start + Math.round((player.beat - start) / beat) * beat;
    player.seek(bars ? target[0] : Math.max(0, now + beats * beat));
    roll.follow(player.beat);
    if (roll.links) roll.point(roll.noteAt(player.beat));
    if (!player.playing) tellPlace();
  },
  extend(by) {
    if (!piece) return;
    const here = piece.bars[roll.barAt(player.beat)][2];
    const last = piece.bars[piece.bars.length - 1][2];
    const [first, end] = roll.marked ?? [here, here - by];
    roll.mark(first, Math.min(Math.max(end + by, first), last));
    tell(`${at("rewrite").textContent.replace("Rewrite ", "Marked: ")}.`);
  },
  escape() {
    if (!at("cancel").hidden) cancel();
    else if (piece) roll.mark(null);
  },
  mute: (n) => player.voices[n] && player.setVoice(n, { muted: !player.voices[n].muted }),
  solo: (n) => player.voices[n] && player.setVoice(n, { solo: !player.voices[n].solo }),
});

player.addEventListener("change", () => { showPlayer(); roll.draw(); });
player.addEventListener("voices", () => { showMixer(at("mixer"), player); roll.draw(); });
roll.addEventListener("mark", showMarked);
roll.addEventListener("point", () => {
  const note = piece.voices[0].notes.find(([start]) => start === roll.pointed);
  if (note && copiedFrom()) tell(`${nameOf(note[2])}${copiedFrom()}`);
});
takes.addEventListener("change", showTake);
addEventListener("hashchange", () => {
  const steps = stepsOf(location.hash);
  if (steps && JSON.stringify(steps) !== JSON.stringify(takes.steps)) takes.show(steps);
});

await trying(async () => {
  const found = await models();
  kinds = new Map(found.map(({ name, writes }) => [name, writes]));
  voicesOf = new Map(found.map(({ name, voices }) => [name, voices]));
  at("model").replaceChildren(...[...kinds.keys()].map((name) => new Option(name)));
  at("model").dispatchEvent(new Event("change"));
});
const steps = stepsOf(location.hash);
if (steps) takes.show(steps, takes.from);
else if (takes.steps) showTake();
else showTakes();
frame();
