// A piece to look at and to hear: its roll, the player, a row for each voice. The studio, the frame
// of a piece in a notebook and the knobs there have the same view.

import { button, element, isDown, toggle } from "./dom.js";
import { showMixer } from "./mixer.js";
import { Player } from "./player.js";
import { Roll, nameOf } from "./roll.js";

// What a note can be asked: the map of it, the button, its key, and how it is said.
const LOOKS = [
  ["copied", "What it copied", "A", "from", "made up"],
  ["attention", "What it looked at", "Q", "looked at", "looked at nothing"],
];

export class View extends EventTarget {
  /** `tell(text, state)` shows a sentence, `looked()` gets what the notes of the piece looked at. */
  constructor(box, { tell, looked }) {
    super();
    this.tell = tell;
    this.looked = looked;
    this.piece = null;
    this.player = new Player();
    this.#build(box);
    this.roll = new Roll(this.part("roll"), this.player);
    this.player.addEventListener("change", () => { this.#showPlayer(); this.roll.draw(); });
    this.player.addEventListener("sound", () => {
      this.#showSound();
      this.roll.draw();
      this.dispatchEvent(new Event("sound"));
    });
    this.roll.addEventListener("mark", () => {
      this.player.region = this.roll.region;
      this.dispatchEvent(new Event("mark"));
    });
    this.roll.addEventListener("point", () => this.#tellNote());
    this.#frame();
  }

  part(id) {
    return this.parts.find((one) => one.id === id) ?? this.box.querySelector(`#${id}`);
  }

  #build(box) {
    const { player } = this;
    const named = (id, label, title) => ({ id, title, "aria-label": label, className: "quiet" });
    const tempo = element("input", { id: "tempo", type: "number", min: 20, max: 300, value: 84 });
    const volume = element("input", {
      id: "volume", type: "range", min: 0, max: 1, step: 0.02, value: player.volume,
    });
    tempo.addEventListener("change", () => this.#setTempo(Number(tempo.value)));
    volume.addEventListener("input", () => player.setVolume(Number(volume.value)));
    const looks = LOOKS.map(([map, text, key]) => toggle(
      text,
      { id: `look-${map}`, hidden: true, title: `${text}: point at a note (${key})` },
      (down) => this.#look(map, down),
    ));
    this.box = box;
    this.parts = [
      element(
        "div",
        { id: "roll", tabIndex: 0, role: "img", "aria-label": "Piano roll: empty" },
        element("div", { id: "roll-width" }),
        element("canvas", { id: "canvas" }),
      ),
      element(
        "div",
        { id: "transport", role: "group", "aria-label": "Player" },
        toggle("Play", { id: "play", className: "main", disabled: true,
          title: "Play or pause (space)" }, () => this.actions.play()),
        button("To start", { id: "rewind", title: "To the beginning (Home)" }, () => {
          player.seek(0);
          this.roll.follow(0, true);
        }),
        toggle("Loop", { id: "loop", title: "Play again and again (L)" },
          (looping) => player.change({ looping })),
        element("output", { id: "position", textContent: "bar –" }),
        element("label", {}, "Tempo ", tempo),
        element("label", {}, "Volume ", volume),
        element("span", { className: "gap" }),
        ...looks,
        button("+", named("closer", "Closer", "Closer (+)"), () => this.roll.zoom(1.35)),
        button("−", named("farther", "Farther", "Farther (−)"), () => this.roll.zoom(1 / 1.35)),
      ),
      element("ul", { id: "mixer", "aria-label": "Voices" }),
    ];
    box.append(...this.parts);
  }

  /** Shows a piece; notes that `before` had not are ringed, and those that it had alone outlined. */
  show(piece, before = null) {
    this.piece = piece;
    this.maps = piece.maps ?? null;
    this.player.load(piece);
    this.roll.show(piece, before);
    const voices = `${piece.voices.length} voice${piece.voices.length === 1 ? "" : "s"}`;
    const bars = piece.bars[piece.bars.length - 1][2];
    const label = `Piano roll: ${voices}, ${bars} bars. ${piece.summary}`;
    this.part("roll").setAttribute("aria-label", label);
    for (const [map] of LOOKS) {
      const has = piece.looks && (!this.maps || this.maps[map]);
      this.part(`look-${map}`).hidden = !has;
      this.part(`look-${map}`).setAttribute("aria-pressed", false);
    }
    this.#showSound();
    this.#showPlayer();
    this.dispatchEvent(new Event("mark"));
  }

  /** Ends it: nothing sounds or is drawn any more. */
  stop() {
    this.stopped = true;
    this.player.pause();
    this.player.context?.close();
  }

  /** What decides how the piece sounds, as the address holds it. */
  get sound() {
    return this.player.sound;
  }

  set sound(values) {
    this.player.sound = values;
  }

  #setTempo(value) {
    if (!this.piece) return;
    const wanted = Math.min(300, Math.max(20, value || this.piece.tempos[0][1]));
    this.player.setPace(wanted / this.piece.tempos[0][1]);
  }

  #showSound() {
    if (this.piece) this.part("tempo").value = Math.round(this.piece.tempos[0][1] * this.player.pace);
    showMixer(this.part("mixer"), this.player);
  }

  #showPlayer() {
    const { player, piece } = this;
    this.part("play").textContent = player.playing ? "Pause" : "Play";
    this.part("play").setAttribute("aria-pressed", player.playing);
    this.part("loop").setAttribute("aria-pressed", player.looping);
    this.part("play").disabled = !piece;
    if (!piece || this.roll.piece !== player.piece) return;
    const [start, , number, beat] = piece.bars[this.roll.barAt(player.beat)];
    const place = Math.floor((player.beat - start) / beat + 1e-6) + 1;
    const text = `bar ${number}, beat ${place}`;
    if (this.part("position").textContent !== text) this.part("position").textContent = text;
  }

  #frame() {
    if (this.stopped) return;
    if (this.player.playing) {
      this.roll.follow(this.player.beat);
      this.roll.draw();
      this.#showPlayer();
    }
    requestAnimationFrame(() => this.#frame());
  }

  async #look(map, down) {
    const { piece } = this;
    this.part(`look-${map}`).setAttribute("aria-pressed", down);
    if (down) this.maps ??= await this.looked();
    if (this.piece !== piece) return;
    for (const [name] of LOOKS) this.part(`look-${name}`).hidden = !(this.maps?.[name] ?? !this.maps);
    const shown = LOOKS.filter(([name]) => this.maps?.[name] && isDown(this.part(`look-${name}`)));
    this.roll.links = shown.length
      ? Object.fromEntries(shown.map(([name]) => [name, new Map(this.maps[name])])) : null;
    if (down && this.maps?.[map]) {
      const what = map === "copied" ? "was copied from: lines" : "looked at: dashed lines";
      this.tell(`Point at a note, or step to it, to see what it ${what}.`);
    }
    this.roll.draw();
  }

  /** What a note was copied from and looked at, in words. */
  #sources(beat) {
    const { links } = this.roll;
    return LOOKS.flatMap(([name, , , from, nothing]) => {
      const found = links?.[name]?.get(beat);
      if (!found) return [];
      if (!found.length) return [`; ${nothing}`];
      const places = found.slice(0, 3).map(([at, weight]) => (
        `bar ${this.piece.bars[this.roll.barAt(at)][2]} (${Math.round(100 * weight)} %)`
      ));
      return [`; ${from} ${places.join(", ")}`];
    }).join("");
  }

  #tellNote() {
    const { pointed } = this.roll;
    const note = this.piece.voices[0].notes.find(([start]) => start === pointed);
    if (note && this.#sources(pointed)) this.tell(`${nameOf(note[2])}${this.#sources(pointed)}`);
  }

  /** What sounds at the playhead, for those who don't see it. */
  #tellPlace() {
    const { beat } = this.player;
    const sounding = this.piece.voices.flatMap((voice) => voice.notes
      .filter(([start, length]) => start <= beat + 1e-6 && beat < start + length - 1e-6)
      .map((note) => `${voice.name} ${nameOf(note[2])}`));
    const place = this.part("position").textContent;
    this.tell(`${place}: ${sounding.join(", ") || "silence"}${this.#sources(this.roll.pointed)}`);
  }

  /** What keys do that are no button's. */
  actions = {
    play: () => (this.player.playing ? this.player.pause() : this.player.play()),
    step: (bars, beats) => {
      const { piece, player, roll } = this;
      if (!piece) return;
      const place = roll.barAt(player.beat);
      const [start, , , beat] = piece.bars[place];
      const target = piece.bars[Math.min(Math.max(place + bars, 0), piece.bars.length - 1)];
      const now = start + Math.round((player.beat - start) / beat) * beat;
      player.seek(bars ? target[0] : Math.max(0, now + beats * beat));
      roll.follow(player.beat);
      if (roll.links) roll.point(roll.noteAt(player.beat));
      if (!player.playing) this.#tellPlace();
    },
    extend: (by) => {
      const { piece, roll } = this;
      if (!piece) return;
      const here = piece.bars[roll.barAt(this.player.beat)][2];
      const last = piece.bars[piece.bars.length - 1][2];
      const [first, end] = roll.marked ?? [here, here - by];
      roll.mark(first, Math.min(Math.max(end + by, first), last));
      const [from, to] = roll.marked;
      this.tell(from === to ? `Marked: bar ${from}.` : `Marked: bars ${from}–${to}.`);
    },
    escape: () => { if (this.piece) this.roll.mark(null); },
    mute: (n) => this.#turn(n, "muted"),
    solo: (n) => this.#turn(n, "solo"),
  };

  #turn(number, what) {
    const voice = this.player.voices[number];
    if (voice) this.player.setVoice(number, { [what]: !voice[what] });
  }
}
