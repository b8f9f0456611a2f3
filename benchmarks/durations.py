"""Is a duration a category or a quantity? Test nats per event of one network, told each way.

The network is "attention-lstm" with relative pitch, trained as `models.py` trains it, and only the
head of durations differs:

    category            a softmax over the note values, mixed with copying, and scored by the place
                        in the bar where the event would end: what musegen has
    with steps          the same; the logarithm of the last durations' steps is an input besides
    plain category      the softmax alone
    regression          a logistic distribution of the logarithm of the steps
    mixture             a mixture of ten of these
    copying mixture     the mixture in the softmax's place, with copying and scores

A quantity has a likelihood of note values as in PixelCNN++ (Salimans et al. 2017, section 2.1): the
probability of a value is what the distribution has between the midpoints to its neighbours, and the
lowest and the highest value have all that lies beyond. It differs in that the values are not evenly
spaced, but logarithms of those in the encoding's table. The end, which takes no time, follows from
its pitch in all of them.

As in `models.py`, each run has a process and a file of its own, and KERAS_BACKEND chooses the
engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import runs

WAYS: dict[str, dict[str, Any]] = {
    "category": {},
    "with steps": {"steps_seen": True},
    "plain category": {"plain": True},
    "regression": {"plain": True, "components": 1},
    "mixture": {"plain": True, "components": 10},
    "copying mixture": {"components": 10},
}
"""By name, the arguments of `duration_heads.DurationModel`."""


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Trains and measures what is missing, prints the tables, and returns all results.

    Returns:
        By corpus and way, the results of its seeds.
    """
    parser = runs.arguments(__doc__, {"chorales": 5, "tunes": 20}, "benchmark-durations", WAYS)
    parser.set_defaults(seeds=1)
    options = parser.parse_args(argv)
    runs.print_conditions(options)
    there, found = runs.Runs(options.out), {}
    for corpus, run in runs.of_corpora(options).items():
        found[corpus] = {
            way: [there.get(train, way=way, seed=seed, **run) for seed in range(options.seeds)]
            for way in options.only or WAYS
        }
    for corpus, results in found.items():
        rows = []
        for way, of_seeds in results.items():
            figures = [
                [result["duration"] for result in of_seeds],
                [result["pitch"] for result in of_seeds],
                runs.totals(of_seeds),
            ]
            first = of_seeds[0]
            row = [way, *map(runs.nats, figures)]
            rows.append([*row, f"{first['parameters']:,}", str(first["epochs"])])
        header = ["duration", "test: duration", "pitch", "both", "parameters", "epochs"]
        title = f"{corpus}: nats per event; of several seeds the mean (and the range)"
        runs.print_table(title, header, rows, options.markdown)
    return found


def train(run: dict[str, Any]) -> dict[str, Any]:
    """Trains one way on one corpus with one seed."""
    import keras
    from duration_heads import DurationModel

    keras.utils.set_random_seed(run["seed"])
    model = DurationModel(**WAYS[run["way"]], dropout=runs.RECIPES[run["corpus"]]["dropout"])
    return runs.trained(model, run)


if __name__ == "__main__":
    main()
