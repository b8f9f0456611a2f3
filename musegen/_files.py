"""Writing files so that nothing a user had is lost: write beside, then rename over."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from musegen import _stopping


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Provides a temporary path in the same folder, and renames it over `path` if all went well.

    Whoever reads `path` sees the old file or the whole new one, never a part. If the block
    raises, the temporary file is deleted and `path` is left as it was. The temporary name ends
    as `path` does, so that libraries which choose a format by the suffix choose the same one. It
    begins with a dot: what a process leaves that is killed is a hidden file, which may be deleted.
    The folder is made if it is missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _stopping.lock:
            temporary = _new_file(path)
            stack.enter_context(_stopping.at_stop(lambda: temporary.unlink(missing_ok=True)))
        stack.callback(temporary.unlink, missing_ok=True)
        yield temporary
        # mkstemp makes files that only their owner reads; give what a plain open() would.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)


def _new_file(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    return Path(name)


@contextlib.contextmanager
def written_path(path: str | os.PathLike[str], kind: type[Exception] = OSError) -> Iterator[Path]:
    """As `atomic_path`, with an error that says what to do if the file can't be written."""
    try:
        with atomic_path(path) as temporary:
            yield temporary
    except OSError as error:
        raise kind(
            f"{os.fspath(path)}: can't be written ({error.strerror or error}). Name a file in a "
            "folder where you may write."
        ) from None


def is_folder(path: Path) -> bool:
    """Returns whether there is such a folder; False for a name that no folder can have."""
    try:
        return path.is_dir()
    except OSError:
        return False
