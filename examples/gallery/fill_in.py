"""
Fill in: write a part of a piece anew
=====================================

Some bars, one voice, or any cells of a piece in four voices can be left to the model; what is kept
stays as it is. The model reads what follows too, so the new bars lead back into the old ones.
"""

import numpy as np

import musegen

model = musegen.load("bach-chorale")
chorale = musegen.corpus.chorales().test[0]
print(chorale.name)
before = musegen.plot_pianoroll(chorale.score, title="As Bach has it", bars=(1, 8))

# %%
# Bars 3 and 4 of alto and tenor, written anew.

piece = model.rewrite(chorale.score, voices=["alto", "tenor"], bars=(3, 4), seed=7)
after = musegen.plot_pianoroll(piece.score, title="Bars 3 and 4 anew", bars=(1, 8))

# %%
# What changed, and only there.

music = model.encoding.encode(chorale.score)
differs = music.pitches != piece.music.pitches
print("steps that differ:", dict(zip(model.encoding.names, differs.sum(axis=0).tolist())))
print("cells that were given and differ:", int((differs & piece.given).sum()))

# %%
# Any set of cells can be kept. Here every second bar is (a bar has sixteen steps in 4/4).

keep = np.zeros(music.pitches.shape, bool)
keep[:, 0] = True
keep[np.arange(len(music)) // 16 % 2 == 0] = True
other = model.sample(given=music, keep=keep, seed=8)
print(other)
