"""What a check found: a verdict, one sentence, its figures, and a picture of them.

`musegen.diagnose` runs checks, each of which returns a `Finding`; its `Diagnosis` prints as lines
and is saved as one HTML page.
"""

from __future__ import annotations

import base64
import dataclasses
import math
import os
from collections.abc import Callable, Iterable
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from musegen._checks import checked_path, shown
from musegen._files import written_path
from musegen.diagnosis.checks import CHECKS
from musegen.plots._figure import check_picture_path, figure_png, saved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Verdict = Literal["good", "unsure", "bad"]

MARKS: dict[Verdict, str] = {"good": "✓", "unsure": "?", "bad": "✗"}
LEGEND = (
    f"{MARKS['good']} as it should be, {MARKS['unsure']} to be looked at, "
    f"{MARKS['bad']} in the way: begin with the first of these"
)
COLOURS: dict[Verdict, str] = {"good": "#009E73", "unsure": "#8A7A00", "bad": "#D55E00"}
STYLE = (
    "body{font:16px/1.5 sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "img{max-width:100%}h2{border-top:1px solid #dadada;padding-top:1rem}ul{list-style:none}"
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: The name of the check, as in `musegen.diagnosis.CHECKS`.
        verdict: `"good"`, `"bad"`, or `"unsure"` where the figures don't decide or the check could
            not be run.
        sentence: What was found and, unless it is good, what to do: one sentence.
        figures: The numbers behind it, by name; JSON values, None for one that is not finite.
        draw: Makes the picture of them; None where nothing was measured.
    """

    check: str
    verdict: Verdict
    sentence: str
    figures: dict[str, Any] = dataclasses.field(default_factory=dict)
    draw: Callable[[], Figure] | None = None

    @property
    def part(self) -> str:
        """Which of the five questions it belongs to, such as `"Is it right?"`."""
        return CHECKS[self.check].part

    @property
    def question(self) -> str:
        """What the check asks, such as `"Do gradients reach every weight?"`."""
        return CHECKS[self.check].question

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draws the figures behind the finding.

        Args:
            path: Where to save the picture; its suffix chooses the format. None saves nothing.

        Returns:
            The figure.

        Raises:
            ValueError: If the suffix is not one of a picture, or nothing was measured.
            OSError: If the file can't be written.
        """
        check_picture_path(path)
        if self.draw is None:
            raise ValueError(f"{self.check}: nothing was measured, so there is nothing to draw.")
        return saved(self.draw(), path)

    def __str__(self) -> str:
        return f"{MARKS[self.verdict]} {self.question} {self.sentence}"


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """All that `musegen.diagnose` found.

    Attributes:
        subject: The model's name.
        corpus: The corpus's name.
        findings: In the order in which they were asked.
    """

    subject: str
    corpus: str
    findings: tuple[Finding, ...]

    @property
    def bad(self) -> tuple[Finding, ...]:
        """The findings whose verdict is `"bad"`: the first is where to begin."""
        return tuple(finding for finding in self.findings if finding.verdict == "bad")

    def __str__(self) -> str:
        lines = [f"{self.subject} on {self.corpus}"]
        for part, findings in groupby(self.findings, lambda finding: finding.part):
            lines += ["", part, *(f"  {finding}" for finding in findings)]
        return "\n".join([*lines, "", LEGEND])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes one HTML page with all findings and their pictures inside; it needs no network.

        Args:
            path: The page; it must end in .html or .htm, and is replaced if it is there.

        Returns:
            The path.

        Raises:
            ValueError: If the name has another suffix.
            OSError: If the file can't be written.
        """
        check_page_path(path)
        with written_path(path) as temporary:
            temporary.write_text(self._page(), encoding="utf-8")
        return Path(path)

    def _page(self) -> str:
        title = escape(f"{self.subject} on {self.corpus}")
        contents, sections = [], []
        for part, findings in groupby(self.findings, lambda finding: finding.part):
            sections.append(f"<h2>{escape(part)}</h2>")
            for finding in findings:
                mark = f'<b style="color:{COLOURS[finding.verdict]}">{MARKS[finding.verdict]}</b>'
                question = escape(finding.question)
                contents.append(f'<li>{mark} <a href="#{finding.check}">{question}</a></li>')
                sections.append(f'<section id="{finding.check}"><h3>{mark} {question}</h3>')
                sections.append(f"<p>{escape(finding.sentence)}</p>")
                if finding.draw is not None:
                    picture = base64.b64encode(figure_png(finding.draw())).decode()
                    sections.append(f'<img alt="{question}" src="data:image/png;base64,{picture}">')
                sections.append("</section>")
        head = [f"<h1>{title}</h1>", f"<p>{LEGEND}</p>"]
        content = "\n".join([*head, "<ul>", *contents, "</ul>", *sections])
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{STYLE}</style></head><body>\n{content}\n</body></html>\n"
        )


def check_page_path(path: str | os.PathLike[str], name: str = "path") -> None:
    """Raises a `ValueError` if the path, which the user calls `name`, doesn't end in .html."""
    if checked_path(name, path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{name}={shown(os.fspath(path))}: give a name that ends in .html.")


def clauses(faults: list[str]) -> str:
    """Joins clauses to the beginning of a sentence."""
    text = "; ".join(faults)
    return text[0].upper() + text[1:] if text.startswith(("the ", "its ")) else text


def listed(names: list[str], most: int = 3) -> str:
    """Joins names, and says how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def finite(values: Iterable[float | None]) -> list[float | None]:
    """Returns numbers as JSON has them: None for one that is not finite, or is None."""
    return [None if value is None or not math.isfinite(value) else float(value) for value in values]
