"""What is unlikely? Pieces that are unlike all others, and notes that surprise a trained model.

The costs are those of `musegen.evaluation.likelihood`: nats for the pitch and the duration of each
event, given all before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.diagnosis.finding import Finding, Verdict
from musegen.diagnosis.subject import NotAsked, check_model, check_trained, encoded, pieces_of
from musegen.encoding.melody import END, FIRST_PITCH, REST, TIE
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.evaluation.likelihood import event_costs
from musegen.evaluation.ngram_models import MelodyNGram
from musegen.models.melody_model import MelodyModel
from musegen.plots._figure import COLOURS, GREY, INK, new_figure, note_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTLIER = 4.0
"""How many times the usual spread (1.48 median absolute deviations) an outlier is off."""
LEAST_PIECES = 16
"""An n-gram of fewer would find everything unlikely."""
SHOWN = 20


def outliers(model: Any, corpus: Any) -> Finding:
    """Asks whether pieces stand out as unlikely: often they are damaged, or another kind of music.

    Each half of the pieces is measured by an n-gram of the other half, so that no piece is judged
    by what has learned it; a neural model that knows its training pieces by heart would pass all.

    Args:
        model: Only its encoding is looked at; where that has no melodies, the highest voice is
            taken.
        corpus: A corpus; all its pieces are measured.

    Returns:
        The finding: unsure if a piece's mean cost is more than four times the usual spread (1.48
        median absolute deviations) above the median of all; it names the worst.

    Raises:
        ValueError: If an argument is something else, or the corpus has fewer than 16 pieces.
    """
    pieces = pieces_of(corpus, "pieces")
    if len(pieces) < LEAST_PIECES:
        raise NotAsked(f"{corpus!r} has too few pieces to say what is usual: {LEAST_PIECES} do.")
    names = [piece.name for piece in pieces]
    encoding = model.encoding if isinstance(model, MelodyModel) else PitchDurationEncoding()
    melodies = [encoding.encode(piece.score) for piece in pieces]
    means = np.zeros(len(melodies))
    for half in (0, 1):
        others = melodies[1 - half :: 2]
        held_back = len(others) // 8 or 1
        ngram = MelodyNGram(encoding).fit(others[held_back:], others[:held_back])
        means[half::2] = [costs.sum(axis=1).mean() for costs in ngram.costs(melodies[half::2])]
    median = float(np.median(means))
    spread = max(1.4826 * float(np.median(np.abs(means - median))), 1e-9)
    limit = median + OUTLIER * spread
    order = np.argsort(-means)
    odd = [(names[n], float(means[n])) for n in order if means[n] > limit]
    sentence = f"The median piece costs {median:.2f} nats an event"
    if odd:
        named = ", ".join(f"{name} ({cost:.2f})" for name, cost in odd[:3])
        sentence += (
            f", and {len(odd):,} of {len(means):,} more than {limit:.2f}: look at {named}; leave "
            "out what is damaged or not the music that you mean"
        )
    else:
        sentence += f" and none of {len(means):,} stands out"

    def draw() -> Figure:
        figure = new_figure(8, 3.2)
        axes = figure.add_axes((0.09, 0.17, 0.88, 0.75))
        axes.hist(means, 50, color=GREY)
        axes.axvline(limit, color=COLOURS[1], linestyle=":", label="what is above stands out")
        axes.legend(frameon=False, fontsize=8)
        for number, (name, cost) in enumerate(odd[:6]):
            axes.annotate(
                name[-40:],
                (cost, 0),
                xytext=(0, 12 + 11 * number),
                textcoords="offset points",
                fontsize=7,
                color=COLOURS[1],
                ha="right",
                parse_math=False,
                arrowprops={"arrowstyle": "-", "color": COLOURS[1], "linewidth": 0.5},
            )
        axes.set(xlabel="nats an event, mean of a piece", ylabel="pieces")
        return figure

    return Finding(
        "outliers",
        "unsure" if odd else "good",
        f"{sentence}.",
        {"median": median, "limit": limit, "outliers": odd[:100]},
        draw,
    )


def worst_notes(model: Any, corpus: Any) -> Finding:
    """Asks which events of the validation split surprise a trained model most.

    Args:
        model: A trained melody model.
        corpus: A corpus, whose validation split is measured.

    Returns:
        The finding: unsure if the costliest hundredth of the events makes up more than a tenth of
        all cost. It says where they are.

    Raises:
        ValueError: If an argument is something else, the model is not trained, or the corpus has
            no such piece.
    """
    check_model(model, MelodyModel)
    check_trained(model)
    names = [piece.name for piece in pieces_of(corpus, "validation")]
    melodies = encoded(model, corpus, "validation")
    rows = [
        (float(nats), piece, place)
        for piece, costs in enumerate(event_costs(model, melodies))
        for place, nats in enumerate(costs.sum(axis=1), 1)  # the start costs nothing
    ]
    rows.sort(reverse=True)
    total = sum(row[0] for row in rows)
    top = rows[: max(1, len(rows) // 100)]
    share = sum(row[0] for row in top) / total
    verdict: Verdict = "unsure" if share > 0.1 else "good"

    def place_of(row: tuple[float, int, int]) -> str:
        _, piece, place = row
        number = int(melodies[piece].pitches[place])
        what = {REST: "rest", TIE: "tie", END: "end"}.get(number)
        what = what or note_name(number - FIRST_PITCH)
        bar = int(model.encoding.places(melodies[piece])["bar"][place])
        bar += melodies[piece].lead == 0  # a pickup is bar 0
        return f"{what} in bar {bar} of {names[piece]}"

    sentence = (
        f"The costliest hundredth of the validation split's {len(rows):,} events makes up "
        f"{share:.0%} of the cost; the worst is {place_of(rows[0])}, {rows[0][0]:.1f} nats"
    )
    if verdict != "good":
        sentence += ": see whether these are mistakes in the data, or what the model is not told"

    def draw() -> Figure:
        figure = new_figure(8, 4)
        axes = figure.add_axes((0.09, 0.13, 0.36, 0.8))
        costs = np.array([row[0] for row in rows])
        axes.plot(np.arange(1, len(costs) + 1) / len(costs), np.cumsum(costs) / total, color=INK)
        axes.plot([0, 1], [0, 1], ":", color=GREY, label="if all cost the same")
        axes.legend(frameon=False, fontsize=8, loc="lower right")
        axes.set(xlabel="share of the events, worst first", ylabel="share of the cost")
        text = [f"{row[0]:5.1f}  {place_of(row)[:48]}" for row in rows[:SHOWN]]
        figure.text(
            0.48,
            0.93,
            "nats\n" + "\n".join(text),
            va="top",
            family="monospace",
            fontsize=6.5,
            parse_math=False,
        )
        return figure

    figures = {
        "share_of_worst_hundredth": share,
        "worst": [[place_of(row), round(row[0], 3)] for row in rows[:SHOWN]],
    }
    return Finding(
        "worst_notes",
        verdict,
        f"{sentence}.",
        figures,
        draw,
    )
