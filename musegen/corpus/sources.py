"""Which files an address means, and how a process gets hold of one: folders, archives, networks.

An address is the path of a folder, or whatever fsspec reads: `zip://::songs.zip`,
`s3://bucket/songs` (with its plug-in s3fs), `memory://songs`. A list has addresses of files. What
is no path of this machine is copied to a temporary file first, not more of it than the limits let
in, and is read from there as any other file is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from musegen._checks import checked_path, shown
from musegen.corpus.corpus import CorpusError

SUFFIXES = (".mid", ".midi", ".npz", ".musicxml", ".mxl")

NO_FILES = (
    "no MIDI files (.mid or .midi), nor piano rolls (.npz) or MusicXML (.musicxml or .mxl), in "
    "it or its folders."
)

STATE = (
    *("size", "mtime", "created", "LastModified", "last_modified", "updated"),
    *("ETag", "etag", "md5Hash", "CRC", "date_time"),
)
"""What file systems say of a file that changes with its contents."""


class Unopened(Exception):
    """A file could not be opened or copied now; the next time it is tried again."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Files of music.

    Attributes:
        given: What they were called: a path, an address, or several.
        name: What a corpus of them is called.
    """

    given: str
    name: str

    @property
    def place(self) -> str:
        """What tells one source from another, of which the results are kept apart."""
        return self.given

    def files(self) -> dict[str, Any]:
        """Returns the names of the files, and what changes with the contents of each."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises a CorpusError if the process where it is called can't get hold of the files."""

    def opened(self, name: str, most: int) -> contextlib.AbstractContextManager[str]:
        """A context with the path of a file; what is longer than `most` bytes is not copied."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Folder(Source):
    """A folder of this machine, or of a disk that all machines see under this path."""

    root: Path

    @property
    def place(self) -> str:
        return os.fsdecode(self.root.resolve())

    def check(self) -> None:
        if not self.root.is_dir():
            raise CorpusError(
                f"{self.given}: the workers of the cluster have no such folder. Give a folder that "
                "all machines see under this path, or an address such as s3://bucket/folder."
            )

    def files(self) -> dict[str, Any]:
        root = self.root
        if not root.exists():
            raise CorpusError(
                f"{self.given}: no such folder. Check the path and the current folder."
            )
        if not root.is_dir():
            raise CorpusError(f"{self.given}: not a folder. Give the folder that the files are in.")
        found: dict[str, Any] = {}
        unlisted: list[OSError] = []
        for place, folders, names in os.walk(root, onerror=unlisted.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(place).relative_to(root)
            found |= {(below / name).as_posix(): None for name in names if _is_music(name)}
        for error in unlisted:
            if not found:
                raise CorpusError(
                    f"{error.filename}: the folder can't be listed ({error.strerror})."
                )
            found[Path(error.filename).relative_to(root).as_posix()] = None
        return {name: _state(root / name) for name in found}

    def opened(self, name: str, most: int) -> contextlib.AbstractContextManager[str]:
        return contextlib.nullcontext(str(self.root / name))


@dataclasses.dataclass(frozen=True)
class Address(Source):
    """A folder, or an archive, that fsspec reads."""

    listed: int
    """When it was listed: a process that stays looks at it anew the next time."""

    def files(self) -> dict[str, Any]:
        system, root = _file_system(self.given)
        try:
            found = system.find(root, detail=True)
        except Exception as error:  # noqa: BLE001 - plug-ins have errors of their own
            raise _unlisted(self.given, error) from None
        names = {_below(path, root): _state_of(info) for path, info in found.items()}
        return {name: state for name, state in names.items() if _is_music(name)}

    def opened(self, name: str, most: int) -> contextlib.AbstractContextManager[str]:
        system, root = _kept_file_system(self.given, self.listed)
        path = f"{root.rstrip('/')}/{name}" if root.strip("/") else f"{root}{name}"
        return _copied(system, path, name, most)


@dataclasses.dataclass(frozen=True)
class Addresses(Source):
    """Single files, each with its path or its address."""

    addresses: tuple[str, ...]
    listed: int

    @property
    def place(self) -> str:
        return "addresses"  # a list that has grown is not read anew

    def files(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.addresses:
            if not _is_music(name.partition("::")[0]):
                raise CorpusError(f"{name}: give files that end in {', '.join(SUFFIXES)}.")
            if is_address(name):
                system, path = _kept_file_system(name, self.listed)
                try:
                    found[name] = _state_of(system.info(path))
                except Exception:  # noqa: BLE001 - reading it gives the reason
                    found[name] = None
            else:
                found[name] = (str(Path(name).absolute()), _state(Path(name)))
        return found

    def opened(self, name: str, most: int) -> contextlib.AbstractContextManager[str]:
        if not is_address(name):
            return contextlib.nullcontext(name)
        return _copied(*_kept_file_system(name, self.listed), name, most)


def source_of(path: Any) -> Source:
    """Returns the files that a `path` means; raises a ValueError for what is none."""
    if isinstance(path, Sequence) and path and not isinstance(path, (str, bytes, bytearray)):
        paths = [
            os.fspath(checked_path("path", one)) if not is_address(one) else one for one in path
        ]
        names = tuple(sorted(dict.fromkeys(paths)))
        return Addresses(f"{len(names):,} addresses", "addresses", names, time.time_ns())
    if is_address(path):
        parts = [part for part in re.split(r"::|://|/", path) if part]
        return Address(path, parts[-1], time.time_ns())
    if isinstance(path, Sequence) and not isinstance(path, str):
        raise ValueError(
            f"path={shown(path)}: give a folder, an address that fsspec reads, or a list of files."
        )
    root = checked_path("path", path)
    return Folder(os.fspath(path), root.resolve().name, root.absolute())


def is_address(value: Any) -> bool:
    """Whether a value is an address, and no path of this machine."""
    return isinstance(value, str) and re.match(r"[A-Za-z][\w+.-]*(::|://)", value) is not None


def _is_music(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") for part in parts if part not in ("..", "."))
    return name.lower().endswith(SUFFIXES) and not hidden


def _state(path: Path) -> tuple[int, int, int]:
    """Size and times of change of a file."""
    try:
        status = os.stat(path)
    except OSError:  # gone, or a link to nowhere: reading it gives the reason
        return -1, -1, -1
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _state_of(info: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={info[name]}" for name in STATE if name in info)


def _below(path: str, root: str) -> str:
    return path.strip("/").removeprefix(root.strip("/")).strip("/")


def _file_system(address: str) -> tuple[Any, str]:
    """Returns what reads an address, and the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise CorpusError(
            f"{address}: to read addresses, fsspec is needed: pip install 'musegen[cluster]'."
        ) from None
    try:
        system, path = url_to_fs(address)
    except ImportError as error:  # of a plug-in; its text says which
        raise CorpusError(f"{address}: {str(error).rstrip('.')}, and read it again.") from None
    except Exception as error:  # noqa: BLE001 - plug-ins have errors of their own
        raise _unlisted(address, error) from None
    return system, path


@functools.lru_cache(maxsize=16)
def _kept_file_system(address: str, listed: int) -> tuple[Any, str]:
    return _file_system(address)


def _unlisted(address: str, error: Exception) -> CorpusError:
    words = " ".join(str(error).split()) or type(error).__name__
    return CorpusError(
        f"{address}: can't be read ({words[:200]}). Check the address, and give one that fsspec "
        "knows, such as zip://::songs.zip or s3://bucket/folder."
    )


@contextlib.contextmanager
def _copied(system: Any, path: str, name: str, most: int) -> Iterator[str]:
    """A temporary copy of a file; of one that is too long, a file of its length that is empty."""
    with tempfile.NamedTemporaryFile(suffix=PurePosixPath(name.partition("::")[0]).suffix) as copy:
        try:
            with system.open(path, "rb") as file:
                data = file.read(most + 1)
            size = system.size(path) if len(data) > most else len(data)
        except Exception as error:  # noqa: BLE001 - plug-ins have errors of their own
            words = " ".join(str(error).split()) or type(error).__name__
            raise Unopened(words[:200]) from None
        copy.write(data[:most])
        copy.truncate(max(size or 0, len(data)))
        copy.flush()
        yield copy.name
