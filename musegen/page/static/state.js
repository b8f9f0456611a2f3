// The takes, which one is shown, and the way back and forth between them.
//
// A take is a list of steps that writes the same music each time. The address holds the steps of the
// take that is shown, and how it sounds where that was changed: {steps, pace, voices}, or the steps
// alone. All takes are kept for the tab, so that a reload brings them back.

const KEPT = "musegen-studio";
const MOST = 40;

/** What an address holds: the steps of a take and how it sounds, {steps, sound}, or null. */
export function stateOf(hash) {
  try {
    const held = JSON.parse(decodeURIComponent(hash.slice(1)));
    const { steps, ...sound } = Array.isArray(held) ? { steps: held } : held;
    return Array.isArray(steps) && steps.length ? { steps, sound } : null;
  } catch {
    return null;
  }
}

/** How far a walk has gone, as the mean of the noises that moved. */
function gone(share) {
  const values = Object.values(share).flatMap((one) => (
    typeof one === "number" ? [one] : Object.values(one)
  ));
  return Math.round(100 * (values.reduce((sum, one) => sum + one, 0) / (values.length || 1)));
}

/** What a take is called: its last step, and the seed of it. */
export function labelOf(steps) {
  const step = steps[steps.length - 1];
  const seed = step.seed === undefined ? "" : ` · ${step.seed}`;
  if (step.do === "file") return step.name;
  if (step.do === "compose") return `${step.model}${seed}`;
  if (step.do === "vary") return `${step.part}${step.track ? ` of ${step.track}` : ""}${seed}`;
  if (step.do === "walk") return `walk to B · ${gone(step.share)} %`;
  if (step.do === "rewrite") {
    const bars = step.bars ? ` ${[...new Set(step.bars)].join("–")}` : "";
    return `rewrite${bars}${step.voices ? ` ${step.voices.join(", ")}` : ""}${seed}`;
  }
  return `${step.do}${seed}`;
}

/** Steps with one more; a noise that is drawn anew takes the place of what it replaces. */
export function withStep(steps, step) {
  const replaced = (old) => step.do === "vary" && old.do === "vary" && old.part === step.part
    && (!step.track || old.track === step.track);
  return [...steps.filter((old) => !replaced(old)), step];
}

export class Takes extends EventTarget {
  constructor() {
    super();
    this.all = []; // {steps, from}: from is the take that it was made of, or null
    this.way = []; // takes in the order in which they were shown
    this.place = -1;
    this.sound = {};
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT));
      if (kept) Object.assign(this, { all: kept.all, way: kept.way, place: kept.place });
    } catch { /* what is no such list is as good as none */ }
  }

  get shown() {
    return this.way[this.place] ?? null;
  }

  get steps() {
    return this.all[this.shown]?.steps ?? null;
  }

  /** Shows a take: one of those that there are, or a new one, which may be instead of the one that
   * is shown. */
  show(steps, from = null, instead = false) {
    const text = JSON.stringify(steps);
    const take = { steps, from: from === null ? null : JSON.stringify(from) };
    let index = this.all.findIndex((one) => JSON.stringify(one.steps) === text);
    if (index < 0 && instead) this.all[(index = this.shown)] = take;
    if (index < 0) {
      if (this.all.length >= MOST) this.#forgetOldest();
      index = this.all.push(take) - 1;
    }
    if (index !== this.shown) {
      this.way = [...this.way.slice(0, this.place + 1), index];
      this.place = this.way.length - 1;
    }
    this.#changed();
  }

  /** What the take that is shown was made of, or null. */
  get from() {
    const from = this.all[this.shown]?.from;
    return from ? JSON.parse(from) : null;
  }

  can(direction) {
    const place = this.place + direction;
    return place >= 0 && place < this.way.length;
  }

  /** Goes back (-1) or forth (1). */
  go(direction) {
    if (!this.can(direction)) return false;
    this.place += direction;
    this.#changed();
    return true;
  }

  #forgetOldest() {
    this.all.shift();
    const before = this.way.slice(0, this.place + 1).filter((index) => index > 0).length;
    this.way = this.way.filter((index) => index > 0).map((index) => index - 1);
    this.place = before - 1;
  }

  /** Keeps how the take sounds. */
  hear(sound) {
    this.sound = sound;
    this.#keep();
  }

  #keep() {
    const { all, way, place, steps, sound } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ all, way, place }));
    const held = Object.keys(sound).length ? { steps, ...sound } : steps;
    history.replaceState(null, "", steps ? `#${encodeURIComponent(JSON.stringify(held))}` : "#");
  }

  #changed() {
    this.#keep();
    this.dispatchEvent(new Event("change"));
  }
}
