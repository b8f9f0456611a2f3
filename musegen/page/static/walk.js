// Walks from one take to another: where they begin and end, and the take that a place on the way is.

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const lastOf = (steps) => steps[steps.length - 1];

export class Walk {
  constructor() {
    this.a = null;
    this.b = null; // steps, or null, which is drawn when one sets out
  }

  /** Makes the take that is shown an end: "a" or "b". */
  mark(end, steps) {
    this[end] = steps;
  }

  /** Where a take is: between which ends, and how far each noise has gone. */
  at(steps) {
    const step = lastOf(steps);
    if (step.do === "walk") return { a: steps.slice(0, -1), b: step.to, shares: step.share };
    if (this.a && same(steps, this.b)) return { a: this.a, b: this.b, shares: { all: 1 } };
    return { a: steps, b: this.b, shares: {} };
  }

  /** Whether two takes are places of the same walk. */
  isSame(one, other) {
    const [from, to] = [lastOf(one), lastOf(other)];
    return from.do === "walk" && to.do === "walk" && same(from.to, to.to)
      && same(one.slice(0, -1), other.slice(0, -1));
  }

  /** The take that lies between the ends of a take, so far. Without another end one is drawn. */
  steps(steps, share, seed) {
    const { a, b } = this.at(steps);
    const [first] = a;
    const fits = b && !same(a, b) && b[0].model === first.model && b[0].bars === first.bars;
    const to = fits ? b : [{ ...first, seed }];
    [this.a, this.b] = [a, to];
    if (!Object.keys(share).length) return a;
    return [...a, { do: "walk", model: first.model, to, share }];
  }
}
