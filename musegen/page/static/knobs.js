// The noises of a model that draws phrases, a pad for each noise and track: it is drawn anew, locked,
// and walked from A to B. What is locked stays as it is.

import { button, element, isDown, slider, toggle } from "./dom.js";

const ABOUT = {
  style: "what all voices share, in every bar",
  chords: "what all voices share, bar by bar",
  groove: "what a voice keeps through all bars",
  melody: "what a voice does bar by bar",
};

export class Knobs {
  /** `draw(turns)` is called with the noises to draw anew: {part, track} each; `walk(shares, done)`
   * with how far each noise is to be from A to B, `{style: 0.5, melody: {bass: 1}}`, while a slider
   * is moved and when it is let go; `mark(end)` to make the piece that is shown "a" or "b". */
  constructor(box, { draw, walk, mark }) {
    this.draw = draw;
    this.parts = null;
    this.pads = []; // {part, track, lock, press, share}
    this.box = box;
    this.walk = (done) => walk(this.shares, done);
    this.rows = element("div", { id: "knob-rows" });
    this.all = slider("From A to B: all that is not locked");
    this.all.id = "walk-all";
    this.all.addEventListener("input", () => this.#setAll(Number(this.all.value)));
    for (const kind of ["input", "change"]) {
      this.all.addEventListener(kind, () => this.walk(kind === "change"));
    }
    const end = (id, key) => button(id.toUpperCase(), {
      id: `mark-${id}`, title: `Take the piece that is shown as ${id.toUpperCase()} (${key})`,
      "aria-label": `The piece that is shown is ${id.toUpperCase()}`,
    }, () => mark(id));
    this.ends = element("p", { className: "hint", id: "walk-ends" });
    box.append(
      element("div", { id: "walk" }, end("a", "F"), this.all, end("b", "T")),
      this.ends,
      this.rows,
      button("Draw all that are not locked", { id: "draw-all", title: "D" }, () => this.drawAll()),
    );
  }

  /** Shows the noises of a piece, as tracks with one of their own by the name of the noise; how far
   * each is from A to B, and what A and B are. */
  show(parts, shares, ends) {
    if (JSON.stringify(parts) !== JSON.stringify(this.parts)) {
      this.parts = parts;
      this.pads = [];
      this.rows.replaceChildren(...Object.entries(parts ?? {}).map(
        ([part, tracks]) => this.#part(part, tracks),
      ));
    }
    for (const { part, track, share } of this.pads) {
      const value = shares.all ?? shares[part] ?? 0;
      share.value = typeof value === "number" ? value : value[track] ?? 0;
    }
    const values = this.pads.map(({ share }) => Number(share.value));
    this.all.value = values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
    this.ends.textContent = ends;
  }

  /** How far each noise is: what is at A is left out. */
  get shares() {
    const found = {};
    for (const { part, track, share } of this.pads) {
      const value = Number(share.value);
      if (value && track) (found[part] ??= {})[track] = value;
      else if (value) found[part] = value;
    }
    return found;
  }

  #setAll(value) {
    for (const { lock, share } of this.pads) if (!isDown(lock)) share.value = value;
  }

  /** The pads of a noise: one, or one for each track below the noise's own row. */
  #part(part, tracks) {
    const rows = (tracks.length ? tracks : [null]).map((track) => this.#pad(part, track));
    if (!tracks.length) return element("div", { className: "knob" }, ...rows);
    const own = this.pads.filter((pad) => pad.part === part);
    const lock = toggle("Lock", { "aria-label": `Lock ${part}` }, (down) => {
      for (const pad of own) this.#lock(pad, down);
      this.#lock({ lock, press }, down);
    });
    const press = button(part, { title: ABOUT[part], "aria-label": `Draw ${part} anew` }, () => {
      const free = own.filter((pad) => !isDown(pad.lock));
      this.draw(free.length === own.length ? [{ part, track: null }] : free);
    });
    const head = element("div", { className: "pad" }, press, lock,
      element("span", { className: "hint", textContent: "all voices" }));
    return element("div", { className: "knob" }, head, ...rows);
  }

  #pad(part, track) {
    const name = track ? `${part} of ${track}` : part;
    const press = button(track ?? part, {
      title: ABOUT[part], "aria-label": `Draw ${part} anew${track ? ` for ${track}` : ""}`,
    }, () => this.draw([{ part, track }]));
    const share = slider(`From A to B: ${name}`);
    const lock = toggle("Lock", { "aria-label": `Lock ${name}` }, (down) => this.#lock(pad, down));
    const pad = { part, track, lock, press, share };
    for (const kind of ["input", "change"]) {
      share.addEventListener(kind, () => this.walk(kind === "change"));
    }
    this.pads.push(pad);
    return element("div", { className: track ? "pad of-track" : "pad" }, press, lock, share);
  }

  #lock({ lock, press, share }, down) {
    lock.setAttribute("aria-pressed", down);
    lock.textContent = down ? "Locked" : "Lock";
    press.disabled = down;
    if (share) share.disabled = down;
  }

  drawAll() {
    const turns = Object.keys(this.parts ?? {}).flatMap((part) => {
      const own = this.pads.filter((pad) => pad.part === part);
      const free = own.filter((pad) => !isDown(pad.lock));
      return free.length === own.length ? [{ part, track: null }] : free;
    });
    this.draw(turns.map(({ part, track }) => ({ part, track })));
  }
}
