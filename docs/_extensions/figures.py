"""The pictures of the explanations, drawn by each build into `docs/pictures`.

    python docs/_extensions/figures.py

Each is a function of a path, and every number in it is computed here: by the library's own
functions, from the corpora that it reads and the models that ship.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PICTURES = Path(__file__).parents[1] / "pictures"
BLUE, RED, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7A7A7A"


def setup(app: Any) -> dict[str, Any]:
    app.connect("config-inited", draw_missing)
    return {"parallel_read_safe": True}


def draw_missing(app: Any = None, config: Any = None) -> None:
    """Draws the pictures that are older than this file, or not there."""
    PICTURES.mkdir(exist_ok=True)
    for draw in DRAWN:
        path = PICTURES / f"{draw.__name__}.png"
        if not path.exists() or path.stat().st_mtime < Path(__file__).stat().st_mtime:
            draw(path)


def figure(rows: int, columns: int, width: float, height: float, **options: Any) -> Any:
    """Returns a figure of so many inches, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    FigureCanvasAgg(made)
    axes = made.subplots(rows, columns, **options)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
    return made, axes


def relative_pitch(path: Path) -> None:
    """One tune in two keys, as pitch ids and as intervals."""
    import musegen

    encoding = musegen.PitchDurationEncoding()
    score = musegen.corpus.chorales(voices=("soprano",)).test[0].score
    drawn, axes = figure(1, 2, 9, 3.2)
    for shift, colour in ((0, BLUE), (5, RED)):
        melody = encoding.encode(score.shift_pitch(shift, inplace=False))
        ids = melody.pitches[1:25].astype(int)
        name = "as it is" if shift == 0 else f"{shift} semitones higher"
        axes[0].step(range(len(ids)), ids - 4, where="mid", color=colour, label=name)
        intervals = np.diff(ids)
        size = 4 if shift else 9  # one upon the other
        axes[1].plot(range(1, len(ids)), intervals, "o", color=colour, markersize=size, label=name)
    axes[0].set(title="what an absolute model sees", xlabel="event", ylabel="MIDI pitch")
    axes[1].set(title="what a relative model sees", xlabel="event", ylabel="semitones")
    axes[0].legend(frameon=False)
    drawn.savefig(path)


def pitch_histograms(path: Path) -> None:
    """How often pitches and intervals occur in the chorale sopranos."""
    import musegen
    from musegen.evaluation import interval_histogram, notes_of, pitch_histogram

    pieces = musegen.corpus.chorales(voices=("soprano",)).train
    notes = notes_of([piece.score for piece in pieces])
    drawn, axes = figure(1, 2, 9, 2.8)
    for one, histogram, name, ends in (
        (axes[0], pitch_histogram(notes), "MIDI pitch", (55, 85)),
        (axes[1], interval_histogram(notes), "semitones from the last note", (-15, 15)),
    ):
        shares = histogram.total / histogram.total.sum()
        bits = -(shares[shares > 0] * np.log2(shares[shares > 0])).sum()
        one.bar(histogram.support, shares, color=BLUE)
        one.set(xlim=ends, xlabel=name, title=f"entropy {bits:.2f} bits")
    axes[0].set_ylabel("share of notes")
    drawn.savefig(path)


def copied_shares(path: Path) -> None:
    """How much of each event of a tune that a model wrote was copied."""
    import musegen

    model = musegen.load("fiddle-tune")
    piece = model.sample(bars=16, seed=4)
    shares = piece.copied.sum(axis=-1)
    bars = model.encoding.places(piece.melody)["bar"][: shares.shape[1]]
    begins = np.flatnonzero(np.diff(bars) != 0) + 1
    drawn, axes = figure(2, 1, 9, 3.8, sharex=True, sharey=True)
    for one, row, name in zip(axes, shares, ("pitch", "duration"), strict=True):
        one.bar(range(len(row)), row, width=1.0, color=BLUE)
        for place in begins[3::4]:
            one.axvline(place - 0.5, color=RED, linewidth=0.8)
        one.set(ylabel=f"of the {name}", ylim=(0, 1), xlim=(-1, len(row)))
    axes[0].set_title("share that was copied", fontsize=10)
    axes[1].set_xlabel("event (a red line every four bars)")
    drawn.savefig(path)


def four_voices(path: Path) -> None:
    """What each voice of a chorale costs at each step."""
    import musegen

    model = musegen.load("bach-chorale")
    score = musegen.corpus.chorales().test[0].score
    music = model.encoding.encode(score)
    costs = model.costs([music])[0][:128]
    struck = music.struck[:128]
    drawn, axes = figure(2, 1, 9, 4.4, sharex=True)
    for voice, colour in enumerate((BLUE, GREEN, "#E69F00", RED)):
        pitches = np.where(music.pitches[:128, voice] >= 0, music.pitches[:128, voice], np.nan)
        axes[0].step(range(128), pitches, where="post", color=colour)
        places = np.flatnonzero(struck[:, voice])
        axes[0].plot(places, pitches[places], "o", color=colour, markersize=3)
    axes[0].set(ylabel="MIDI pitch", title="a chorale of the test split, and its cost")
    image = axes[1].imshow(
        costs.T, aspect="auto", cmap="magma_r", vmin=0, vmax=4, interpolation="nearest"
    )
    axes[1].set(yticks=range(4), yticklabels=model.encoding.names, xlabel="step (16 a bar)")
    axes[1].spines[:].set_visible(False)
    drawn.colorbar(image, ax=axes[1], label="nats", pad=0.01)
    drawn.savefig(path)


def distances(path: Path) -> None:
    """Two bell curves that move apart: what two distances say of it."""
    from scipy.special import expit

    from musegen.evaluation import jensen_shannon, wasserstein

    line = np.linspace(-20, 20, 2001)
    apart = np.linspace(0, 12, 61)
    real = np.exp(-(line**2) / 2)
    written = [np.exp(-((line - far) ** 2) / 2) for far in apart]
    drawn, axes = figure(1, 3, 10, 2.9)
    axes[0].fill_between(line, real, color=BLUE, alpha=0.5, label="real")
    axes[0].fill_between(line, written[30], color=RED, alpha=0.5, label="written")
    axes[0].set(xlim=(-4, 10), yticks=[], title="real and written music, as numbers")
    axes[0].legend(frameon=False)
    axes[1].plot(apart, [jensen_shannon(real, one) for one in written], color=GREY)
    axes[1].plot(apart, [wasserstein(real, one, line) / 12 for one in written], color=GREEN)
    axes[1].text(4.6, 1.04, "Jensen-Shannon", color=GREY)
    axes[1].text(5.6, 0.32, "Wasserstein / 12", color=GREEN)
    axes[1].set(xlabel="how far apart they are", ylim=(-0.03, 1.15), title="the distance")
    # The best critics for curves that are 6 apart.
    best = expit(line**2 / -2 + (line - 6) ** 2 / 2)
    axes[2].plot(line, best, color=GREY)
    axes[2].plot(line, 1 - (line + 2) / 10, color=GREEN)
    axes[2].text(3.7, -0.04, "likely real", color=GREY, va="top")
    axes[2].text(3.6, 0.55, "score, slope held", color=GREEN)
    axes[2].set(xlim=(-3, 9), ylim=(-0.2, 1.15), title="the best critic, 6 apart")
    drawn.savefig(path)


DRAWN: tuple[Callable[[Path], None], ...] = (
    relative_pitch,
    pitch_histograms,
    copied_shares,
    four_voices,
    distances,
)

if __name__ == "__main__":
    draw_missing()
