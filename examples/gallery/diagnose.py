"""
Why does it not learn?
======================

``musegen.diagnose`` asks in the order of a practitioner: is the model right, is the data good,
where does it get stuck? Here a model is asked that was not trained, about a corpus with a fault
that was put in: one piece stands both in the training and in the test split.
"""

import dataclasses

import musegen
from musegen.corpus import Corpus

sopranos = musegen.corpus.chorales(voices=("soprano",))
pieces = sopranos.train[:40] + sopranos.validation[:10] + sopranos.test[:10]
again = dataclasses.replace(sopranos.train[0], name="the same again", split="test")
corpus = Corpus("60 sopranos and one twice", (*pieces, again))
model = musegen.AttentionLSTM(units=32)

# %%
# Four of the checks. ``checks=None`` asks all that are quick; ``out="diagnosis.html"`` writes a
# page.

names = ["loss_of_a_guess", "leaks_no_future", "duplicates", "distributions"]
found = musegen.diagnose(model, corpus, checks=names)
print(found)

# %%
# Each finding has its figures and its picture. Beside the piece that was put in it names chorales
# that are nearly the same: Bach set some tunes more than once.

finding = next(one for one in found.findings if one.check == "duplicates")
print(finding.verdict, finding.figures)
picture = finding.plot()
