"""Pictures of music and of models: piano roll, attention map, knobs, training.

Each function returns a matplotlib figure and, with a `path`, saves it in the format that the suffix
names. Figures are made without pyplot, so no backend is chosen and no global state is touched;
in a notebook they show themselves. There is one file for each picture.
"""

from __future__ import annotations

from musegen.plots._figure import figure_png, note_name
from musegen.plots.attention import plot_attention
from musegen.plots.knobs import plot_knobs
from musegen.plots.pianoroll import plot_pianoroll
from musegen.plots.training import plot_training

__all__ = [
    "figure_png",
    "note_name",
    "plot_attention",
    "plot_knobs",
    "plot_pianoroll",
    "plot_training",
]
