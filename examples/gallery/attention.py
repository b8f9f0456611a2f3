"""
What a melody was copied from
=============================

A melody model that ships copies: attention over what was written says what came after a place like
this one, and that is mixed with what the network makes up. Both can be drawn.
"""

import musegen

model = musegen.load("fiddle-tune")
piece = model.sample(bars=8, seed=4)
piece

# %%
# A row for each note that was written, a column for each event before it. A row sums to the share
# of the note's probability that was copied; the bar beside it shows that share.

copied = piece.plot_attention(of="pitch")

# %%
# What the network itself attended to is another map, of which each row sums to 1.

network = piece.plot_attention(of="network")

# %%
# The same as numbers: how much of the pitches and of the durations was copied, on average.

pitches, durations = piece.copied.sum(axis=-1)
print(f"pitches {pitches.mean():.2f}, durations {durations.mean():.2f}")
most = pitches.argmax()
where = piece.copied[0, most].argmax()
print(f"new event {most}: {pitches[most]:.2f} copied, most of it from event {where}")
