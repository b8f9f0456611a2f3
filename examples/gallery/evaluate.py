"""
Is it any good?
===============

``musegen.evaluate`` measures music beside real music and beside a shuffled control. Here the music
is 10 chorales of the test split themselves, so that the figures must come out near the real ones; a
model, a checkpoint or a folder of MIDI files is measured in the same way.
"""

import musegen
from musegen.evaluation import likelihood

chorales = musegen.corpus.chorales()
scores = [piece.score for piece in chorales.test[:10]]
found = musegen.evaluate(scores, chorales)

# %%
# One row: the subject's, the real music's, the shuffled control's.

for name in ("parallel fifths", "voice crossing", "consonant pairs", "scale consistency"):
    print(f"{name:20}", *found.figure(name).texts())

# %%
# All of it as a picture.

figures = found.plot()

# %%
# The likelihood of a melody model on music that it has not seen, in nats per event, beside an
# n-gram's.

sopranos = musegen.corpus.chorales(voices=("soprano",))
model = musegen.load("bach-chorale-melody")
print(likelihood(model, sopranos.test[:20]))
