"""How good a model is, in numbers that are defined in one place each."""

from musegen.evaluation.copying import copied_share, distinct_phrases
from musegen.evaluation.likelihood import Likelihood, likelihood
from musegen.evaluation.pianoroll import (
    consonance,
    empty_bar_share,
    mean_leap,
    notes_per_bar,
    pitch_classes_per_bar,
    pitch_lines,
    qualified_note_share,
    tonal_distance,
    tonal_distances,
)
from musegen.evaluation.roll_figures import RollFigures, roll_figures

__all__ = [
    "Likelihood",
    "RollFigures",
    "consonance",
    "copied_share",
    "distinct_phrases",
    "empty_bar_share",
    "likelihood",
    "mean_leap",
    "notes_per_bar",
    "pitch_classes_per_bar",
    "pitch_lines",
    "qualified_note_share",
    "roll_figures",
    "tonal_distance",
    "tonal_distances",
]
