// The piano roll: time from left to right, pitch upwards, a box for each note, a colour for each
// voice. Only what is in view is drawn, on a canvas that stays in place while the page behind it
// scrolls. Bars are marked by dragging over their numbers.

const KEYS = 46; // pixels of the names of pitches
const RULER = 26; // of the numbers of bars
const FOOT = 8;
const BLACK = new Set([1, 3, 6, 8, 10]);
const CLASSES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B"];

/** The name of a pitch: middle C is C4. */
export const nameOf = (pitch) => `${CLASSES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

// Of each map: whether its lines are dashed.
const DASHED = { copied: false, attention: true };

/** The notes of a piece, by names that say all of them: `voice/start/length/pitch`. */
function notesOf(piece) {
  return new Map(piece.voices.flatMap((voice, number) => voice.notes.map(
    (note) => [`${voice.name}/${note.slice(0, 3).join("/")}`, [number, note]],
  )));
}

export class Roll extends EventTarget {
  constructor(box, player) {
    super();
    this.box = box;
    this.player = player;
    this.width = box.querySelector("div");
    this.canvas = box.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.piece = null;
    this.marked = null; // numbers of the first and last marked bar
    this.changed = new Set(); // notes that are new
    this.gone = []; // notes that were there before
    this.links = null; // what is shown of notes by their beat: {copied, attention}, a Map each
    this.pointed = null;
    this.scale = 40; // pixels of a quarter note
    new ResizeObserver(() => this.#fit()).observe(box);
    box.addEventListener("scroll", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.#listen();
  }

  /** Shows a piece. Notes that the piece before had not are ringed, those it had alone outlined. */
  show(piece, before) {
    const first = this.piece === null || this.piece.end !== piece.end;
    if (first) this.marked = null;
    this.piece = piece;
    const [now, old] = [notesOf(piece), before ? notesOf(before) : new Map()];
    this.changed = new Set(before ? [...now.keys()].filter((name) => !old.has(name)) : []);
    this.gone = [...old].filter(([name]) => !now.has(name)).map(([, note]) => note);
    this.links = null;
    this.pointed = null;
    const drawn = [...now.values(), ...this.gone];
    const pitches = drawn.map(([, note]) => note[2]);
    this.low = Math.min(...pitches, 127) - 2;
    this.high = Math.max(...pitches, 0) + 2;
    while (this.high - this.low < 20) { this.low -= 1; this.high += 1; }
    // As high as the notes need, for their names to be read, if the window has that much.
    const wanted = RULER + FOOT + (this.high - this.low + 1) * 11.5;
    const most = innerHeight * (Math.min(innerWidth, 1.3 * innerHeight) > 860 ? 0.68 : 0.42);
    this.box.style.height = `${Math.max(260, Math.min(wanted, most))}px`;
    this.length = Math.max(piece.end, piece.bars[piece.bars.length - 1][1]);
    if (first) {
      const room = this.box.clientWidth - KEYS - 12;
      this.scale = Math.min(72, Math.max(18, room / this.length));
      if (room / this.length < 18) this.scale = 34;
      this.box.scrollLeft = 0;
    }
    this.#fit();
  }

  zoom(factor) {
    if (!this.piece) return;
    const beat = this.player.beat;
    this.scale = Math.min(240, Math.max(4, this.scale * factor));
    this.#fit();
    this.follow(beat, true);
  }

  /** Scrolls so that a beat is in view. */
  follow(beat, always = false) {
    const x = beat * this.scale;
    const { scrollLeft, clientWidth } = this.box;
    const view = clientWidth - KEYS;
    if (always || x < scrollLeft || x > scrollLeft + view * 0.92) {
      this.box.scrollLeft = Math.max(0, x - view * 0.15);
    }
  }

  /** The place of the bar that a beat is in. */
  barAt(beat) {
    const place = this.piece.bars.findLastIndex((bar) => bar[0] <= beat + 1e-6);
    return Math.max(place, 0);
  }

  mark(first, last) {
    this.marked = first === null ? null : [Math.min(first, last), Math.max(first, last)];
    this.dispatchEvent(new Event("mark"));
    this.draw();
  }

  /** The beats of the marked bars, or null. */
  get region() {
    if (!this.marked) return null;
    const bars = this.piece.bars.filter(
      (bar) => bar[2] >= this.marked[0] && bar[2] <= this.marked[1],
    );
    return bars.length ? [bars[0][0], bars[bars.length - 1][1]] : null;
  }

  #fit() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.box;
    this.canvas.width = clientWidth * ratio;
    this.canvas.height = clientHeight * ratio;
    this.canvas.style.width = `${clientWidth}px`;
    this.canvas.style.height = `${clientHeight}px`;
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const width = this.piece ? this.length * this.scale + KEYS + 12 : 0;
    this.width.style.width = `${Math.max(width, 0)}px`;
    this.draw();
  }

  #x(beat) {
    return KEYS + beat * this.scale - this.box.scrollLeft;
  }

  #y(pitch) {
    return RULER + (this.high - pitch) * this.row;
  }

  draw() {
    const { pen, box } = this;
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const [wide, high] = [box.clientWidth, box.clientHeight];
    pen.fillStyle = colour("sheet");
    pen.fillRect(0, 0, wide, high);
    if (!this.piece || this.player.piece !== this.piece) return;
    this.row = (high - RULER - FOOT) / (this.high - this.low + 1);
    this.#ground(colour, wide, high);
    this.#gone(colour);
    this.piece.voices.forEach((voice, number) => this.#voice(voice, number, colour, wide));
    this.#arcs(colour);
    const at = this.#x(this.player.beat);
    pen.fillStyle = colour("ink");
    if (at >= KEYS) pen.fillRect(at - 1, 0, 2, high);
    this.#keys(colour, high);
  }

  #ground(colour, wide, high) {
    const { pen } = this;
    pen.fillStyle = colour("shade");
    for (let pitch = this.low; pitch <= this.high; pitch += 1) {
      if (BLACK.has(((pitch % 12) + 12) % 12)) pen.fillRect(KEYS, this.#y(pitch), wide, this.row);
    }
    const region = this.region;
    if (region) {
      pen.fillStyle = colour("mark");
      pen.fillRect(this.#x(region[0]), 0, (region[1] - region[0]) * this.scale, high);
    }
    const given = this.piece.given;
    if (given) {
      pen.fillStyle = colour("strong-line");
      for (let y = RULER; y < high; y += 8) pen.fillRect(this.#x(given) - 1, y, 1.5, 4);
    }
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    let free = -Infinity;
    for (const [start, end, number, beat] of this.piece.bars) {
      const [from, to] = [this.#x(start), this.#x(end)];
      if (to < KEYS || from > wide) continue;
      if (beat * this.scale > 14) {
        pen.fillStyle = colour("line");
        for (let at = start + beat; at < end - 1e-6; at += beat) {
          pen.fillRect(Math.round(this.#x(at)), RULER, 0.5, high);
        }
      }
      pen.fillStyle = colour("strong-line");
      pen.fillRect(Math.round(from), 6, 1, high);
      if (from >= free) {
        pen.fillStyle = colour("soft");
        pen.fillText(number, from + 5, RULER / 2);
        free = from + 30;
      }
    }
    pen.fillStyle = colour("line");
    pen.fillRect(0, RULER - 1, wide, 1);
  }

  #voice(voice, number, colour, wide) {
    const { pen } = this;
    const body = colour(`voice-${number % 8}`);
    const silent = !this.player.sounds(number);
    const given = this.piece.given ?? 0;
    const light = Number(number % 8) % 2 === 1;
    for (const [start, length, pitch] of voice.notes) {
      const x = this.#x(start) + 0.5;
      const w = Math.max(length * this.scale - 1.5, 2);
      if (x + w < KEYS || x > wide) continue;
      const [y, h] = [this.#y(pitch) + 0.75, Math.max(this.row - 1.5, 2)];
      pen.globalAlpha = silent ? 0.22 : start < given - 1e-6 ? 0.5 : 1;
      pen.fillStyle = body;
      pen.beginPath();
      pen.roundRect(x, y, w, h, Math.min(3, h / 3));
      pen.fill();
      if (this.changed.has(`${voice.name}/${start}/${length}/${pitch}`)) {
        pen.strokeStyle = colour("ring");
        pen.lineWidth = 2;
        pen.stroke();
      }
      const name = nameOf(pitch);
      if (h >= 9.5 && w > 7 * name.length + 3 && !silent) {
        pen.font = `600 ${Math.min(h - 1, 11)}px system-ui, sans-serif`;
        pen.fillStyle = light || body === "#2e9a70" ? colour("dark-ink") : colour("note-ink");
        pen.globalAlpha = 1;
        pen.fillText(name, Math.max(x + 4, KEYS + 4), y + h / 2 + 0.5);
      }
    }
    pen.globalAlpha = 1;
  }

  #gone(colour) {
    const { pen } = this;
    pen.setLineDash([3, 2]);
    pen.lineWidth = 1.5;
    for (const [number, [start, length, pitch]] of this.gone) {
      pen.strokeStyle = colour(`voice-${number % 8}`);
      const wide = Math.max(length * this.scale - 3, 2);
      pen.strokeRect(this.#x(start) + 1.5, this.#y(pitch) + 1.5, wide, Math.max(this.row - 3, 2));
    }
    pen.setLineDash([]);
  }

  /** Lines from the note that is pointed at to those that it was copied from, or looked at. */
  #arcs(colour) {
    for (const [map, links] of Object.entries(this.links ?? {})) {
      const found = links.get(this.pointed);
      if (found) this.#lines(found, DASHED[map], colour);
    }
  }

  #lines(found, dashed, colour) {
    const { pen } = this;
    const notes = this.piece.voices[0].notes;
    const middle = (beat) => {
      const note = notes.find(([start]) => Math.abs(start - beat) < 1e-6);
      if (!note) return null;
      return [this.#x(note[0]) + (note[1] * this.scale) / 2, this.#y(note[2]) + this.row / 2];
    };
    const to = middle(this.pointed);
    const own = notes.find(([start]) => start === this.pointed);
    pen.strokeStyle = colour("ring");
    pen.lineWidth = 2;
    pen.strokeRect(this.#x(own[0]), this.#y(own[2]), own[1] * this.scale, this.row);
    pen.setLineDash(dashed ? [7, 5] : []);
    for (const [beat, weight] of found) {
      const from = middle(beat);
      if (!from || !to) continue;
      pen.strokeStyle = colour("ring");
      pen.globalAlpha = 0.35 + 0.65 * weight;
      pen.lineWidth = 1 + 5 * weight;
      pen.beginPath();
      pen.moveTo(...from);
      const far = 24 + 30 * weight;
      const turn = dashed ? Math.max(from[1], to[1]) + far : Math.min(from[1], to[1]) - far;
      pen.quadraticCurveTo((from[0] + to[0]) / 2, turn, ...to);
      pen.stroke();
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  #keys(colour, high) {
    const { pen } = this;
    pen.fillStyle = colour("sheet");
    pen.fillRect(0, 0, KEYS, high);
    pen.fillStyle = colour("line");
    pen.fillRect(KEYS - 1, 0, 1, high);
    pen.font = "11px system-ui, sans-serif";
    for (let pitch = this.low; pitch <= this.high; pitch += 1) {
      const white = !BLACK.has(((pitch % 12) + 12) % 12);
      if (pitch % 12 && !(white && this.row > 11)) continue;
      pen.fillStyle = colour(pitch % 12 ? "soft" : "ink");
      if (pitch >= 0) pen.fillText(nameOf(pitch), 10, this.#y(pitch) + this.row / 2 + 0.5);
    }
    pen.fillStyle = colour("soft");
    pen.fillText("bar", 10, RULER / 2);
  }

  /** The start of the note of the first voice that is at a beat, or null. */
  noteAt(beat) {
    const found = this.piece.voices[0].notes.find(
      ([start, length]) => start <= beat + 1e-6 && beat < start + length - 1e-6,
    );
    return found ? found[0] : null;
  }

  point(start) {
    if (start === this.pointed) return;
    this.pointed = start;
    this.dispatchEvent(new Event("point"));
    this.draw();
  }

  #listen() {
    const { canvas } = this;
    let from = null;
    const beatOf = (event) => (event.offsetX - KEYS + this.box.scrollLeft) / this.scale;
    const barOf = (event) => this.piece.bars[this.barAt(beatOf(event))][2];
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.piece || event.button) return;
      if (event.offsetY > RULER) return;
      canvas.setPointerCapture(event.pointerId);
      from = event.shiftKey && this.marked ? this.marked[0] : barOf(event);
      this.mark(from, barOf(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.piece) return;
      canvas.style.cursor = event.offsetY <= RULER ? "col-resize" : "default";
      if (from !== null) this.mark(from, barOf(event));
      else if (this.links && event.offsetY > RULER) this.point(this.noteAt(beatOf(event)));
    });
    canvas.addEventListener("pointerup", () => { from = null; });
    canvas.addEventListener("click", (event) => {
      if (!this.piece || event.offsetY <= RULER || event.offsetX < KEYS) return;
      this.player.seek(Math.max(0, beatOf(event)));
    });
  }
}
