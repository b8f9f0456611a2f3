"""The training curve: what a model's training counted, by epoch.

For a model that has a likelihood that is the likelihood, on the data trained on and on the data
held back. For a GAN it is what the critic tells apart: the critic of a Wasserstein GAN scores data
high and music low, and the difference of the mean scores is its estimate of how far the two are
from each other (Arjovsky et al. 2017). That is the curve to watch: as the music gets better it
falls towards 0. The losses have no such meaning; that of the generator wanders with the critic's
zero. The gradient penalty, before its weight, is small where the critic's slope is near 1, as the
estimate needs it (Gulrajani et al. 2017).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import shown
from musegen.plots._figure import (
    COLOURS,
    GREY,
    INK,
    add_curve_axes,
    check_picture_path,
    new_figure,
    saved,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NATS = {
    "nats": ("both", "#000000"),
    "pitch_nats": ("pitch", COLOURS[0]),
    "duration_nats": ("duration", COLOURS[1]),
}
SCORES = {
    "wasserstein": ("Wasserstein estimate", INK, 1.8),
    "critic_loss": ("critic loss", COLOURS[0], 1.0),
    "generator_loss": ("generator loss", COLOURS[1], 1.0),
}
PENALTY = {"penalty": ("gradient penalty", COLOURS[2], 1.2)}
KNOWN = (*NATS, *(f"val_{name}" for name in NATS), *SCORES, *PENALTY)


def plot_training(history: Any, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draws how a model's training went, over its epochs.

    Args:
        history: Keras's history, or a mapping of names to one number per epoch. For a melody model
            they are its negative log-likelihoods, `nats`, `pitch_nats` and `duration_nats`, in nats
            per event, and the same with `val_` before them for the validation data. For a GAN they
            are `wasserstein`, the critic's estimate of how far the music is from the data,
            `critic_loss`, `generator_loss` and `penalty`, the gradient penalty before its weight.
            Those that it lacks are not drawn.
        path: Where to save the picture, in the format of its suffix; None saves nothing.

    Returns:
        The figure. The best epoch, by `val_nats`, is marked.

    Raises:
        ValueError: If `history` has nothing to draw, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    check_picture_path(path)
    values = _lines_of(history)
    if values.keys() & {*SCORES, *PENALTY}:
        return saved(_gan_figure(values), path)
    figure = new_figure(8, 4.5)
    axes = add_curve_axes(figure, (0.085, 0.12, 0.885, 0.74))
    for name, (label, colour) in NATS.items():
        for key, what, style, width in (
            (name, "training", "--", 1.0),
            (f"val_{name}", "validation", "-", 1.8),
        ):
            if key in values:
                _draw(axes, values[key], f"{label}, {what}", colour, width, linestyle=style)
    score = values.get("val_nats", np.zeros(0))
    if np.isfinite(score).any():
        best = int(np.nanargmin(score))
        late = best >= len(score) / 2
        axes.axvline(best + 1, color=GREY, linewidth=0.8, zorder=0)
        axes.plot(best + 1, score[best], "o", color="#000000")
        axes.annotate(
            f"best epoch: {best + 1}, {score[best]:.3f} nats",
            (best + 1, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-6 if late else 6, -4),
            textcoords="offset points",
            ha="right" if late else "left",
            va="top",
            color=INK,
        )
    axes.set(ylabel="nats per event (less is better)", xlim=(0.5, None), ylim=(0, None))
    figure.legend(loc="upper center", frameon=False, fontsize=9, ncols=3)
    return saved(figure, path)


def _gan_figure(values: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draws the distance and the losses and, on axes below, the penalty, as far as given."""
    panels = [lines for lines in (SCORES, PENALTY) if lines.keys() & values.keys()]
    places = [(0.11, 0.4, 0.865, 0.52), (0.11, 0.09, 0.865, 0.21)]
    places = places if len(panels) == 2 else [(0.11, 0.13, 0.865, 0.75)]
    figure = new_figure(8, 6 if len(panels) == 2 else 4)
    epochs = max(map(len, values.values()))
    for panel, place in zip(panels, places):
        axes = add_curve_axes(figure, place)
        axes.set_xlim(0.5, epochs + 0.5)
        for name in (name for name in panel if name in values):
            label, colour, width = panel[name]
            _draw(axes, values[name], label, colour, width, zorder=2 + (name == "wasserstein") / 2)
        if panel is PENALTY:
            axes.set(ylabel="gradient penalty", ylim=(0, None))
            continue
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.set_ylabel("critic's score")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=9, ncols=3)
    return figure


def _draw(
    axes: Axes, line: NDArray[np.float64], label: str, colour: str, width: float, **style: Any
) -> None:
    """Draws a line over the epochs, a single epoch as a dot."""
    marker = "o" if len(line) == 1 else None
    epochs = range(1, len(line) + 1)
    axes.plot(epochs, line, color=colour, linewidth=width, marker=marker, label=label, **style)


def _lines_of(history: Any) -> dict[str, NDArray[np.float64]]:
    """Returns the lines that a history has, in the order of `KNOWN`, or raises a ValueError."""
    values = getattr(history, "history", history)
    lines = {}
    for key in KNOWN if isinstance(values, Mapping) else ():
        given: Sequence[float] = values.get(key, ())
        try:
            line = np.asarray(given, float)
        except (TypeError, ValueError):
            line = np.zeros(())
        if line.ndim != 1:
            raise ValueError(
                f"history[{key!r}]={shown(given)}: give a list of one number per epoch."
            )
        if len(line):
            lines[key] = line
    if not lines:
        raise ValueError(
            f"history={shown(history)} has no {', '.join((*NATS, *SCORES))} or penalty by epoch: "
            "give what training returns."
        )
    return lines
