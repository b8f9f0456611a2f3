// A row for each voice: its colour, its instrument, and whether it is muted or alone.

import { element, toggle } from "./dom.js";
import { NAMES } from "./instruments.js";

function row(player, { name }, number) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.background = `var(--voice-${number % 8})`;
  const label = `Instrument of ${name}`;
  const choice = element("select", { "aria-label": label }, ...NAMES.map((one) => new Option(one)));
  choice.addEventListener("change", () => player.setVoice(number, { instrument: choice.value }));
  const key = number < 8 ? number + 1 : "";
  const named = (title) => ({ title, "aria-label": title });
  return element(
    "li",
    {},
    swatch,
    element("span", { className: "name", textContent: name, title: name }),
    choice,
    toggle("Mute", named(`Mute ${name} ${key && `(${key})`}`),
      (muted) => player.setVoice(number, { muted })),
    toggle("Solo", named(`${name} alone ${key && `(Shift+${key})`}`),
      (solo) => player.setVoice(number, { solo })),
  );
}

/** Shows the player's voices; the rows of the same voices stay, with what has the focus. */
export function showMixer(list, player) {
  const names = player.voices.map((voice) => voice.name).join("\n");
  if (list.dataset.names !== names) {
    list.dataset.names = names;
    list.replaceChildren(...player.voices.map((voice, number) => row(player, voice, number)));
  }
  player.voices.forEach(({ instrument, muted, solo }, number) => {
    const [choice, mute, alone] = list.children[number].querySelectorAll("select, button");
    choice.value = instrument;
    mute.setAttribute("aria-pressed", muted);
    alone.setAttribute("aria-pressed", solo);
  });
}
