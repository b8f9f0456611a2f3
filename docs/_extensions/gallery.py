"""The gallery: in which order the examples stand, and which pictures are taken from them.

musegen makes figures without pyplot, so the scraper that comes with sphinx-gallery does not see
them: this one takes every figure that a block of an example has put into a variable.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

NAMES = (
    *("melody", "musegan", "knobs", "harmonise", "fill_in"),
    *("attention", "evaluate", "diagnose", "own_network"),
)
"""The examples, in the order of the page."""


class ORDER:
    """Sorts the files of a folder as `NAMES` has them."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, file: str) -> int:
        return NAMES.index(Path(file).stem)


def scrape_figures(block: Any, variables: dict[str, Any], configuration: Any) -> str:
    """Saves the figures that a block has made, and returns the text that shows them."""
    from matplotlib.figure import Figure
    from sphinx_gallery.scrapers import figure_rst

    shown = variables.setdefault("figures_shown", set())
    paths = []
    for value in variables["example_globals"].values():
        for figure in value if isinstance(value, list) else [value]:
            if isinstance(figure, Figure) and id(figure) not in shown:
                shown.add(id(figure))
                path = Path(next(variables["image_path_iterator"]))
                figure.savefig(path, dpi=120)
                paths.append(str(path))
    return figure_rst(paths, configuration["src_dir"])


def prepare(configuration: Any, file: str) -> None:
    """Runs an example without XLA, whose compiling would take most of the time of so little music.

    It also gives back the memory of the example before.
    """
    import tensorflow as tf

    gc.collect()
    if getattr(tf.function, "__name__", "") != "uncompiled":
        function = tf.function

        def uncompiled(*args: Any, jit_compile: Any = None, **options: Any) -> Any:
            return function(*args, **options)

        tf.function = uncompiled
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
