"""A corpus by what a user calls it: the name of one that comes with music21, or a folder."""

from __future__ import annotations

import os
from typing import Any

from musegen._checks import checked_path, shown
from musegen._files import is_folder
from musegen.corpus.bach import chorales
from musegen.corpus.corpus import Corpus
from musegen.corpus.fiddle import fiddle_tunes
from musegen.corpus.midi_folder import folder
from musegen.corpus.sources import is_address

NAMES = ("chorales", "fiddle-tunes")
"""Corpora that have a name of their own."""

CORPORA = f"{', '.join(map(repr, NAMES))}, or the path of a folder of MIDI files"


def named(corpus: Any, melodic: bool = False, cluster: Any = None) -> Corpus:
    """Returns the corpus that a user means, of the chorales only the soprano if it is `melodic`.

    A folder, or an address, is read by a Dask `cluster` if one is given.

    Raises a ValueError for anything else, and a `CorpusError`, which is one, for an empty folder.
    """
    if isinstance(corpus, Corpus):
        return corpus
    if not isinstance(corpus, (str, os.PathLike)):
        raise ValueError(f"corpus={shown(corpus)}: give a Corpus, {CORPORA}.")
    if corpus == "chorales":
        return chorales(voices="soprano") if melodic else chorales()
    if corpus == "fiddle-tunes":
        return fiddle_tunes()
    if is_address(corpus):
        return folder(corpus, cluster=cluster)
    path = checked_path("corpus", corpus)
    if not is_folder(path):
        raise ValueError(f"corpus={shown(os.fspath(corpus))}: no such folder. Give {CORPORA}.")
    return folder(path, cluster=cluster)
