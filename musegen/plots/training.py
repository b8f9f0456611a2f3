"""The training curve: what a model's training counted, by epoch.

For a model that has a likelihood that is the likelihood, on the data trained on and on the data
held back. For a GAN it is what the critic tells apart: the critic of a Wasserstein GAN scores data
high and music low, and the difference of the mean scores is its estimate of how far the two are
from each other (Arjovsky et al. 2017). That is the curve to watch: as the music gets better it
falls towards 0. With another loss the difference is no distance. The losses have no such meaning;
that of the generator wanders with the critic's zero. The gradient penalty, before its weight, is
small where the critic's slope is near 1, as the estimate needs it (Gulrajani et al. 2017).
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
    FAINT,
    GREY,
    INK,
    add_axes,
    check_picture_path,
    new_figure,
    saved,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NATS = {
    "nats": ("both, training", "#000000", 1.0, "--"),
    "val_nats": ("both, validation", "#000000", 1.8, "-"),
    "pitch_nats": ("pitch, training", COLOURS[0], 1.0, "--"),
    "val_pitch_nats": ("pitch, validation", COLOURS[0], 1.8, "-"),
    "duration_nats": ("duration, training", COLOURS[1], 1.0, "--"),
    "val_duration_nats": ("duration, validation", COLOURS[1], 1.8, "-"),
}
SCORES = {
    "wasserstein": ("real above written", INK, 1.8, "-"),
    "critic_loss": ("critic loss", COLOURS[0], 1.0, "-"),
    "generator_loss": ("generator loss", COLOURS[1], 1.0, "-"),
}
PENALTY = {"penalty": ("gradient penalty", COLOURS[2], 1.2, "-")}
"""The curves of each panel, by their names in a history: label, colour, width and style."""


def plot_training(history: Any, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draws how a model's training went, over its epochs.

    Args:
        history: Keras's history, or a mapping of names to one number per epoch. For a melody model
            they are its negative log-likelihoods, `nats`, `pitch_nats` and `duration_nats`, in nats
            per event, and the same with `val_` before them for the validation data. For a GAN they
            are `wasserstein`, how far the critic scores the data above the music (with the
            Wasserstein loss its estimate of their distance), `critic_loss`, `generator_loss` and
            `penalty`, the gradient penalty or R1 before its weight.
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
    gan = values.keys() & {*SCORES, *PENALTY}
    panels = [p for p in ((SCORES, PENALTY) if gan else (NATS,)) if p.keys() & values.keys()]
    figure = new_figure(8, 6 if len(panels) == 2 else 4)
    places = ((0.48, 3.12), (4.2, 1.26)) if len(panels) == 2 else ((0.48, 3.0),)
    for panel, (top, height) in zip(panels, places):
        axes = add_axes(figure, 0.88, top, 6.92, height)
        axes.set(xlabel="epoch", xlim=(0.5, max(map(len, values.values())) + 0.5))
        axes.locator_params(axis="x", integer=True)
        axes.grid(color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        for name in (name for name in panel if name in values):
            label, colour, width, style = panel[name]
            line = values[name]
            style += "o" * (len(line) == 1)
            (curve,) = axes.plot(range(1, len(line) + 1), line, style, color=colour, label=label)
            curve.set(linewidth=width, zorder=2 + (name == "wasserstein") / 2)
        if panel is PENALTY:
            axes.set(ylabel="gradient penalty", ylim=(0, None))
            continue
        if panel is SCORES:
            axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
            axes.set_ylabel("critic's score")
        else:
            _mark_best(axes, values.get("val_nats", np.zeros(0)))
            axes.set(ylabel="nats per event (less is better)", ylim=(0, None))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=9, ncols=3)
    return saved(figure, path)


def _mark_best(axes: Axes, score: NDArray[np.float64]) -> None:
    """Marks the epoch in which a score was least, if there is one."""
    if not np.isfinite(score).any():
        return
    best = int(np.nanargmin(score))
    late = best >= len(score) / 2
    axes.axvline(best + 1, color=GREY, linewidth=0.8, zorder=0)
    axes.plot(best + 1, score[best], "o", color="#000000")
    text = f"  best epoch: {best + 1}, {score[best]:.3f} nats  "
    side, where = "right" if late else "left", axes.get_xaxis_transform()
    axes.text(best + 1, 0.98, text, transform=where, ha=side, va="top", color=INK)


def _lines_of(history: Any) -> dict[str, NDArray[np.float64]]:
    """Returns the lines that a history has, in the order of `KNOWN`, or raises a ValueError."""
    values = getattr(history, "history", history)
    lines = {}
    for key in {**NATS, **SCORES, **PENALTY} if isinstance(values, Mapping) else ():
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
            f"history={shown(history)} has no {', '.join({**NATS, **SCORES})} or penalty by epoch: "
            "give what training returns."
        )
    return lines
