"""The knobs of a model in a notebook.

The widget is a page (`page/static/widget.js`) and the `Desk` behind it, which writes what it asks:

    asked                                  does
    ------------------------------------   --------------------------------------------------
    {"turns": [{"part", "track"}, ...]}    draws these noises anew; from there one sets out
    {"share": {...}}                       walks so far from A to B, as `MuseGAN.walk` takes it
    {"mark": "a"} or {"mark": "b"}         makes the piece that is shown A or B
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from musegen._checks import Whole, checked_kind, seed_or_drawn
from musegen.page.frame import script, style
from musegen.page.view import view
from musegen.settings import LARGE_SEED, declared

if TYPE_CHECKING:
    from musegen.composition import PianorollComposition
    from musegen.models import MuseGAN

MISSING = "The knobs in a notebook need anywidget: pip install musegen[notebook]."


class Desk:
    """What the knobs of a model write.

    Attributes:
        piece: The piece that is shown.

    Args:
        model: A trained `MuseGAN`.
        seed: The seed of the first piece.
        bars: Its bars; one phrase if None.
    """

    def __init__(self, model: Any, seed: int, bars: int | None) -> None:
        self._model, self._seed, self._bars = model, seed, bars
        self.piece: PianorollComposition = model.sample(seed=seed, bars=bars)
        self._first: PianorollComposition = self.piece
        self._last: PianorollComposition | None = None
        self._share: dict[str, Any] = {}

    def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Does what is asked, if anything, and returns what to show of it; or of an error."""
        try:
            if "turns" in asked:
                self._draw(asked["turns"])
            elif "share" in asked:
                self._walk(asked["share"])
            elif "mark" in asked:
                self._mark(asked["mark"])
        except (ValueError, TypeError, KeyError) as error:
            return {"error": " ".join(str(error).split())}
        ends = (
            "A is where you set out" if self.piece is not self._first else "A is this piece",
            "B is another piece." if self._last is not None else "B is drawn when you set out.",
        )
        shown = {"piece": view(self.piece), "shares": self._share, "ends": ", ".join(ends)}
        return shown

    def _draw(self, turns: list[dict[str, Any]]) -> None:
        piece = self.piece
        for turn in turns:
            self._seed += 1
            part, track, seed = turn["part"], turn.get("track"), self._seed % 2**63
            (piece,) = self._model.variants(piece, part, track, count=1, seed=seed)
        self.piece = self._first = piece
        self._share = {}

    def _walk(self, share: dict[str, Any]) -> None:
        if self._last is None:
            self._seed += 1
            self._last = self._model.sample(seed=self._seed % 2**63, bars=self._bars)
        self.piece = self._model.walk(self._first, self._last, share) if share else self._first
        self._share = share

    def _mark(self, end: str) -> None:
        if end == "a":
            self._first, self._share = self.piece, {}
        else:
            self._last = self.piece
            self._share = {} if self.piece is self._first else {"all": 1}


@declared
def knobs(
    model: MuseGAN,
    *,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed begins with the same piece; drawn if None"
    ] = None,
    bars: Annotated[int | None, Whole(1, 4096), "Bars of the pieces; one phrase if None"] = None,
) -> Any:
    """Shows the knobs of a model in a notebook: a pad for each of its noises and tracks.

    A noise is drawn anew, locked, and walked from one piece, A, to another, B. The roll rings the
    notes that changed. It needs anywidget (`pip install musegen[notebook]`).

    Args:
        model: A trained `MuseGAN`.

    Returns:
        The widget. Its `piece` is the piece that it shows, to save or to go on with.

    Raises:
        ValueError: If an argument is out of its range.
        ImportError: If anywidget is not installed.

    Example:
        >>> gan = musegen.load("bach-quartet")  # doctest: +SKIP
        >>> turned = musegen.knobs(gan, seed=7)  # doctest: +SKIP
        >>> turned.piece.save("found.mid")  # doctest: +SKIP
    """
    from musegen.models import MuseGAN

    checked_kind("model", model, MuseGAN, "a MuseGAN, such as musegen.load('bach-quartet')")
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise ImportError(MISSING) from None

    class Knobs(anywidget.AnyWidget):
        """The knobs, as a notebook shows them."""

        _esm = script("widget")
        look = traitlets.Unicode(style()).tag(sync=True)
        shown = traitlets.Dict().tag(sync=True)
        asked = traitlets.Dict().tag(sync=True)

        @property
        def piece(self) -> PianorollComposition:
            """The piece that is shown."""
            return desk.piece

        @traitlets.observe("asked")
        def _do(self, change: Any) -> None:
            self.shown = {**self.shown, "error": "", **desk.do(change["new"])}

    desk = Desk(model, seed_or_drawn(seed), bars)
    return Knobs(shown=desk.do({}))
