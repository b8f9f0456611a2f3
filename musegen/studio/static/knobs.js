// The four noises of a model that draws phrases: each is drawn anew for all tracks or for one, and
// what is locked stays as it is.

import { element } from "/static/mixer.js";

const ABOUT = {
  style: "what all voices share, in every bar",
  chords: "what all voices share, bar by bar",
  groove: "what a voice keeps through all bars",
  melody: "what a voice does bar by bar",
};

export class Knobs {
  /** `draw(turns)` is called with the noises to draw anew: {part, track} each. */
  constructor(box, draw) {
    this.box = box;
    this.draw = draw;
    this.locked = new Set();
    this.parts = {};
  }

  /** Shows the knobs of a piece: tracks with a noise of their own, by the name of the noise. */
  show(parts) {
    if (JSON.stringify(parts) === JSON.stringify(this.parts)) return;
    this.parts = parts ?? {};
    this.box.replaceChildren(...Object.entries(this.parts).map(([part, tracks]) => {
      const lock = element("button", { type: "button", textContent: "Lock" });
      lock.setAttribute("aria-label", `Lock ${part}`);
      const names = tracks.length ? ["all", ...tracks] : ["draw anew"];
      const buttons = names.map((name, place) => {
        const track = place ? name : null;
        const button = element("button", { type: "button", textContent: name });
        button.setAttribute("aria-label", `Draw ${part} anew${track ? ` for ${track}` : ""}`);
        button.addEventListener("click", () => this.draw([{ part, track }]));
        return button;
      });
      const press = () => {
        const locked = this.locked.has(part);
        lock.setAttribute("aria-pressed", locked);
        lock.textContent = locked ? "Locked" : "Lock";
        for (const button of buttons) button.disabled = locked;
      };
      lock.addEventListener("click", () => {
        if (!this.locked.delete(part)) this.locked.add(part);
        press();
      });
      press();
      return element(
        "div",
        { className: "knob" },
        element("h4", {}, element("span", { textContent: part, title: ABOUT[part] }), lock),
        element("div", { className: "row" }, ...buttons),
      );
    }));
  }

  drawAll() {
    const turns = Object.keys(this.parts).filter((part) => !this.locked.has(part));
    this.draw(turns.map((part) => ({ part, track: null })));
  }
}
