"""
The chapter's second system: four voices at once
================================================

From data to MIDI with a MuseGAN: a generator draws phrases of four voices from four noises, and a
critic says how real they look. A GAN takes long to learn, and this one is tiny and stops after
seconds: what it writes shows how the pieces fit together, not what a MuseGAN can do.
``musegen.load("bach-quartet")`` was trained for 199 epochs.
"""

import tempfile
from pathlib import Path

import musegen

# %%
# The data: a few chorales, cut into phrases of two bars of sixteen steps.

chorales = musegen.corpus.chorales()
scores = [piece.score for piece in chorales.train[:24]]
encoding = musegen.PianorollEncoding(lowest=36, pitches=48)
print(encoding)

# %%
# Generator and critic. The generator has the noises' names; the critic is only there in training.

gan = musegen.MuseGAN(encoding, bars=2, units=64, noise_size=16)
for name, shape in gan.noise_shapes.items():
    print(f"{name:8} noise of shape {shape}")

# %%
# The Wasserstein loss: the critic scores real phrases above written ones as far as it can, the
# generator raises the scores of what it writes, and a penalty holds the critic's slope.

history = gan.fit(scores, epochs=4, critic_steps=2, batch_size=32, verbose=0)
for epoch, row in enumerate(zip(*(history.history[k] for k in ("wasserstein", "penalty"))), 1):
    print(f"epoch {epoch}: real above written by {row[0]:.2f}, penalty {row[1]:.3f}")

# %%
# A phrase, drawn from noise, and the same noise with another melody for the bass alone.

noise = gan.noise(seed=7)
phrase = gan.sample(noise=noise)
other = gan.sample(noise=gan.vary(noise, "melody", track="bass", seed=8))
same = [(phrase.roll[..., n] == other.roll[..., n]).all() for n in range(4)]
for track, equal in zip(encoding.tracks, same):
    print(f"{track.name:8} {'the same' if equal else 'another'}")

# %%
# Its piano roll. An untrained generator begins with the frequencies of the corpus's pitches,
# which is what this still looks like.

picture = phrase.plot()

# %%
# The phrase as a MIDI file of four tracks.

with tempfile.TemporaryDirectory() as folder:
    path = phrase.save(Path(folder) / "phrase.mid")
    print([track.name for track in musegen.read_midi(path).tracks])
