"""
Four knobs
==========

``bach-quartet`` writes a phrase from four noises: *style* and *groove* hold for all its bars,
*chords* and *melody* go from bar to bar; style and chords are for all voices, groove and melody for
one. Each can be drawn anew while the others stay.
"""

import musegen

gan = musegen.load("bach-quartet")
noise = gan.noise(seed=7)
phrase = gan.sample(noise=noise)
phrase

# %%
# The same phrase with one noise changed at a time. What stays is pale.

knobs = musegen.plot_knobs(gan, noise, seed=7, track="bass")

# %%
# How much of each voice a knob changes: the share of steps that are another, of this phrase.


def changed(before, after):
    """The share of steps of each voice in which two phrases differ."""
    return ((before.roll > 0) != (after.roll > 0)).any(axis=2).mean(axis=(0, 1))


for part in ("style", "chords"):
    shares = changed(phrase, gan.sample(noise=gan.vary(noise, part, seed=8)))
    print(f"another {part:17}", " ".join(f"{share:.2f}" for share in shares))
for part in ("groove", "melody"):
    shares = changed(phrase, gan.sample(noise=gan.vary(noise, part, track="bass", seed=8)))
    print(f"another {part} of the bass", " ".join(f"{share:.2f}" for share in shares))

# %%
# A walk from one phrase to another, of which the steps between are phrases too.

for step in musegen.interpolate(noise, gan.noise(seed=9), 5):
    piece = gan.sample(noise=step)
    print(" ".join(f"{share:.2f}" for share in changed(phrase, piece)), piece.summary())
