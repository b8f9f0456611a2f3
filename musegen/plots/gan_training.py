"""The training curve of a GAN: what the critic tells apart, and how smooth it is.

The critic of a Wasserstein GAN scores data high and music low, and the difference of the mean
scores is its estimate of how far the two are from each other (Arjovsky et al. 2017). That is the
curve to watch: as the music gets better it falls towards 0. The losses have no such meaning; that
of the generator wanders with the critic's zero. The gradient penalty, before its weight, is small
where the critic's slope is near 1, as the estimate needs it (Gulrajani et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from musegen.plots._figure import COLOURS, GREY, INK, add_curve_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = ("wasserstein", "critic_loss", "generator_loss", "penalty")


def draw_history(values: Mapping[str, Sequence[float]]) -> Figure:
    """Draws a GAN's history, the penalty on axes of its own below.

    Args:
        values: One number an epoch for at least one of `LINES`.

    Returns:
        The figure, with the axes of the distance and the losses, and of the penalty, as far as
        there are such.
    """
    styles = {
        "wasserstein": ("Wasserstein estimate", INK, 1.8),
        "critic_loss": ("critic loss", COLOURS[0], 1.0),
        "generator_loss": ("generator loss", COLOURS[1], 1.0),
        "penalty": ("gradient penalty", COLOURS[2], 1.2),
    }
    given = {name: np.asarray(values[name], float) for name in LINES if len(values.get(name, ()))}
    panels = [[name for name in LINES[:3] if name in given], ["penalty"] * ("penalty" in given)]
    panels = [panel for panel in panels if panel]
    places = [(0.11, 0.4, 0.865, 0.52), (0.11, 0.09, 0.865, 0.21)]
    figure = new_figure(8, 6)
    if len(panels) == 1:
        figure.set_size_inches(8, 4)
        places = [(0.11, 0.13, 0.865, 0.75)]
    epochs = max(map(len, given.values()))
    for panel, place in zip(panels, places):
        axes = add_curve_axes(figure, place)
        axes.set_xlim(0.5, epochs + 0.5)
        for name in panel:
            label, colour, width = styles[name]
            axes.plot(
                range(1, len(given[name]) + 1),
                given[name],
                color=colour,
                linewidth=width,
                marker="o" if epochs == 1 else None,
                label=label,
                zorder=2.5 if name == "wasserstein" else 2,
            )
        if panel == ["penalty"]:
            axes.set(ylabel="gradient penalty", ylim=(0, None))
            continue
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.set_ylabel("critic's score")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=9, ncols=3)
    return figure
