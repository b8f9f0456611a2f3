"""What an evaluation returns: its figures, as a table, a frame, JSON and a picture.

A *figure* is one measure of the subject's music, of real music that the subject has not seen, and
of the shuffled control, all three in the same form. The real column says what good looks like, and
the shuffled one what music without sense looks like; where these two are the same, the measure
tells nothing. `musegen.evaluation.measure` says what is measured.
"""

from __future__ import annotations

import dataclasses
import html
import json
import math
import os
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from musegen._checks import checked_path, shown
from musegen._files import written_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

COLUMNS = ("subject", "real", "shuffled")
"""The sets of music that every figure is of."""

HEADINGS = {
    "likelihood": "likelihood: what it costs to predict the music of each column, less is likelier",
    "tracks": "tracks: figures of the piano roll, near real is good",
    "music": "music: means over pieces, near real is good",
    "distance": "distance to the test split, little is good (of overlapped area much); under real, "
    "the training split's",
    "voice leading": "voice leading, near real is good",
    "copying": "copying: what stands in the training split, in any key; far above real is bad",
}
"""The parts of an evaluation, in their order, and the heading of each in a table."""

WIDEST_NAME = 20
"""Characters of a subject's name that a column's heading has room for."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measure of three sets of music; nan where a set has nothing to measure.

    Attributes:
        part: One of `HEADINGS`.
        name: What is measured.
        subject: The value of the subject's music.
        real: That of the corpus's test split.
        shuffled: That of the test split, shuffled.
        unit: "share" (0 to 1, which tables give in per cent), "bits" and so on; empty for a plain
            number.
        track: The track that it is of; None if it is of all.
    """

    part: str
    name: str
    subject: float
    real: float
    shuffled: float
    unit: str = ""
    track: str | None = None

    @property
    def values(self) -> tuple[float, float, float]:
        """Those of the subject, of the real music and of the shuffled."""
        return self.subject, self.real, self.shuffled

    @property
    def label(self) -> str:
        """Name, track and unit, as tables and pictures have them."""
        unit = "%" if self.unit == "share" else self.unit
        track = "" if self.track is None else f": {self.track}"
        return f"{self.name}{track}" + (f" ({unit})" if unit else "")

    def texts(self) -> tuple[str, ...]:
        """The three values, as tables and pictures have them."""
        scale = 100 if self.unit == "share" else 1
        digits = {"share": 2, "steps": 0, "notes": 0}.get(self.unit, 3)
        return tuple(f"{scale * v:,.{digits}f}" if math.isfinite(v) else "-" for v in self.values)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The figures of a subject beside those of real music and of the shuffled control.

    Prints as a table, iterates over its figures, and draws itself with `plot`.

    Attributes:
        subject: The model's or the folder's name.
        corpus: The corpus's name.
        form: What is measured as one piece, such as "phrases of 4 bars" or "melodies"; the same in
            all columns.
        counts: How many of these the "subject", the "real" and the "shuffled" music have, and the
            "train" split, from which distances and copies are told.
        seed: The seed of what was sampled and shuffled.
        figures: All figures, in the order of the table.
        notes: Lines below the table, such as where the longest copy comes from, or what was left
            out and why.
        split: The split that the real music is; always "test".
    """

    subject: str
    corpus: str
    form: str
    counts: dict[str, int]
    seed: int
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    split: str = "test"

    def __iter__(self) -> Iterator[Figure]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def __repr__(self) -> str:
        return f"<Evaluation of {self.subject} on {self.corpus}: {len(self)} figures>"

    def figure(self, name: str, track: str | None = None) -> Figure:
        """Looks a figure up.

        Args:
            name: Its name, such as "parallel fifths", or what a table has for it, such as "notes a
                bar: soprano".
            track: Its track, if it is of one.

        Raises:
            ValueError: If there is no such figure.
        """
        for one in self.figures:
            labels = (one.label, f"{one.name}: {one.track}") if track is None else ()
            if (one.name, one.track) == (name, track) or name in labels:
                return one
        which = f"name={shown(name)}" + f", track={shown(track)}" * (track is not None)
        every = [one.label for one in self.figures]
        known = ", ".join([label for label in every if str(name) in label] or every)
        raise ValueError(f"{which}: there is no such figure. Choose one of: {known}.")

    @property
    def title(self) -> str:
        """What was compared, in one line."""
        counts, (noun, *rest) = self.counts, self.form.split(" ")
        if counts["subject"] == 1:
            noun = {"melodies": "melody"}.get(noun, noun.removesuffix("s"))
        return (
            f"{self.subject} on {self.corpus}, {self.split} split: {counts['subject']:,} "
            f"{' '.join([noun, *rest])}, beside {counts['real']:,} real and "
            f"{counts['shuffled']:,} shuffled ones"
        )

    @property
    def heading(self) -> str:
        """The subject's name, if a column has room for it."""
        return self.subject if len(self.subject) <= WIDEST_NAME else "subject"

    def __str__(self) -> str:
        rows = [(one.label, *one.texts()) for one in self.figures]
        head = (self.heading, "real", "shuffled")
        wide = max((len(row[0]) for row in rows), default=0) + 2
        widths = [max(map(len, column)) + 2 for column in zip(head, *(row[1:] for row in rows))]

        def line(label: str, texts: tuple[str, ...]) -> str:
            return label.ljust(wide) + "".join(t.rjust(w) for t, w in zip(texts, widths))

        lines = [self.title, line("", head)]
        for part, figures in self._parts().items():
            lines.append(HEADINGS.get(part, part))
            lines += [line(f"  {one.label}", one.texts()) for one in figures]
        return "\n".join([*lines, *self.notes])

    def _parts(self) -> dict[str, list[Figure]]:
        """The figures of each part, by its name."""
        parts: dict[str, list[Figure]] = {}
        for one in self.figures:
            parts.setdefault(one.part, []).append(one)
        return parts

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def to_frame(self) -> Any:
        """Returns the figures as a `pandas.DataFrame`, one row each; pandas must be installed.

        The columns are part, name, track (None if it is of all), unit, subject, real and shuffled;
        shares go from 0 to 1.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            raise ImportError("to_frame() needs pandas: pip install pandas.") from None
        order = ["part", "name", "track", "unit", *COLUMNS]
        return pandas.DataFrame(map(dataclasses.asdict, self.figures), columns=order)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns the evaluation as JSON, and saves it if there is a path.

        It has musegen's version and all attributes; nan is null, shares go from 0 to 1.

        Args:
            path: The file to write, whole or not at all; None writes none.

        Raises:
            ValueError: If `path` is not a path.
            OSError: If the file can't be written.
        """
        from musegen import __version__

        document: dict[str, Any] = {"musegen": __version__, **dataclasses.asdict(self)}
        for figure in document["figures"]:
            for column in COLUMNS:
                figure[column] = figure[column] if math.isfinite(figure[column]) else None
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        if path is not None:
            with written_path(checked_path("path", path)) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
        return text

    def plot(self, path: str | os.PathLike[str] | None = None) -> Picture:
        """Draws every figure as a line of its own scale with the three values marked.

        Args:
            path: Where to save the picture, in the format of its suffix; None saves nothing.

        Raises:
            ValueError: If `path` is not a path, or has no picture suffix.
            OSError: If the file can't be written.
        """
        from musegen.plots._figure import check_picture_path
        from musegen.plots.evaluation import plot_evaluation

        check_picture_path(path)
        parts = {
            part: [(one.label, one.values, one.texts()) for one in figures]
            for part, figures in self._parts().items()
        }
        return plot_evaluation(self.title, self.heading, parts, path)
