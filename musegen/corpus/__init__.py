"""Where music comes from: pieces in three splits, with a report of what was left out."""

from musegen.corpus.bach import chorales
from musegen.corpus.corpus import Corpus, CorpusError, Piece, ScanReport, ScanRow
from musegen.corpus.fiddle import fiddle_tunes
from musegen.corpus.midi_folder import folder, scan
from musegen.corpus.profiles import Profile, profile

__all__ = [
    "Corpus",
    "CorpusError",
    "Piece",
    "Profile",
    "ScanReport",
    "ScanRow",
    "chorales",
    "fiddle_tunes",
    "folder",
    "profile",
    "scan",
]
