"""
The chapter's first system: a melody, note by note
==================================================

From data to MIDI with the network of chapter 7 of *Generative Deep Learning*: two LSTM layers,
attention over all that was written so far, one softmax for the pitch and one for the duration. It
is kept tiny and trained for seconds, so it writes hardly better than chance;
``musegen.load("bach-chorale-melody")`` is a model that was trained for long.
"""

import tempfile
from pathlib import Path

import musegen
from musegen.corpus import Corpus

# %%
# The data: sopranos of Bach's chorales, of which 60 are enough for a try.

sopranos = musegen.corpus.chorales(voices=("soprano",))
few = Corpus("60 sopranos", sopranos.train[:60] + sopranos.validation[:20] + sopranos.test[:20])
print(few)

# %%
# An encoding makes of each tune two rows of numbers, and of such rows a tune.

encoding = musegen.PitchDurationEncoding()
melody = encoding.encode(few.train[0].score)
print("pitch ids:   ", melody.pitches[:12])
print("duration ids:", melody.durations[:12])

# %%
# The network as it is in the book: pitches as they are, a head that sees the attention's context
# and nothing else, no copying. Its one difference is the size.

model = musegen.AttentionLSTM(
    units=64,
    attention="location",
    head="context",
    pitch="absolute",
    copy=False,
    duration_after_pitch=False,
    candidates=False,
)
history = model.fit(few, epochs=6, batch_size=16, learning_rate=5e-3, average=0.5, verbose=0)
for epoch, nats in enumerate(history.history["val_nats"], 1):
    print(f"epoch {epoch}: {nats:.2f} nats per event on the validation split")

# %%
# The training, and the untrained guess that it began from: 8.18 nats, which is the logarithm of 132
# pitches times 27 durations.

training = musegen.plot_training(history)

# %%
# A new tune, drawn one event after the other.

piece = model.sample(notes=32, seed=1)
picture = piece.plot()
piece

# %%
# Which earlier events the network attended to as it wrote each note. After so short a training it
# has hardly begun to choose.

attention = piece.plot_attention()

# %%
# The tune as a MIDI file, in a folder that is thrown away here.

with tempfile.TemporaryDirectory() as folder:
    path = piece.save(Path(folder) / "melody.mid")
    print(path.name, path.stat().st_size, "bytes")
