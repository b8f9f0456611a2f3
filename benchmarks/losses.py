"""Which loss of a GAN is better, with which hold on the critic: on points, and on chorales.

    python benchmarks/losses.py --seeds 2

Three tables of runs that differ in the loss alone, printed as they stand in `docs/losses.md`:

- Points of the plane whose distribution is known (`toy_gan.py`): the true Wasserstein-1 distance
  between 1,000 written and 1,000 real points, the modes that were found, and the share of samples
  that are good, after the same seconds of processor time. `losses.png` shows the points.
- What the critic's steps cost and are good for: by their number, seconds for a step of the
  generator, and how far the critic's estimate of the distance is from the true one.
- Bach's chorales by musegen's own networks (`chorale_gan.py`), after the same minutes of processor
  time: what the music is like, and what becomes of the gradient on its way to the generator. It
  counts as vanished where the norm at a phrase's logits is below 0.001, the median over a batch.

TensorFlow has one thread. Figures are means over seeds, with the least and the largest in brackets.
Every run is a line of a file in `--out` as soon as it is done; started again, the script goes on.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import measure
import numpy as np

VANISHED = 1e-3
"""The norm at the logits below which a gradient counts as vanished."""

CRITIC_STEPS = (1, 2, 5, 10, 20)
ESTIMATES = 12
"""How often in a run the critic's estimate is compared with the truth; the second half counts."""
CRITIC_SECONDS = 6.0
"""The processor time of each of these runs."""

HELD = {"nothing": "", "r1": ", R1", "gradient_penalty": ", penalty"}
PLAIN = {"non_saturating": "non-saturating", "least_squares": "least squares", "hinge": "hinge"}


def _toy_ways() -> dict[str, dict[str, Any]]:
    ways = {
        f"{name}{words}, 1": {"loss": loss, "lipschitz": lipschitz, "critic_steps": 1}
        for loss, name in PLAIN.items()
        for lipschitz, words in HELD.items()
    }
    for lipschitz, word in {"weight_clipping": "clipping", "gradient_penalty": "penalty"}.items():
        settings = {"loss": "wasserstein", "lipschitz": lipschitz, "critic_steps": 5}
        ways[f"Wasserstein, {word}, 5"] = settings
    return ways


TOY_WAYS = _toy_ways()


class Lines:
    """Results of runs in a file, a JSON line each: what was done before is not done again.

    Args:
        path: The file, which is made if need be.
        done: Whether to take what was done alone, and do no more.
    """

    def __init__(self, path: Path, done: bool = False) -> None:
        self.path, self.done = path, done
        path.parent.mkdir(parents=True, exist_ok=True)

    def get(self, work: Callable[[dict[str, Any]], dict[str, Any]], **run: Any) -> dict[str, Any]:
        """Returns the result of a run, JSON values, which is done now if there is none yet.

        It is empty if the run was not done, and no more is to be done.
        """
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for line in map(json.loads, lines):
            if line["run"] == run:
                return dict(line["result"])
        if self.done:
            return {}
        result = work(run)
        with self.path.open("a", encoding="utf-8") as file:
            print(json.dumps({"run": run, "result": result}), file=file)
        return result


Results = dict[str, list[dict[str, Any]]]
"""By way, the result of each seed."""


def toy_run(training: Any, run: dict[str, Any]) -> dict[str, Any]:
    """Trains on points by one way, and measures what is written then; keeps some of the points."""
    training.begin(run["data"], run["seed"], run["seconds"], **TOY_WAYS[run["way"]])
    steps, seconds = training.train(run["seconds"])
    points = np.round(training.written(500, 1), 3).tolist() if run["seed"] == 0 else []
    return {
        "steps": steps,
        "step": seconds / steps,
        **training.figures(run["seed"]),
        "points": points,
    }


def critic_run(training: Any, run: dict[str, Any]) -> dict[str, Any]:
    """Trains with so many steps of the critic, and compares its estimates with the truth."""
    settings = {"loss": "wasserstein", "lipschitz": "gradient_penalty"}
    settings["critic_steps"] = run["critic_steps"]
    training.begin(run["data"], run["seed"], run["seconds"], **settings)
    steps, used, found = 0, 0.0, []
    while used < run["seconds"]:
        more, seconds = training.train(run["seconds"] / ESTIMATES)
        steps, used = steps + more, used + seconds
        found.append(training.estimate(run["seed"]))
    late = found[len(found) // 2 :]
    estimates, truths = (np.array([one[key] for one in late]) for key in ("estimate", "truth"))
    return {
        "steps": steps,
        "step": used / steps,
        "estimate": float(estimates.mean()),
        "truth": float(truths.mean()),
        "error": float(np.abs(estimates - truths).mean()),
        **training.figures(run["seed"]),
    }


def spread(values: Sequence[float], digits: int, scale: float = 1) -> str:
    """Writes the mean, and of several values the least and the largest."""
    text = f"{scale * statistics.mean(values):,.{digits}f}"
    if len(values) == 1:
        return text
    low, high = (f"{scale * end:,.{digits}f}" for end in (min(values), max(values)))
    return f"{text} ({low} to {high})"


def table(title: str, results: Results, columns: Mapping[str, tuple[str, int, float]]) -> None:
    """Prints a table in Markdown: of each way and column a key of its results, digits, a factor."""
    print(f"\n{title}\n\n| | {' | '.join(columns)} |")
    print(f"| --- | {' | '.join(['---:'] * len(columns))} |")
    for way, found in results.items():
        if not any(found):
            continue
        cells = [
            spread([one[key] for one in found if key in one], digits, scale)
            if any(key in one for one in found)
            else ""
            for key, digits, scale in columns.values()
        ]
        print(f"| {way} | {' | '.join(cells)} |")


TOY_COLUMNS = {
    "true distance": ("distance", 3, 1),
    "modes": ("modes", 1, 1),
    "good samples (%)": ("good", 0, 100),
    "ms a step": ("step", 2, 1000),
    "steps": ("steps", 0, 1),
}
CRITIC_COLUMNS = {
    "ms a step": ("step", 2, 1000),
    "steps": ("steps", 0, 1),
    "estimate": ("estimate", 3, 1),
    "truth": ("truth", 3, 1),
    "mean error": ("error", 3, 1),
    "distance at the end": ("distance", 3, 1),
    "modes": ("modes", 1, 1),
}
MUSIC_COLUMNS = {
    "n-gram (nats)": ("n-gram", 2, 1),
    "consonance (%)": ("consonance", 1, 100),
    "fifths (‰)": ("fifths", 1, 1),
    "octaves (‰)": ("octaves", 1, 1),
    "pitch classes a bar": ("pitch classes", 2, 1),
    "notes a bar": ("notes", 2, 1),
    "diversity (%)": ("diversity", 0, 100),
}
GRADIENT_COLUMNS = {
    "ms a step": ("seconds", 0, 1000),
    "steps": ("steps", 0, 1),
    "norm at the planes": ("planes", 2, 1),
    "norm at the logits": ("logits", 3, 1),
    "least at the logits": ("least", 4, 1),
    "vanished (% of steps)": ("vanished", 0, 100),
    "open cells at the end (%)": ("open", 0, 100),
}


def of_gradients(result: dict[str, Any]) -> dict[str, Any]:
    """Sums up what was measured of a run's gradients at each probe."""
    if not result:
        return {}
    logits = np.array(result["logits"])
    return {
        **result,
        "planes": float(np.median(result["planes"])),
        "logits": float(np.median(logits)),
        "least": float(logits.min()),
        "vanished": float((logits < VANISHED).mean()),
        "open": result["open"][-1],
    }


def toys(options: Any, seconds: float) -> None:
    """Does the runs on points, prints their tables and draws the points."""
    import toy_gan

    training = toy_gan.Training(5 if options.quick else toy_gan.CALL)
    lines = Lines(options.out / "critic_steps.jsonl", options.done)
    data, results = "25 Gaussians", {}
    for steps in CRITIC_STEPS[: 2 if options.quick else None]:
        used = seconds if options.quick else CRITIC_SECONDS
        run = {"data": data, "critic_steps": steps, "seconds": used, "seed": 0}
        results[str(steps)] = [lines.get(lambda run: critic_run(training, run), **run)]
    table(f"Steps of the critic, {data}, Wasserstein with penalty", results, CRITIC_COLUMNS)

    lines, found = Lines(options.out / "toys.jsonl", options.done), {}
    for seed in range(options.seeds):
        for data in toy_gan.CENTRES:
            for way in list(TOY_WAYS)[:: 10 if options.quick else 1]:
                run = {"data": data, "way": way, "seconds": seconds, "seed": seed}
                result = lines.get(lambda run: toy_run(training, run), **run)
                found.setdefault(data, {}).setdefault(way, []).append(result)
    for data, results in found.items():
        same = [toy_gan.draw(data, toy_gan.COMPARED, seed) for seed in (1, 2)]
        real = dict(zip(("modes", "good"), toy_gan.modes_and_good(data, same[0])))
        real["distance"] = toy_gan.distance(*same)
        table(data, {"real points": [real], **results}, TOY_COLUMNS)
    points = {
        data: {way: one[0]["points"] for way, one in ways.items() if one[0].get("points")}
        for data, ways in found.items()
    }
    if any(points.values()):
        toy_gan.draw_points({k: v for k, v in points.items() if v}, options.out / "losses.png")


def chorales(options: Any, minutes: float) -> None:
    """Does the runs on the chorales, and prints their tables."""
    import chorale_gan

    data, results = chorale_gan.Chorales(options.quick), {}
    lines = Lines(options.out / "chorales.jsonl", options.done)
    for seed in range(options.seeds):
        for way in list(chorale_gan.WAYS)[:: 8 if options.quick else 1]:
            run = {"way": way, "seed": seed, "minutes": minutes, "quick": options.quick}
            results.setdefault(way, []).append(of_gradients(lines.get(data.run, **run)))
    real = {"real chorales": [data.figures(data.real)], **results}
    table(f"The music, after {minutes:g} minutes", real, MUSIC_COLUMNS)
    table("The generator's gradient and time", results, GRADIENT_COLUMNS)


def main(argv: Sequence[str] | None = None) -> None:
    """Does the runs that were not done yet, and prints the tables."""
    parser = measure.documented(__doc__)
    parser.add_argument("--only", choices=("toys", "chorales"), help="one part alone, not both")
    parser.add_argument("--seconds", type=float, help="for a run on points (default 6)")
    parser.add_argument("--minutes", type=float, help="for a run on chorales (default 1.5)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("losses"), help="folder of the results")
    parser.add_argument(
        "--done", action="store_true", help="print the tables of what was done, and do no more"
    )
    parser.add_argument(
        "--quick", action="store_true", help="seconds, tiny networks: shows that the script runs"
    )
    options = parser.parse_args(argv)

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.run_functions_eagerly(options.quick)  # compiling takes longer than so few steps
    seconds = options.seconds or (0.1 if options.quick else 6.0)
    minutes = options.minutes or (0.01 if options.quick else 1.5)
    measure.print_conditions(
        f"0 to {options.seeds - 1}",
        points=f"{seconds:g} s of processor time a run",
        chorales=f"{minutes:g} minutes of processor time a run",
    )
    if options.only != "chorales":
        toys(options, seconds)
    if options.only != "toys":
        chorales(options, minutes)


if __name__ == "__main__":
    main()
