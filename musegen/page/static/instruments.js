// Plain instruments, made of oscillators and filters, and the room that they sound in.
//
// `sound(name, context, out, note)` plays a note: {at, seconds, pitch, loudness}, `at` in seconds of
// the context's clock, loudness from 0 to 1. It returns a function that silences it at once.

const RELEASE = { organ: 0.08, choir: 0.22, strings: 0.25, piano: 0.12, plucked: 0.1 };
export const NAMES = Object.keys(RELEASE);

/** The instrument that is likest to a program of General MIDI. */
export function likest(program) {
  if (program < 16) return "piano";
  if (program < 24) return "organ";
  if (program < 40) return "plucked";
  if (program < 52) return "strings";
  if (program < 56) return "choir";
  if (program < 80) return "organ";
  return program < 104 ? "strings" : "plucked";
}

// How loud each partial is, from the first.
const PARTIALS = {
  organ: [1, 0.55, 0.3, 0.28, 0.05, 0.14, 0, 0.12],
  piano: [1, 0.48, 0.3, 0.17, 0.11, 0.08, 0.05, 0.04, 0.02],
  plucked: [1, 0.75, 0.55, 0.36, 0.24, 0.2, 0.12, 0.1, 0.06, 0.05],
};
const waves = new WeakMap();

function wave(context, name) {
  const made = waves.get(context) ?? new Map();
  waves.set(context, made);
  if (!made.has(name)) {
    const imaginary = Float32Array.from([0, ...PARTIALS[name]]);
    made.set(name, context.createPeriodicWave(new Float32Array(imaginary.length), imaginary));
  }
  return made.get(name);
}

function oscillator(context, note, type, cents = 0) {
  const one = context.createOscillator();
  if (PARTIALS[type]) one.setPeriodicWave(wave(context, type));
  else one.type = type;
  one.frequency.value = 440 * 2 ** ((note.pitch - 69) / 12);
  one.detune.value = cents;
  return one;
}

function filter(context, type, frequency, quality = 0.7) {
  const one = context.createBiquadFilter();
  one.type = type;
  one.frequency.value = frequency;
  one.Q.value = quality;
  return one;
}

function gain(context, value = 1) {
  const one = context.createGain();
  one.gain.value = value;
  return one;
}

/** Goes from silence to a peak, and after it decays towards `sustain` of it. */
function envelope(level, note, attack, peak, sustain, decay) {
  level.setValueAtTime(0, note.at);
  level.linearRampToValueAtTime(peak, note.at + attack);
  level.setTargetAtTime(peak * sustain, note.at + attack, decay);
}

const MAKE = {
  organ(context, note, out) {
    envelope(out.gain, note, 0.02, 0.16, 1, 1);
    const pipe = oscillator(context, note, "organ");
    pipe.connect(out);
    return [pipe];
  },
  choir(context, note, out) {
    envelope(out.gain, note, 0.12, 0.3, 0.85, 0.4);
    const throat = gain(context, 0.5);
    // The formants of an "ah", a little higher for higher voices.
    const higher = 1 + (note.pitch - 60) / 120;
    for (const [frequency, quality, level] of [[650, 5, 1], [1080, 8, 0.5], [2650, 10, 0.18]]) {
      const formant = filter(context, "bandpass", frequency * higher, quality);
      const part = gain(context, level);
      throat.connect(formant).connect(part).connect(out);
    }
    throat.connect(filter(context, "lowpass", 500 * higher)).connect(out);
    const singers = [-7, 0, 6].map((cents) => oscillator(context, note, "sawtooth", cents));
    const vibrato = context.createOscillator();
    vibrato.frequency.value = 5.2;
    const width = gain(context, 0);
    width.gain.setValueAtTime(0, note.at + 0.2);
    width.gain.linearRampToValueAtTime(9, note.at + 0.7);
    vibrato.connect(width);
    for (const singer of singers) {
      width.connect(singer.detune);
      singer.connect(throat);
    }
    return [...singers, vibrato];
  },
  strings(context, note, out) {
    envelope(out.gain, note, 0.09, 0.12, 0.85, 0.5);
    const body = filter(context, "lowpass", 900 + 1800 * note.loudness);
    body.connect(filter(context, "highpass", 120)).connect(out);
    const bows = [-8, 3, 9].map((cents) => oscillator(context, note, "sawtooth", cents));
    for (const bow of bows) bow.connect(body);
    return bows;
  },
  piano(context, note, out) {
    const fall = 0.9 * 2 ** ((64 - note.pitch) / 20);
    envelope(out.gain, note, 0.004, 0.42, 0.03, fall);
    const soundboard = filter(context, "lowpass", 5200);
    soundboard.frequency.setValueAtTime(1400 + 5000 * note.loudness, note.at);
    soundboard.frequency.setTargetAtTime(700, note.at, 0.5 * fall);
    soundboard.connect(out);
    const strings = [-1.5, 1.5].map((cents) => oscillator(context, note, "piano", cents));
    for (const string of strings) string.connect(soundboard);
    return strings;
  },
  plucked(context, note, out) {
    const fall = 0.34 * 2 ** ((64 - note.pitch) / 24);
    envelope(out.gain, note, 0.003, 0.5, 0, fall);
    const body = filter(context, "lowpass", 6000, 1.2);
    body.frequency.setValueAtTime(2000 + 5000 * note.loudness, note.at);
    body.frequency.setTargetAtTime(500, note.at, 0.4 * fall);
    body.connect(out);
    const string = oscillator(context, note, "plucked");
    string.connect(body);
    return [string];
  },
};

export function sound(name, context, out, note) {
  const level = gain(context, 0);
  const strength = gain(context, 0.25 + 0.75 * note.loudness ** 2);
  level.connect(strength).connect(out);
  const sources = MAKE[name](context, note, level);
  const end = note.at + note.seconds;
  const release = RELEASE[name];
  level.gain.setTargetAtTime(0, end, release / 3);
  for (const source of sources) {
    source.start(note.at);
    source.stop(end + 2 * release);
  }
  sources[0].onended = () => strength.disconnect();
  return () => {
    const now = context.currentTime;
    level.gain.cancelScheduledValues(now);
    level.gain.setTargetAtTime(0, now, 0.015);
    for (const source of sources) source.stop(Math.max(now, note.at) + 0.1);
  };
}

/** A little room: what goes into it goes on to `out`, dry and with an echo of walls. */
export function room(context, out, seconds = 1.4, wet = 0.22) {
  const length = Math.floor(seconds * context.sampleRate);
  const walls = context.createBuffer(2, length, context.sampleRate);
  let seed = 1;
  for (let side = 0; side < 2; side += 1) {
    const samples = walls.getChannelData(side);
    for (let i = 0; i < length; i += 1) {
      seed = (seed * 16807) % 2147483647; // the same room each time
      samples[i] = ((2 * seed) / 2147483647 - 1) * (1 - i / length) ** 3.2;
    }
  }
  const input = gain(context);
  const echo = context.createConvolver();
  echo.buffer = walls;
  input.connect(out);
  input.connect(filter(context, "lowpass", 4200)).connect(echo).connect(gain(context, wet)).connect(out);
  return input;
}
