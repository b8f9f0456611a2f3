"""The training curve: what a model's training counted, by epoch.

For a model that has a likelihood that is the likelihood, on the data trained on and on the data
held back; for a GAN see `musegen.plots.gan_training`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._checks import shown
from musegen.plots import gan_training
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
    from matplotlib.figure import Figure

LINES = {
    "nats": ("both", "#000000"),
    "pitch_nats": ("pitch", COLOURS[0]),
    "duration_nats": ("duration", COLOURS[1]),
}


def plot_training(history: Any, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draws how a model's training went, over its epochs.

    Args:
        history: Keras's history, or a mapping of names to one number an epoch. For a melody model
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
    values: Mapping[str, Sequence[float]] = _numbers_of(history)
    keys = [f"{prefix}{name}" for name in LINES for prefix in ("", "val_")]
    if _has_any(values, gan_training.LINES):
        return saved(gan_training.draw_history(values), path)
    if not _has_any(values, keys):
        raise ValueError(
            f"history={shown(history)} has no {', '.join(LINES)}, "
            f"{', '.join(gan_training.LINES[:-1])} or {gan_training.LINES[-1]} by epoch: give what "
            "training returns."
        )
    figure = new_figure(8, 4.5)
    axes = add_curve_axes(figure, (0.085, 0.12, 0.885, 0.74))
    for key in keys:
        line = values.get(key, ())
        label, colour = LINES[key.removeprefix("val_")]
        held_back = key.startswith("val_")
        if len(line):
            axes.plot(
                range(1, len(line) + 1),
                line,
                "-" if held_back else "--",
                color=colour,
                linewidth=1.8 if held_back else 1.0,
                marker="o" if len(line) == 1 else None,
                label=f"{label}, {'validation' if held_back else 'training'}",
            )
    score = np.asarray(values.get("val_nats", ()), float)
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


def _numbers_of(history: Any) -> dict[str, Sequence[float]]:
    """The lines that a history has, each one number an epoch, or a ValueError."""
    values = getattr(history, "history", history)
    known = {prefix + name for name in LINES for prefix in ("", "val_")} | {*gan_training.LINES}
    lines = {}
    for key in sorted(known & set(values)) if isinstance(values, Mapping) else ():
        try:
            line = np.asarray(values[key], float)
        except (TypeError, ValueError):
            line = np.zeros(())
        if line.ndim != 1:
            raise ValueError(
                f"history[{key!r}]={shown(values[key])}: give a list of one number an epoch."
            )
        lines[key] = values[key]
    return lines


def _has_any(values: Mapping[str, Sequence[float]], keys: Iterable[str]) -> bool:
    """Whether a history has numbers of any of these names."""
    return any(len(values.get(key, ())) for key in keys)
