"""
Harmonise a tune
================

A tune goes in, three voices come out, and the tune stays as it is, to the note. The model
``bach-chorale`` learned from Bach's chorales with some of the voices given.
"""

import musegen
from musegen.evaluation import voice_leading

# %%
# The tune. Here it is made by hand: pitches (60 is middle C) and lengths in quarter notes. A path
# to a MIDI or MusicXML file does as well.

pitches = [67, 67, 69, 71, 72, 71, 69, 71, 69, 67, 66, 67]
pitches += [71, 71, 72, 74, 74, 72, 71, 69, 71, 69, 66, 67]
quarters = [1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 4] * 2
encoding = musegen.PitchDurationEncoding()
steps = encoding.steps.tolist()
ids = ([0, *[p + 4 for p in pitches], 1], [0, *[steps.index(24 * q) for q in quarters], 0])
tune = encoding.decode(ids)
picture = musegen.plot_pianoroll(tune, title="The tune")

# %%
# Alto, tenor and bass to it.

model = musegen.load("bach-chorale")
piece = model.harmonise(tune, seed=7)
print(piece)
piece

# %%
# The soprano is the tune.

soprano = [note.pitch for note in piece.score.tracks[0].notes]
print(soprano == pitches)

# %%
# What the model paid for each voice: nats a step, where the tune cost nothing, since it was given.

written = abs(piece.log_likelihoods.mean(axis=0))
for name, nats in zip(model.encoding.names, written):
    print(f"{name:8} {nats:.3f}")
print(voice_leading([piece.music.pitches]))
