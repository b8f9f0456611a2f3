"""The training curve: likelihood by epoch, on the data trained on and on the data held back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.plots._figure import (
    COLOURS,
    FAINT,
    GREY,
    INK,
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
    """Draws a model's negative log-likelihood over the epochs of its training.

    Args:
        history: Keras's history, or a mapping of names to one number an epoch: `nats`,
            `pitch_nats` and `duration_nats`, in nats per event, and the same with `val_` before
            them for the validation data. Those that it lacks are not drawn.
        path: Where to save the picture; its suffix chooses the format. None saves nothing.

    Returns:
        The figure. The best epoch, by `val_nats`, is marked.

    Raises:
        ValueError: If `history` has nothing to draw, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    from matplotlib.ticker import MaxNLocator

    check_picture_path(path)
    values: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    keys = [f"{prefix}{name}" for name in LINES for prefix in ("", "val_")]
    if not (isinstance(values, Mapping) and any(len(values.get(key, ())) for key in keys)):
        raise ValueError(
            "history has no nats, pitch_nats or duration_nats by epoch: give what training returns."
        )
    figure = new_figure(8, 4.5)
    axes = figure.add_axes((0.085, 0.12, 0.885, 0.74))
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
    axes.set(
        xlabel="epoch", ylabel="nats per event (less is better)", xlim=(0.5, None), ylim=(0, None)
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="upper center", frameon=False, fontsize=9, ncols=3)
    return saved(figure, path)
