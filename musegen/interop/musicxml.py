"""A score <-> a MusicXML file, which notation programs such as MuseScore open and save.

A file is plain (`.musicxml`, or `.xml` in older programs) or a zip archive of it (`.mxl`). music21
reads and writes both too. Here it is done without it: anybody may have made a file, so every size
in it is checked and nothing that it names is opened; drums keep their pitches, which music21 loses;
and it takes a fraction of the time. Tests compare the two. `musegen.interop._engraving` says how
music is made ready for notation.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from symusic.core import ScoreTick

from musegen._checks import checked_path, checked_text, shown
from musegen._files import written_path
from musegen.interop._archive import Archive
from musegen.interop._musicxml_reader import score_of_document
from musegen.interop._musicxml_writer import document
from musegen.interop.dispatch import FILES, MusicLike, to_score
from musegen.midi import MidiError, ReadLimits
from musegen.midi.limits import checked_limits
from musegen.midi.reading import given_bytes
from musegen.midi.rules import impossible_events, settle

SUFFIXES = (".musicxml", ".mxl")
"""What `write_musicxml` writes; `.xml` is read as well."""

_CONTAINER = "META-INF/container.xml"


def read_musicxml(
    path: str | os.PathLike[str] | bytes | bytearray, limits: ReadLimits | None = None
) -> ScoreTick:
    """Reads a MusicXML file, plain or compressed.

    Tied notes are joined; grace notes and cue notes are left out, repeats are played once, and the
    instruments are at sounding pitch. A first measure that is shorter than its meter is a pickup:
    silence fills it up to a full bar. A later measure of another length gets a meter of its own.

    Args:
        path: The file, or its bytes; it may be compressed.
        limits: How large it may be, `max_bytes` also when it is unpacked. None means
            `ReadLimits()`.

    Returns:
        The score, with one track per part, and as many ticks to the quarter note as the file has
        divisions (24 at least). A note without stated dynamics gets velocity 64.

    Raises:
        MidiError: If the file can't be read, is not MusicXML, is damaged, or is over a limit.
    """
    limits = checked_limits(limits)
    data, name = given_bytes("path", path, limits)
    if data[:4] == b"PK\x03\x04":
        data = _unpacked(data, name, limits)
    return score_of_document(data, name, limits)


for _suffix in (".musicxml", ".mxl", ".xml"):
    FILES[_suffix] = read_musicxml


def write_musicxml(
    music: MusicLike, path: str | os.PathLike[str], title: str | None = None
) -> Path:
    """Writes music as a MusicXML file, for a notation program; it appears whole or not at all.

    Each track is a part with its name and a clef for its range, pianos and the like on two staves
    where they need both. Music without a key signature gets the one that fits its notes best.
    Music whose notes begin and end on the grid of 24 steps to the quarter note (that of 64th
    triplets) comes back from `read_musicxml` as it was: notes, velocities, meter, tempo, and keys
    that begin at bar lines. Other music is put on the grid of the beats first. The same music makes
    the same bytes.

    Args:
        music: Whatever `to_score` takes.
        path: The file to write; its suffix is `.musicxml`, or `.mxl` for a compressed one. Its
            folder is made if it is missing.
        title: What stands above the music; None writes nothing.

    Returns:
        The path.

    Raises:
        ValueError: If the suffix is another, or `title` is not a string.
        MidiError: If the music has values or a meter that notation can't hold, or the file can't
            be written; what was at `path` before is then still there.

    Warns:
        MidiWarning: More than four notes of different lengths sound at once on a staff, and some
            were cut short or joined to others.
    """
    suffix = checked_path("path", path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"path={shown(os.fspath(path))}: give a name that ends in .musicxml or .mxl."
        )
    if title is not None:
        checked_text("title", title)
    data = musicxml_bytes(music, title)
    with written_path(path, MidiError) as temporary:
        if suffix == ".mxl":
            _pack(temporary, data)
        else:
            temporary.write_bytes(data)
    return Path(path)


def musicxml_bytes(music: MusicLike, title: str | None = None) -> bytes:
    """Returns the bytes of the plain file that `write_musicxml` would write; raises as it does."""
    score = to_score(music)
    for _, _, what in impossible_events(score):
        raise MidiError(f"the given music has {what}. Change it, or take it out.")
    return document(settle(score, "the given music"), title)


class _Package(Archive):
    kind = "compressed MusicXML"
    remedy = "Save it again from the program that made it."


def _unpacked(data: bytes, name: str, limits: ReadLimits) -> bytes:
    """Returns the document in a compressed file: the one that its container names first."""
    archive = _Package(data, name)
    # The container is XML too: what it names is looked for in its text, and must be in the archive.
    container = bytes(archive.read(_CONTAINER, 2**16) or b"").decode("utf-8", "replace")
    named = [
        member
        for member in archive.members
        if f'full-path="{member}"' in container or f"full-path='{member}'" in container
    ]
    music = [member for member in named if member.lower().endswith((".xml", ".musicxml"))]
    if not music:
        archive.refuse("not compressed MusicXML: no container that names a score is in it")
    size = archive.members[music[0]].file_size
    limits.check("max_bytes", size, "bytes when unpacked", name)
    return bytes(archive.read(music[0], size) or b"")


def _pack(path: Path, data: bytes) -> None:
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles>'
        '<rootfile full-path="score.musicxml" '
        'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
    )
    with zipfile.ZipFile(path, "w") as archive:
        # A ZipInfo has a fixed date, and a name alone gets today's. The type stands first, plain.
        kind = zipfile.ZipInfo("mimetype")
        archive.writestr(kind, "application/vnd.recordare.musicxml", zipfile.ZIP_STORED)
        for member, content in ((_CONTAINER, container.encode()), ("score.musicxml", data)):
            archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED)
