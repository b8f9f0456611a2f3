// Plays a piece: notes are handed to the Web Audio clock a little before they sound.
//
// A place in the piece is a beat, in quarter notes. `seconds` below are the piece's own, at the tempo
// that is written; the clock's are these divided by `pace`. A run is {time, at}: at the clock's
// `time` the piece is at `at` seconds; playing and each repetition of a loop begin one.

import { NAMES, likest, room, sound } from "./instruments.js";

const AHEAD = 0.4; // seconds that notes are handed over before
const EVERY = 60; // milliseconds after which the next ones are looked at
const LEAD = 0.06; // seconds from the press to the first note

const SLOWEST = 0.05; // how slow a pace may be, and its inverse how fast

/** What a voice is played by where nothing else is chosen. */
const asWritten = ({ program, drums }) => ({
  instrument: drums ? "plucked" : likest(program), muted: false, solo: false,
});

export class Player extends EventTarget {
  constructor() {
    super();
    this.context = null;
    this.voices = []; // {name, instrument, muted, solo}
    this.chosen = new Map(); // what of these was chosen here, by the voice's name
    this.pace = 1;
    this.looping = false;
    this.region = null; // beats [from, to] that a loop repeats; null is the whole piece
    this.playing = false;
    this.volume = 0.7;
    this.piece = null;
    this.notes = [];
    this.at = 0; // where it stands while nothing plays, in seconds
    this.runs = [];
    this.silence = new Set();
  }

  /** Takes a piece. The voices keep their instruments where they have the same names. */
  load(piece) {
    const beat = this.beat;
    const playing = this.playing;
    this.#halt();
    this.piece = piece;
    this.#choose();
    this.notes = piece.voices
      .flatMap((voice, number) => voice.notes.map(([start, length, pitch, velocity]) => ({
        start: this.#seconds(start),
        end: this.#seconds(start + length),
        pitch,
        loudness: velocity / 127,
        voice: number,
      })))
      .sort((a, b) => a.start - b.start);
    this.#buses();
    this.seek(Math.min(beat, piece.end));
    if (playing) this.play();
  }

  /** The voices of the piece: as the file has them, but for what was chosen. */
  #choose() {
    this.voices = (this.piece?.voices ?? []).map((voice) => ({
      name: voice.name, ...asWritten(voice), ...this.chosen.get(voice.name),
    }));
  }

  /** What was chosen here: the pace, if it is not 1, and what differs of voices by their names. */
  get sound() {
    return {
      ...(this.pace === 1 ? {} : { pace: this.pace }),
      ...(this.chosen.size ? { voices: Object.fromEntries(this.chosen) } : {}),
    };
  }

  set sound({ pace, voices }) {
    this.chosen = new Map();
    for (const [name, { instrument, muted, solo }] of Object.entries(voices ?? {})) {
      this.chosen.set(name, {
        ...(NAMES.includes(instrument) ? { instrument } : {}),
        ...(muted === true ? { muted } : {}),
        ...(solo === true ? { solo } : {}),
      });
    }
    this.#choose();
    this.#levels();
    this.setPace(pace >= SLOWEST && pace <= 1 / SLOWEST ? pace : 1);
  }

  setPace(pace) {
    this.change({ pace: Math.round(pace * 1e4) / 1e4 });
    this.dispatchEvent(new Event("sound"));
  }

  /** Seconds from the beginning to a beat, and back. */
  #seconds(beat) {
    let passed = 0;
    const tempos = this.piece.tempos;
    for (let i = 0; i < tempos.length; i += 1) {
      const [from, rate] = tempos[i];
      const to = Math.min(beat, tempos[i + 1]?.[0] ?? Infinity);
      if (to > from) passed += ((to - from) * 60) / rate;
    }
    return passed;
  }

  #beats(seconds) {
    let passed = 0;
    const tempos = this.piece.tempos;
    for (let i = 0; i < tempos.length; i += 1) {
      const [from, rate] = tempos[i];
      const lasts = ((tempos[i + 1]?.[0] ?? Infinity) - from) * (60 / rate);
      if (seconds < passed + lasts) return from + ((seconds - passed) * rate) / 60;
      passed += lasts;
    }
    return 0;
  }

  get #bounds() {
    const [from, to] = (this.looping && this.region) || [0, this.piece.end];
    return [this.#seconds(from), this.#seconds(to)];
  }

  /** Where the piece is now, as one hears it. */
  get beat() {
    if (!this.piece) return 0;
    return this.#beats(this.playing ? this.#now() : this.at);
  }

  #now() {
    if (!this.runs.length) return this.at;
    const heard = this.#heard();
    const run = this.runs.findLast((one) => one.time <= heard) ?? this.runs[0];
    return Math.max(run.at, run.at + (heard - run.time) * this.pace);
  }

  /** What the context's clock shows for the sound that leaves the loudspeaker at this moment. Its
   * `currentTime` goes in steps, and is ahead of that; this is told by what was put out last. */
  #heard() {
    const { currentTime, outputLatency } = this.context;
    const { contextTime, performanceTime } = this.context.getOutputTimestamp?.() ?? {};
    if (!(performanceTime > 0)) return currentTime - (outputLatency || 0);
    const since = (performance.now() - performanceTime) / 1000;
    return Math.min(contextTime + since, currentTime);
  }

  async play() {
    if (!this.piece || this.playing) return;
    this.#open();
    this.playing = true;
    this.dispatchEvent(new Event("change"));
    await this.context.resume();
    if (!this.playing || this.runs.length) return;
    const [from, to] = this.#bounds;
    if (this.at >= to - 0.01 || this.at < from) this.at = from;
    this.#run(this.context.currentTime + LEAD, this.at);
    this.#fill();
    this.timer = setInterval(() => this.#fill(), EVERY);
  }

  pause() {
    if (!this.playing) return;
    const beat = this.beat;
    this.#halt();
    this.seek(beat);
  }

  seek(beat) {
    const playing = this.playing;
    this.#halt();
    this.at = this.piece ? this.#seconds(Math.max(0, Math.min(beat, this.piece.end))) : 0;
    if (playing) this.play();
    this.dispatchEvent(new Event("change"));
  }

  /** Makes a change that what plays is to follow at once. */
  change(values) {
    const beat = this.beat;
    Object.assign(this, values);
    this.seek(beat);
  }

  setVolume(volume) {
    this.volume = volume;
    this.master?.gain.setTargetAtTime(volume, this.context.currentTime, 0.02);
  }

  /** Changes a voice: its instrument, or whether it is muted or alone. */
  setVoice(number, values) {
    const voice = this.voices[number];
    const written = asWritten(this.piece.voices[number]);
    const chosen = Object.entries({ ...this.chosen.get(voice.name), ...values })
      .filter(([what, value]) => value !== written[what]);
    if (chosen.length) this.chosen.set(voice.name, Object.fromEntries(chosen));
    else this.chosen.delete(voice.name);
    Object.assign(voice, values);
    this.#levels();
    this.dispatchEvent(new Event("sound"));
  }

  sounds(number) {
    const alone = this.voices.some((voice) => voice.solo);
    const { muted, solo } = this.voices[number];
    return alone ? solo : !muted;
  }

  #open() {
    if (this.context) return;
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.master = this.context.createGain();
    this.master.gain.value = this.volume;
    const limit = this.context.createDynamicsCompressor();
    this.master.connect(limit).connect(this.context.destination);
    this.hall = room(this.context, this.master);
    this.#buses();
  }

  #buses() {
    if (!this.context) return;
    for (const bus of this.buses ?? []) bus.disconnect();
    this.buses = this.voices.map((_, number) => {
      const bus = this.context.createGain();
      const place = this.context.createStereoPanner();
      const last = this.voices.length - 1;
      place.pan.value = last ? 0.7 * (number / last - 0.5) : 0;
      bus.connect(place).connect(this.hall);
      return bus;
    });
    this.#levels();
  }

  #levels() {
    if (!this.buses) return;
    this.buses.forEach((bus, number) => {
      bus.gain.setTargetAtTime(this.sounds(number) ? 1 : 0, this.context.currentTime, 0.01);
    });
  }

  #run(time, at) {
    this.runs = [...this.runs.slice(-3), { time, at }];
    // Notes that have begun already sound from here on.
    this.held = this.notes.filter((note) => note.start < at && note.end > at + 0.05);
    this.next = this.notes.findIndex((note) => note.start >= at);
    if (this.next < 0) this.next = this.notes.length;
  }

  /** Hands over the notes of the next moments. */
  #fill() {
    const until = this.context.currentTime + AHEAD;
    const [from, to] = this.#bounds;
    for (;;) {
      const run = this.runs[this.runs.length - 1];
      const when = (seconds) => run.time + (seconds - run.at) / this.pace;
      for (const note of this.held) this.#hand(note, run.time, (Math.min(note.end, to) - run.at));
      this.held = [];
      while (this.next < this.notes.length) {
        const note = this.notes[this.next];
        if (note.start >= to || when(note.start) > until) break;
        this.#hand(note, when(note.start), Math.min(note.end, to) - note.start);
        this.next += 1;
      }
      if (!this.looping) {
        if (this.context.currentTime > when(to) + 0.05) this.#finish();
        return;
      }
      if (when(to) > until) return;
      this.#run(Math.max(when(to), this.context.currentTime), from);
    }
  }

  #finish() {
    this.#halt();
    this.at = 0;
    this.dispatchEvent(new Event("change"));
  }

  #hand(note, at, seconds) {
    const { instrument } = this.voices[note.voice];
    const time = Math.max(at, this.context.currentTime + 0.003);
    const stop = sound(instrument, this.context, this.buses[note.voice], {
      at: time,
      seconds: Math.max(seconds / this.pace, 0.03),
      pitch: note.pitch,
      loudness: note.loudness,
    });
    const entry = { stop, end: time + seconds / this.pace };
    this.silence.add(entry);
    for (const old of this.silence) if (old.end < this.context.currentTime) this.silence.delete(old);
  }

  #halt() {
    clearInterval(this.timer);
    if (this.playing) this.at = this.#now();
    this.playing = false;
    this.runs = [];
    for (const { stop } of this.silence) stop();
    this.silence.clear();
  }
}
